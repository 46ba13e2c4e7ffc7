//! Taking away what a test or a measurement made on engines that others use too.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::metadata::MetadataTopic;
use scylla::client::session_builder::SessionBuilder;
use std::error::Error;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// Takes away every topic whose name begins so.
pub async fn topics(brokers: &str, prefix: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let known = admin.inner().fetch_metadata(None, PATIENCE)?;
    let names = known.topics().iter().map(MetadataTopic::name);
    let ours: Vec<&str> = names.filter(|name| name.starts_with(prefix)).collect();
    admin.delete_topics(&ours, &AdminOptions::new()).await?;
    Ok(())
}

/// Takes a keyspace away, if it is there.
pub async fn keyspace(nodes: &[String], name: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let session = SessionBuilder::new().known_nodes(nodes).build().await?;
    session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await?;
    Ok(())
}
