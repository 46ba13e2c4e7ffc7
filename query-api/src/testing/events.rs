//! A client of server-sent events.

use super::House;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use axum::response::Response;
use futures::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

/// A client that reads events.
pub struct Reader(BodyDataStream);

/// An event: its id, name and data.
pub type Seen = (String, String, Value);

/// A request for events.
pub fn request(uri: &str) -> Request<Body> {
    Request::get(uri).header("accept", "text/event-stream").body(Body::empty()).unwrap()
}

impl Reader {
    /// Asks for events.
    pub async fn open(house: &House, uri: &str) -> Self {
        let response = house.router.clone().oneshot(request(uri)).await.unwrap();
        assert_eq!(response.status(), 200, "{uri}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self::of(response)
    }

    /// Reads those of an answer.
    pub fn of(response: Response) -> Self {
        Self(response.into_body().into_data_stream())
    }

    /// The next event; heartbeats are left out.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            let text = self.raw().await?;
            if text.starts_with(':') {
                continue;
            }
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_default().to_owned()
            };
            return Some((field("id"), field("event"), serde_json::from_str(&field("data")).unwrap()));
        }
    }

    /// The next event as it came.
    pub async fn raw(&mut self) -> Option<String> {
        let bytes = self.0.next().await?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }
}
