//! Requests to the REST doors, and their problem documents as failures.

use super::events::{self, Event, Events};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::server::Server;
use crate::telemetry::TRACEPARENT;
use anyhow::Context;
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::{Value, json};

/// A request, without the server it goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

impl Request {
    /// A request for the resource at those segments of a path, which are encoded whole.
    pub fn new(method: Method, path: &[&str]) -> Self {
        Self { method, path: path.iter().map(ToString::to_string).collect(), query: Vec::new(), body: None }
    }

    /// A read.
    pub fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// This request with a query parameter more, where it has a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.query.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// This request with a query parameter repeated for each value.
    #[must_use]
    pub fn with_each(mut self, name: &str, values: &[String]) -> Self {
        self.query.extend(values.iter().map(|value| (name.to_owned(), value.clone())));
        self
    }

    /// This request with a body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Its URL at a server.
    pub fn url(&self, server: &Server) -> anyhow::Result<Url> {
        let mut url = Url::parse(&server.http).with_context(|| format!("the address {}", server.http))?;
        let no_base = || anyhow::anyhow!("{} is no base of paths", server.http);
        url.path_segments_mut().map_err(|()| no_base())?.pop_if_empty().push("v1").extend(&self.path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// The same request as a line for a shell.
    pub fn curl(&self, server: &Server) -> anyhow::Result<String> {
        let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let mut words = vec!["curl -sS".to_owned()];
        if self.method != Method::GET {
            words.push(format!("-X {}", self.method));
        }
        if server.token.is_some() {
            words.push("-H \"Authorization: Bearer $PULSE_TOKEN\"".to_owned());
        }
        if let Some(body) = &self.body {
            words.push(format!("-H 'Content-Type: application/json' -d {}", quote(&body.to_string())));
        }
        words.push(quote(self.url(server)?.as_str()));
        Ok(words.join(" "))
    }
}

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Rest {
    server: Server,
    http: reqwest::Client,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status, a good one.
    pub status: StatusCode,
    /// The JSON body; null where there is none.
    pub body: Value,
}

impl Rest {
    /// A client of that server.
    pub fn new(server: Server) -> Self {
        Self { server, http: reqwest::Client::new() }
    }

    /// Sends a request; a problem document is a failure.
    pub async fn send(&self, request: &Request) -> anyhow::Result<Answer> {
        let response = self.ask(self.builder(request)?).await?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).context("reading the answer as JSON")?
        };
        Ok(Answer { status, body })
    }

    /// Sends a request whose answer may take long: its `counting` events are shown, and its last one is the answer, where
    /// it is no `problem`.
    pub async fn follow(&self, request: &Request, mut show: impl FnMut(&Value)) -> anyhow::Result<Value> {
        let builder = self.builder(request)?.header(header::ACCEPT, events::CONTENT_TYPE);
        let mut response = self.ask(builder).await?;
        let mut events = Events::default();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            events.push(&piece);
            while let Some(Event { name, data }) = events.take()? {
                match name.as_str() {
                    "counting" => show(&data),
                    "problem" => return Err(problem_of(status_of(&data), &data).into()),
                    _ => return Ok(data),
                }
            }
        }
        Err(Failure::not_ready(format!("{} ended before it had the answer: ask again", self.server.http))
            .into())
    }

    /// The answer as it begins; a problem document is a failure.
    async fn ask(&self, builder: RequestBuilder) -> anyhow::Result<Response> {
        let response = builder.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Err(problem(status, &bytes).into())
    }

    fn builder(&self, request: &Request) -> anyhow::Result<RequestBuilder> {
        let mut builder = self.http.request(request.method.clone(), request.url(&self.server)?);
        if let Some(token) = self.server.token.as_ref() {
            builder = builder.bearer_auth(token.reveal());
        }
        // A trace that cannot be named is none: it is never the reason for a failure.
        if let Some(parent) =
            self.server.traceparent.as_ref().and_then(|parent| HeaderValue::from_str(parent).ok())
        {
            builder = builder.header(TRACEPARENT, parent);
        }
        Ok(match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        })
    }

    /// What its `/readyz` says, ready or not.
    pub async fn readiness(&self) -> anyhow::Result<Value> {
        let url = format!("{}/readyz", self.server.http.trim_end_matches('/'));
        let response = self.http.get(url).send().await.map_err(|error| self.unreachable(&error))?;
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).context("reading the answer as JSON")
    }

    /// Reads a list to its last page: the first page's body with all items. What takes several pages is counted meanwhile.
    pub async fn list(&self, request: &Request) -> anyhow::Result<Value> {
        let mut whole = self.send(request).await?.body;
        let counter = output::counter("reading");
        while let Some(token) = whole["next_page_token"].as_str().map(str::to_owned) {
            let page = self.send(&request.clone().with("page_token", Some(&token))).await?.body;
            let mut items = take_items(&mut whole);
            counter.set_position(items.len() as u64);
            let mut page = page;
            items.extend(take_items(&mut page));
            page["items"] = items.into();
            whole = page;
        }
        counter.finish_and_clear();
        Ok(whole)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        Failure::not_ready(format!("no answer from {}: {cause}; is `pulse up` running?", self.server.http))
    }
}

fn take_items(page: &mut Value) -> Vec<Value> {
    match page["items"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// The failure a problem document speaks of.
fn problem(status: StatusCode, bytes: &[u8]) -> Failure {
    let document: Value =
        serde_json::from_slice(bytes).unwrap_or_else(|_| json!({"detail": String::from_utf8_lossy(bytes)}));
    problem_of(status, &document)
}

/// The status that a problem document names.
fn status_of(document: &Value) -> StatusCode {
    let status = document["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn problem_of(status: StatusCode, document: &Value) -> Failure {
    let field = |name: &str| document[name].as_str().filter(|text| !text.is_empty());
    let code = field("code").unwrap_or(status.as_str());
    let detail = field("detail").or(field("title")).unwrap_or("no detail");
    let errors = document["errors"].as_array().into_iter().flatten().filter_map(|error| {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let is_new = !detail.contains(text("message"));
        is_new.then(|| format!("  {}: {} {}", text("field"), text("reason"), text("message")))
    });
    let trace = field("trace_id").filter(|_| status == StatusCode::INTERNAL_SERVER_ERROR);
    let trace = trace.map(|id| format!("  trace {id}: look for it in the server's log"));
    let lines: Vec<String> =
        std::iter::once(format!("{code}: {detail}")).chain(errors).chain(trace).collect();
    let message = lines.join("\n");
    Failure { exit: exit_of(status), message }
}

fn exit_of(status: StatusCode) -> Exit {
    match status {
        StatusCode::BAD_REQUEST => Exit::Usage,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::NotAllowed,
        StatusCode::SERVICE_UNAVAILABLE => Exit::NotReady,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Token;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn server() -> Server {
        Server {
            http: "http://127.0.0.1:8080".into(),
            grpc: "http://127.0.0.1:50051".into(),
            ..Server::default()
        }
    }

    #[test]
    fn names_in_paths_are_encoded_whole_and_values_in_queries_too() {
        let request = Request::get(&["skus", "a/b:c d"]).with("tenant", Some("ä&b")).with("none", None);
        let request = request.with_each("sku", &["x".to_owned(), "y".to_owned()]);
        let expected = "http://127.0.0.1:8080/v1/skus/a%2Fb:c%20d?tenant=%C3%A4%26b&sku=x&sku=y";
        assert_eq!(request.url(&server()).unwrap().as_str(), expected);
    }

    #[test]
    fn a_curl_line_can_be_pasted() {
        let request =
            Request::new(Method::POST, &["dead-letters:replay"]).with_body(json!({"ids": ["it's"]}));
        let line = request.curl(&Server { token: Some(Token::from("secret")), ..server() }).unwrap();
        assert_eq!(
            line,
            r#"curl -sS -X POST -H "Authorization: Bearer $PULSE_TOKEN" -H 'Content-Type: application/json' -d '{"ids":["it'\''s"]}' 'http://127.0.0.1:8080/v1/dead-letters:replay'"#
        );
    }

    #[test]
    fn a_problem_names_code_and_fields_and_ends_the_command_as_its_status_says() {
        let error = |field: &str, message: &str| json!({"field": field, "reason": "INVALID_RANGE", "message": message});
        let document = json!({"code": "INVALID_RANGE", "detail": "from must be on a quarter", "errors": [
            error("from", "from must be on a quarter"), error("to", "to must be later")]});
        let failure = problem(StatusCode::BAD_REQUEST, document.to_string().as_bytes());
        assert_eq!(failure.exit, Exit::Usage);
        let expected = "INVALID_RANGE: from must be on a quarter\n  to: INVALID_RANGE to must be later";
        assert_eq!(failure.message, expected, "what the detail says is not said again");
        assert_eq!(problem(StatusCode::SERVICE_UNAVAILABLE, b"busy").exit, Exit::NotReady);
        assert_eq!(problem(StatusCode::FORBIDDEN, b"").exit, Exit::NotAllowed);
        assert_eq!(problem(StatusCode::NOT_FOUND, b"{}").exit, Exit::Failed);
    }

    /// What following a server shows and gives that answers with these pieces, one by one, and ends.
    async fn followed(pieces: &[&str]) -> (Vec<Value>, anyhow::Result<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = format!("http://{}", listener.local_addr().unwrap());
        let answer = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let length = socket.read(&mut head).await.unwrap();
            assert!(String::from_utf8_lossy(&head[..length]).contains("accept: text/event-stream\r\n"));
            for piece in pieces {
                socket.write_all(piece.as_bytes()).await.unwrap();
            }
        };
        let mut shown = Vec::new();
        let rest = Rest::new(Server { http, ..server() });
        let request = Request::get(&["reconciliation"]);
        let ((), outcome) =
            tokio::join!(answer, rest.follow(&request, |counting| shown.push(counting.clone())));
        (shown, outcome)
    }

    const EVENTS_BEGIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

    #[tokio::test]
    async fn the_last_event_is_the_answer_and_those_before_it_are_shown() {
        let (shown, answer) = followed(&[
            EVENTS_BEGIN,
            "event: counting\nda",
            "ta: {\"counted\":\"1\"}\n\nevent: counting\ndata: {\"counted\":\"2\"}\n",
            "\nevent: reconciliation\ndata: {\"balanced\":true}\n\n",
        ])
        .await;
        assert_eq!(shown, [json!({"counted": "1"}), json!({"counted": "2"})]);
        assert_eq!(answer.unwrap(), json!({"balanced": true}));
    }

    #[tokio::test]
    async fn a_problem_and_an_early_end_are_no_answer() {
        let problem =
            "event: problem\ndata: {\"status\":503,\"code\":\"UNAVAILABLE\",\"detail\":\"away\"}\n\n";
        let (_, answer) = followed(&[EVENTS_BEGIN, problem]).await;
        let error = answer.unwrap_err();
        assert_eq!((Exit::of(&error), error.to_string()), (Exit::NotReady, "UNAVAILABLE: away".to_owned()));
        let (shown, answer) = followed(&[EVENTS_BEGIN, "event: counting\ndata: {}\n\nevent: reconcil"]).await;
        assert_eq!(shown, [json!({})]);
        let error = answer.unwrap_err();
        assert_eq!(Exit::of(&error), Exit::NotReady);
        assert!(error.to_string().ends_with("ended before it had the answer: ask again"), "{error}");
        let (_, answer) = followed(&["HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}"]).await;
        assert_eq!(Exit::of(&answer.unwrap_err()), Exit::NotAllowed);
    }

    #[test]
    fn a_failure_of_the_servers_own_can_be_found_in_its_log() {
        let document = json!({"code": "INTERNAL", "detail": "a bug", "trace_id": "0af7"}).to_string();
        let failure = problem(StatusCode::INTERNAL_SERVER_ERROR, document.as_bytes());
        assert_eq!(failure.message, "INTERNAL: a bug\n  trace 0af7: look for it in the server's log");
        assert_eq!(problem(StatusCode::NOT_FOUND, document.as_bytes()).message, "INTERNAL: a bug");
    }
}
