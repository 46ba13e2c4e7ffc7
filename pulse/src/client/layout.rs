//! The log's layout, asked of the catalogue and added to.

use super::channel::{connect, failure, request};
use crate::exit::Failure;
use crate::server::Server;
use domain::time::Timestamp;
use proto::instant::{from_wire, to_wire};
use proto::v1::registry_service_client::RegistryServiceClient;
use proto::v1::{AddGenerationRequest, GetRegistryRequest, Registry, SplitTenantRequest};
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Response, Status};

/// What to ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// The layout as it is.
    Show,
    /// The same with another generation.
    AddGeneration {
        /// Of its topic.
        partitions: u32,
        /// The first event time that goes there.
        valid_from: Timestamp,
    },
    /// The same with a tenant that is spread.
    SplitTenant {
        /// Who.
        tenant: String,
        /// Over how many partitions.
        shards: u32,
        /// The first event time it holds for.
        valid_from: Timestamp,
    },
}

/// The layout that a server answers with.
pub async fn ask(server: &Server, question: Question) -> Result<Registry, Failure> {
    let answer = async {
        let mut client = RegistryServiceClient::new(connect(server).await?);
        put(server, &mut client, question).await
    };
    answer.await.map(Response::into_inner).map_err(|status| failure(&status))
}

async fn put(
    server: &Server,
    client: &mut RegistryServiceClient<Channel>,
    question: Question,
) -> Result<Response<Registry>, Status> {
    match question {
        Question::Show => client.get_registry(request(server, GetRegistryRequest::default())?).await,
        Question::AddGeneration { partitions, valid_from } => {
            let valid_from = Some(to_wire(valid_from));
            client.add_generation(request(server, AddGenerationRequest { partitions, valid_from })?).await
        }
        Question::SplitTenant { tenant, shards, valid_from } => {
            let valid_from = Some(to_wire(valid_from));
            client.split_tenant(request(server, SplitTenantRequest { tenant, shards, valid_from })?).await
        }
    }
}

/// A row for each generation and each split.
pub fn items(layout: &Registry) -> Vec<Value> {
    let generations = layout.generations.iter().map(|generation| {
        json!({
            "kind": "generation", "number": generation.number, "topic": generation.topic,
            "partitions": generation.partitions, "valid_from": instant(generation.valid_from),
            "incarnation": generation.incarnation,
        })
    });
    let splits = layout.splits.iter().map(|split| {
        json!({
            "kind": "split", "tenant": split.tenant, "shards": split.shards,
            "valid_from": instant(split.valid_from),
        })
    });
    generations.chain(splits).collect()
}

/// None from the beginning of time on.
fn instant(wire: Option<prost_types::Timestamp>) -> Option<String> {
    from_wire(wire).map(|instant| instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::{Generation, Split};

    #[test]
    fn a_layout_is_a_row_for_each_generation_and_split() {
        let later = Some(to_wire(Timestamp::from_seconds(1_767_225_600)));
        let first =
            Generation { number: 1, topic: "t.g1".into(), partitions: 4, valid_from: None, incarnation: 2 };
        let split = Split { tenant: "acme".into(), shards: 4, valid_from: later };
        let layout = Registry { generations: vec![first], splits: vec![split], catalog_offset: 9 };
        let first = json!({
            "kind": "generation", "number": 1, "topic": "t.g1", "partitions": 4, "valid_from": null,
            "incarnation": 2,
        });
        let split =
            json!({"kind": "split", "tenant": "acme", "shards": 4, "valid_from": "2026-01-01T00:00:00Z"});
        assert_eq!(items(&layout), [first, split]);
    }
}
