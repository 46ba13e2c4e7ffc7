//! The problems an operation may answer, for its description.

use super::{Kind, ProblemDocument};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Header, Object, Ref, RefOr, Response, ResponseBuilder, schema::Type};
use utoipa::{IntoResponses, ToSchema};

/// What a read may answer beside its result. Used in `responses(…, QueryProblems)`.
pub struct QueryProblems;

/// What a change may answer beside its result. Used in `responses(…, CommandProblems)`.
pub struct CommandProblems;

impl IntoResponses for QueryProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe(&[400, 404, 406, 500, 503])
    }
}

impl IntoResponses for CommandProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe(&[400, 404, 409, 412, 413, 415, 422, 500, 503])
    }
}

fn describe(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let answer = |status: &u16| (status.to_string(), RefOr::T(response(*status)));
    statuses.iter().map(answer).collect()
}

fn response(status: u16) -> Response {
    let names: Vec<&str> = Kind::all().filter(|kind| kind.status() == status).map(Kind::name).collect();
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let builder =
        ResponseBuilder::new().description(names.join(", ")).content("application/problem+json", content);
    if status != 503 {
        return builder.build();
    }
    builder.header("Retry-After", Header::new(Object::with_type(Type::Integer))).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_names_its_codes_and_the_document() {
        for (status, answer) in CommandProblems::responses().into_iter().chain(QueryProblems::responses()) {
            let text = serde_json::to_string(&answer).unwrap();
            assert!(text.contains("application/problem+json"), "{status}");
            assert!(text.contains("#/components/schemas/Problem"), "{status}: {text}");
        }
        let text = serde_json::to_string(&CommandProblems::responses()["412"]).unwrap();
        assert!(text.contains("REVISION_MISMATCH"));
        let text = serde_json::to_string(&QueryProblems::responses()["503"]).unwrap();
        assert!(text.contains("OVERLOADED, UNAVAILABLE, NOT_READY") && text.contains("Retry-After"));
    }
}
