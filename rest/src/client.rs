//! Who asks: what the client has already, which formats it takes; and answers made for it.

use crate::Problem;
use crate::accept::Accept;
use crate::etag::{self, Etag, IfNoneMatch};
use crate::table;
use axum::extract::FromRequestParts;
use axum::http::header::{LINK, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;

pub(crate) const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const CSV: &str = "text/csv; charset=utf-8; header=present";
const NDJSON: &str = "application/x-ndjson";

/// The formats a page is answered in.
const FORMATS: [&str; 3] = [JSON, CSV, NDJSON];

/// Stands beside an answer that there is in several formats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Formats(pub &'static [&'static str]);

/// The client of a read.
#[derive(Clone, Debug, Default)]
pub struct Client {
    has: IfNoneMatch,
    takes: Accept,
    /// The parameters it asked with, `page_token` left out.
    query: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let has = IfNoneMatch::from_request_parts(parts, state).await?;
        let asked = parts.uri.query().unwrap_or_default().split('&');
        let kept: Vec<&str> =
            asked.filter(|part| !part.is_empty() && !part.starts_with("page_token=")).collect();
        Ok(Self { has, takes: Accept::of_headers(&parts.headers), query: kept.join("&") })
    }
}

impl Client {
    /// Answers one thing as JSON, or 304 where the client has the same.
    pub fn answer<T: Serialize>(&self, body: &T) -> Result<Response, Problem> {
        Ok(etag::respond(&self.has, JSON, json(body)?))
    }

    /// Whether it would rather be told how the work goes, by server-sent events, than wait for one answer.
    pub fn prefers_events(&self) -> bool {
        self.takes.best(&[JSON, EVENTS]) == Some(EVENTS)
    }

    /// Answers a page in the format the client likes best: as it is; as a table of `columns`, of which `group.sku` is
    /// the field `sku` of the field `group`; or an item a line. Tables and lines say in headers what is beside the
    /// items: a `Pulse-` header for each field of `meta`, and a link to the next page.
    pub fn list<T: Serialize>(&self, page: &T, columns: &[String]) -> Result<Response, Problem> {
        self.page(page, columns, || self.answer(page))
    }

    /// The same, where the client has this answer already if it has one of the same `version`. The headers of `meta` stand
    /// beside JSON too, for a 304 has nothing else to tell them by.
    pub fn list_as<T: Serialize>(
        &self,
        page: &T,
        (version, meta): (&impl Serialize, &impl Serialize),
        columns: &[String],
    ) -> Result<Response, Problem> {
        self.page(page, columns, || {
            let etag = Etag::of_content(&json(version)?);
            let mut response = if self.has.holds(&etag) {
                etag::not_modified(&etag)
            } else {
                etag::respond_as(&etag, JSON, json(page)?)
            };
            let meta = serde_json::to_value(meta).map_err(Problem::internal)?;
            response.headers_mut().extend(meta_headers(&meta));
            Ok(response)
        })
    }

    fn page<T: Serialize>(
        &self,
        page: &T,
        columns: &[String],
        json: impl FnOnce() -> Result<Response, Problem>,
    ) -> Result<Response, Problem> {
        let format = self.takes.best(&FORMATS).unwrap_or(JSON);
        let mut response = if format == JSON { json()? } else { self.rows(page, format, columns)? };
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        response.extensions_mut().insert(Formats(&FORMATS));
        Ok(response)
    }

    fn rows<T: Serialize>(&self, page: &T, format: &str, columns: &[String]) -> Result<Response, Problem> {
        let page = serde_json::to_value(page).map_err(Problem::internal)?;
        let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        let text = if format == CSV { table::csv(columns, items) } else { table::lines(items) };
        let mut response = etag::respond(&self.has, format, text.into_bytes());
        let headers = response.headers_mut();
        headers.extend(meta_headers(&page["meta"]));
        headers.extend(
            page["next_page_token"].as_str().and_then(|token| self.link(token)).map(|link| (LINK, link)),
        );
        Ok(response)
    }

    /// The address of the next page, relative to this one's.
    fn link(&self, token: &str) -> Option<HeaderValue> {
        let joint = if self.query.is_empty() { "" } else { "&" };
        HeaderValue::from_str(&format!("<?{}{joint}page_token={token}>; rel=\"next\"", self.query)).ok()
    }
}

fn json<T: Serialize>(body: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(Problem::internal)
}

/// A header for each field.
fn meta_headers(meta: &Value) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    meta.as_object().into_iter().flatten().filter_map(|(name, value)| meta_header(name, value))
}

fn meta_header(name: &str, value: &Value) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(format!("pulse-{}", name.replace('_', "-"))).ok()?;
    Some((name, HeaderValue::from_str(&table::text(value)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::Request;
    use serde_json::json;

    async fn client(uri: &str, headers: &[(&str, &str)]) -> Client {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        Client::from_request_parts(&mut parts, &()).await.unwrap()
    }

    fn page() -> Value {
        json!({
            "items": [{"id": "a", "group": {"sku": "vm"}, "count": "1"}, {"id": "b,c", "group": {}, "count": "2"}],
            "meta": {"watermark": "2026-01-31T12:00:01Z", "complete": true, "late_count": "3"},
            "next_page_token": "t-1",
        })
    }

    async fn ask(uri: &str, headers: &[(&str, &str)]) -> (Response, String) {
        let columns = ["id", "group.sku", "count"].map(str::to_owned);
        let mut response = client(uri, headers).await.list(&page(), &columns).unwrap();
        let body = std::mem::take(response.body_mut());
        let bytes = to_bytes(body, 10_000).await.unwrap();
        (response, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn events_are_for_who_likes_them_better_than_json() {
        for (accept, prefers) in [
            ("text/event-stream", true),
            ("text/event-stream, application/json;q=0.9", true),
            ("text/*", true),
            ("text/event-stream, application/json", false),
            ("text/event-stream;q=0.5, */*", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("*/*", false),
            ("text/csv", false),
        ] {
            assert_eq!(client("/", &[("accept", accept)]).await.prefers_events(), prefers, "{accept}");
        }
        assert!(!client("/", &[]).await.prefers_events());
    }

    #[tokio::test]
    async fn json_is_the_page_as_it_is() {
        for accept in ["*/*", "application/json", "application/json, text/csv", "text/html"] {
            let (response, body) = ask("/v1/usage", &[("accept", accept)]).await;
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), page(), "{accept}");
            assert_eq!((header(&response, "content-type"), header(&response, "vary")), (JSON, "accept"));
            assert_eq!((header(&response, "link"), header(&response, "pulse-complete")), ("", ""));
        }
    }

    #[tokio::test]
    async fn a_table_has_the_columns_and_says_the_rest_in_headers() {
        let (response, body) =
            ask("/v1/usage?sku=a&page_token=old&page_size=2", &[("accept", "text/csv")]).await;
        assert_eq!(body, "id,group.sku,count\r\na,vm,1\r\n\"b,c\",,2\r\n");
        for (name, value) in [
            ("content-type", CSV),
            ("vary", "accept"),
            ("pulse-watermark", "2026-01-31T12:00:01Z"),
            ("pulse-complete", "true"),
            ("pulse-late-count", "3"),
            ("link", "<?sku=a&page_size=2&page_token=t-1>; rel=\"next\""),
        ] {
            assert_eq!(header(&response, name), value, "{name}");
        }
    }

    #[tokio::test]
    async fn lines_are_the_items_one_each() {
        let (response, body) = ask("/v1/usage", &[("accept", "application/x-ndjson")]).await;
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(&json!(lines), &page()["items"]);
        assert_eq!(header(&response, "link"), "<?page_token=t-1>; rel=\"next\"");
    }

    #[tokio::test]
    async fn each_format_has_a_tag_of_its_own() {
        let mut tags = Vec::new();
        for accept in [JSON, "text/csv", NDJSON] {
            let (response, _) = ask("/v1/usage", &[("accept", accept)]).await;
            let tag = header(&response, "etag").to_owned();
            let (again, body) = ask("/v1/usage", &[("accept", accept), ("if-none-match", &tag)]).await;
            assert_eq!((again.status().as_u16(), body.as_str()), (304, ""), "{accept}");
            assert_eq!((header(&again, "etag"), header(&again, "vary")), (tag.as_str(), "accept"));
            assert!(!tags.contains(&tag), "{accept}");
            tags.push(tag);
        }
        let tag = tags.remove(0);
        let (other, _) = ask("/v1/usage", &[("accept", "text/csv"), ("if-none-match", &tag)]).await;
        assert_eq!(other.status(), 200);
    }

    #[tokio::test]
    async fn one_thing_is_json_whatever_is_asked() {
        let response = client("/", &[("accept", "text/csv")]).await.answer(&json!({"id": "a"})).unwrap();
        assert_eq!((header(&response, "content-type"), header(&response, "vary")), (JSON, ""));
    }
}
