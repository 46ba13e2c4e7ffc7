//! The problems an operation may answer, for its description.

use super::{Kind, Problem, ProblemDocument};
use domain::code::Code;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::{ContentBuilder, Header, Object, Ref, RefOr, Response, ResponseBuilder, schema::Type};
use utoipa::{IntoResponses, ToSchema};

/// The trace id of examples: that of the standard's own.
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What a read may answer beside its result. Used in `responses(…, QueryProblems)`.
pub struct QueryProblems;

/// What a change may answer beside its result. Used in `responses(…, CommandProblems)`.
pub struct CommandProblems;

/// What may be answered beside that where a quota can be used up. Used in `responses(…, CommandProblems, QuotaProblem)`.
pub struct QuotaProblem;

impl IntoResponses for QuotaProblem {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe(&[429])
    }
}

impl IntoResponses for QueryProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe(&[400, 404, 406, 500, 503, 504])
    }
}

impl IntoResponses for CommandProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        describe(&[400, 404, 408, 409, 412, 413, 415, 422, 500, 503, 504])
    }
}

fn describe(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let answer =
        |status: &u16| (status.to_string(), RefOr::Ref(Ref::from_response_name(response_name(*status))));
    statuses.iter().map(answer).collect()
}

/// What those refer to, for the components of a description: one answer for each status.
pub(crate) fn responses() -> BTreeMap<String, RefOr<Response>> {
    let statuses: BTreeSet<u16> = Kind::all().map(Kind::status).collect();
    statuses.into_iter().map(|status| (response_name(status), RefOr::T(response(status)))).collect()
}

fn response_name(status: u16) -> String {
    format!("Problem{status}")
}

fn response(status: u16) -> Response {
    let kinds: Vec<Kind> = Kind::all().filter(|kind| kind.status() == status).collect();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let content =
        ContentBuilder::new().schema(Some(schema)).example(kinds.first().map(|kind| example(*kind)));
    let answer = ResponseBuilder::new()
        .description(names.join(", "))
        .content("application/problem+json", content.build());
    let header = |schema_type| RefOr::T(Header::new(Object::with_type(schema_type)));
    let mut answer = answer.build();
    if kinds.iter().any(|kind| kind.tells_when_to_retry()) {
        answer.headers.insert("Retry-After".to_owned(), header(Type::Integer));
    }
    if kinds.contains(&Code::QuotaExceeded.into()) {
        let names = ["RateLimit", "RateLimit-Policy"];
        answer.headers.extend(names.map(|name| (name.to_owned(), header(Type::String))));
    }
    answer
}

/// A document of that kind: one example for all would show a status that is not this one.
fn example(kind: Kind) -> Value {
    let document = Problem::new(kind, kind.title()).document(None, Some(TRACE_ID.to_owned()));
    serde_json::to_value(document).expect("a problem document is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_described_with_its_codes_and_an_example_of_the_first() {
        for (name, answer) in responses() {
            let answer = serde_json::to_value(&answer).unwrap();
            let content = &answer["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name}");
            let first = answer["description"].as_str().unwrap().split(", ").next().unwrap();
            assert_eq!(content["example"]["code"], first, "{name}");
            assert_eq!(name, format!("Problem{}", content["example"]["status"]));
        }
        let text = serde_json::to_string(&responses()["Problem412"]).unwrap();
        assert!(text.contains("REVISION_MISMATCH"));
        let text = serde_json::to_string(&responses()["Problem503"]).unwrap();
        assert!(text.contains("OVERLOADED, UNAVAILABLE, NOT_READY"));
        let waits =
            |name: &String| serde_json::to_string(&responses()[name]).unwrap().contains("Retry-After");
        assert_eq!(responses().into_keys().filter(waits).collect::<Vec<_>>(), ["Problem429", "Problem503"]);
        let headers = |name: &str| serde_json::to_value(&responses()[name]).unwrap()["headers"].clone();
        assert_eq!(headers("Problem429")["RateLimit"]["schema"]["type"], "string");
        assert_eq!(headers("Problem429")["RateLimit-Policy"]["schema"]["type"], "string");
        assert!(headers("Problem503").get("RateLimit").is_none(), "only a quota has a limit");
    }

    #[test]
    fn what_a_door_or_an_engine_may_do_to_any_request_is_described() {
        let statuses = |answers: BTreeMap<String, _>| answers.into_keys().collect::<BTreeSet<String>>();
        let (reads, changes) = (statuses(QueryProblems::responses()), statuses(CommandProblems::responses()));
        for status in ["500", "503", "504"] {
            assert!(reads.contains(status) && changes.contains(status), "{status}");
        }
        assert!(changes.contains("408"), "a change has a body, which may not come");
    }

    #[test]
    fn operations_refer_to_descriptions_that_are_there() {
        let answers = [CommandProblems::responses(), QueryProblems::responses(), QuotaProblem::responses()];
        for (status, answer) in answers.into_iter().flatten() {
            let reference = serde_json::to_value(&answer).unwrap()["$ref"].as_str().unwrap().to_owned();
            let name = reference.strip_prefix("#/components/responses/").unwrap();
            assert_eq!(name, format!("Problem{status}"));
            assert!(responses().contains_key(name), "{name}");
        }
    }
}
