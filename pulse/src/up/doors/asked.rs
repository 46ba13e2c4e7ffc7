//! Requests under way on a connection: each from its head to the end of its answer's body.

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Response;
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

/// Answers a request, which counts as asked until its answer's body has come to its end.
pub async fn answer(
    router: Router,
    request: Request,
    asked: TaskTracker,
) -> Result<Response<Body>, Infallible> {
    let token = asked.token();
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Asked { body, _token: token })))
}

struct Asked {
    body: Body,
    _token: TaskTrackerToken,
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    #[tokio::test]
    async fn a_request_is_under_way_until_its_answer_is_taken() {
        let asked = TaskTracker::new();
        let router = Router::new().route("/", get(|| async { "fine" }));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = answer(router, request, asked.clone()).await.unwrap();
        assert_eq!((asked.len(), response.body().size_hint().exact()), (1, Some(4)));
        assert_eq!(axum::body::to_bytes(response.into_body(), 100).await.unwrap(), "fine");
        assert!(asked.is_empty());
    }
}
