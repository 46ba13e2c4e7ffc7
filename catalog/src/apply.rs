//! Files of catalogue documents as requests: what `catalog apply` sends. Pure; whoever calls it sends them.

mod document;

use document::{Document, documents};
use serde_json::{Map, Value};

/// What a document is, in the order in which they are applied: later ones name earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `kind: unit`
    Unit,
    /// `kind: sku`
    Sku,
    /// `kind: tenant`
    Tenant,
    /// `kind: plan`
    Plan,
    /// `kind: contract`
    Contract,
}

/// A request that makes a document true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyRequest {
    /// What the document is.
    pub kind: Kind,
    /// The resource's id.
    pub id: String,
    /// `PUT`, or `POST` for a plan.
    pub method: &'static str,
    /// The segments of the path below `/v1`, not yet percent-encoded.
    pub path: Vec<String>,
    /// The JSON body; numbers keep the digits they were written with.
    pub body: Map<String, Value>,
    /// Where the document begins in the file, from 1.
    pub line: usize,
}

/// A document that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ApplyError {
    /// From 1.
    pub line: usize,
    /// Names field and rule.
    pub message: String,
}

/// Reads a file of YAML documents, or of JSON objects or arrays of them, and orders the requests so that each finds what
/// it names.
pub fn requests(text: &str) -> Result<Vec<ApplyRequest>, ApplyError> {
    let requests = documents(text)?.into_iter().map(request);
    let mut requests = requests.collect::<Result<Vec<_>, _>>()?;
    requests.sort_by_key(|request| request.kind);
    Ok(requests)
}

fn request(document: Document) -> Result<ApplyRequest, ApplyError> {
    let Document { line, mut body } = document;
    let refuse = |message: String| ApplyError { line, message };
    let names = Kind::ALL.map(Kind::name).join(", ");
    let kind = body.remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).and_then(Kind::find);
    let kind = kind.ok_or_else(|| refuse(format!("kind must be one of {names}")))?;
    let id = match kind {
        Kind::Plan => body.get("plan").cloned(),
        _ => body.remove("id"),
    };
    let id = id.as_ref().and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| {
        refuse(format!("{} must be a text: the id of the {}", kind.id_field(), kind.name()))
    })?;
    let resource = [format!("{}s", kind.name()), id.clone()];
    let (method, path) = match kind {
        Kind::Plan => ("POST", resource.into_iter().chain(["versions".to_owned()]).collect()),
        _ => ("PUT", resource.into()),
    };
    Ok(ApplyRequest { kind, id, method, path, body, line })
}

impl Kind {
    const ALL: [Self; 5] = [Self::Unit, Self::Sku, Self::Tenant, Self::Plan, Self::Contract];

    /// Its word in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Sku => "sku",
            Self::Tenant => "tenant",
            Self::Plan => "plan",
            Self::Contract => "contract",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A plan names itself, as it does where it is published.
    const fn id_field(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            _ => "id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line_and_message(text: &str) -> (usize, String) {
        let error = requests(text).unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn documents_are_ordered_so_that_each_finds_what_it_names() {
        let text = "kind: contract\nid: c\ntenant: acme\n---\nkind: plan\nplan: llm\n---\nkind: tenant\nid: acme\n---\nkind: sku\nid: llm/in\nunit: token\n---\nkind: unit\nid: page\n";
        let requests = requests(text).unwrap();
        let shown: Vec<String> =
            requests.iter().map(|request| format!("{} {}", request.method, request.path.join(" "))).collect();
        assert_eq!(
            shown,
            [
                "PUT units page",
                "PUT skus llm/in",
                "PUT tenants acme",
                "POST plans llm versions",
                "PUT contracts c"
            ]
        );
        assert_eq!(requests[4].line, 1);
        assert_eq!(Value::Object(requests[1].body.clone()), json!({"unit": "token"}));
        assert_eq!(Value::Object(requests[3].body.clone()), json!({"plan": "llm"}));
    }

    #[test]
    fn yaml_and_json_are_read_alike() {
        let yaml = "kind: sku\nid: a\nunit: token\ndimensions: [region]\n---\nkind: tenant\nid: t\nname: T\n";
        let json = r#"[{"kind": "sku", "id": "a", "unit": "token", "dimensions": ["region"]}, {"kind": "tenant", "id": "t", "name": "T"}]"#;
        let bodies =
            |text: &str| requests(text).unwrap().into_iter().map(|request| request.body).collect::<Vec<_>>();
        assert_eq!(bodies(yaml), bodies(json));
    }

    #[test]
    fn a_document_that_cannot_be_placed_is_named_by_its_line() {
        assert_eq!(
            line_and_message("kind: sku\nid: a\n---\nkind: planet\n"),
            (4, "kind must be one of unit, sku, tenant, plan, contract".into())
        );
        assert_eq!(line_and_message("\nkind: sku\n"), (2, "id must be a text: the id of the sku".into()));
        assert_eq!(
            line_and_message("kind: plan\nid: x\n"),
            (1, "plan must be a text: the id of the plan".into())
        );
    }

    #[test]
    fn every_kind_has_its_request() {
        for (text, method, path) in [
            ("{kind: unit, id: page}", "PUT", ["units", "page"].as_slice()),
            ("{kind: sku, id: 'a/b'}", "PUT", &["skus", "a/b"]),
            ("{kind: tenant, id: 'Söhne & Co'}", "PUT", &["tenants", "Söhne & Co"]),
            ("{kind: plan, plan: llm}", "POST", &["plans", "llm", "versions"]),
            ("{kind: contract, id: c}", "PUT", &["contracts", "c"]),
        ] {
            let request = requests(text).unwrap().remove(0);
            assert_eq!(request.method, method, "{text}");
            assert_eq!(request.path, path, "{text}");
            assert!(!request.body.contains_key("kind"), "{text}");
        }
    }

    #[test]
    fn documents_of_one_kind_keep_the_order_of_the_file() {
        let text = "kind: plan\nplan: b\nn: 1\n---\nkind: unit\nid: u\n---\nkind: plan\nplan: a\n---\nkind: plan\nplan: b\nn: 2\n";
        let order: Vec<(String, usize)> =
            requests(text).unwrap().into_iter().map(|request| (request.id, request.line)).collect();
        let expected = [("u", 5), ("b", 1), ("a", 8), ("b", 11)];
        assert_eq!(order, expected.map(|(id, line)| (id.to_owned(), line)));
    }
}
