//! Refusals that no handler made: what a library on the way of a request refused, and formats nobody takes.

use crate::Problem;
use crate::accept::Accept;
use crate::client::Formats;
use crate::problem::Kind;
use axum::body::to_bytes;
use axum::http::header;
use axum::response::Response;

/// The longest explanation that is passed on.
const WORDS_BYTES_MAX: usize = 1_024;

/// The response, or the problem it should have been; a read must answer in a format that is accepted.
pub(super) async fn judge(accept: Option<&Accept>, response: Response) -> Result<Response, Problem> {
    let status = response.status();
    if !status.is_success() {
        return match Kind::of_status(status.as_u16()).filter(|_| says_it_in_plain_words(&response)) {
            Some(kind) => Err(explain(kind, response).await),
            None => Ok(response),
        };
    }
    let is_refused = |format: &&str| accept.is_some_and(|accept| !accept.takes(format));
    match content_type(&response).filter(is_refused) {
        Some(format) => Err(Problem::new(Kind::NotAcceptable, words(&response, format))),
        None => Ok(response),
    }
}

/// In which formats there is an answer.
fn words(response: &Response, format: &str) -> String {
    match response.extensions().get::<Formats>() {
        Some(Formats(formats)) => format!("the answer is one of {}", formats.join(", ")),
        None => format!("the answer is {format}"),
    }
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(header::CONTENT_TYPE)?.to_str().ok()
}

/// Documents of our own, such as what is not ready, stay as they are.
fn says_it_in_plain_words(response: &Response) -> bool {
    content_type(response).is_none_or(|format| format.starts_with("text/plain"))
}

/// The words about a request are passed on; those about a fault are not the client's.
async fn explain(kind: Kind, response: Response) -> Problem {
    let about_the_request = response.status().is_client_error();
    let words = to_bytes(response.into_body(), WORDS_BYTES_MAX).await.unwrap_or_default();
    match std::str::from_utf8(&words) {
        Ok(words) if about_the_request && !words.is_empty() => Problem::new(kind, words),
        _ => Problem::new(kind, kind.title()),
    }
}
