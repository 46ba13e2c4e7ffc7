//! A collector of traces that keeps what it is sent.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span as a collector sees it; ids in hexadecimal.
#[derive(Clone, Debug)]
pub struct Seen {
    pub service: String,
    pub name: String,
    pub trace: String,
    pub parent: String,
    /// The traces it links to.
    pub links: Vec<String>,
}

pub struct Collector {
    address: SocketAddr,
    seen: Kept,
    _runtime: Runtime,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Seen>>>);

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans;
        self.0.lock().unwrap().extend(spans.iter().flat_map(seen));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Kept::default());
        let service = TraceServiceServer::new(seen.clone());
        let served = Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener));
        runtime.spawn(served);
        Self { address, seen, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Seen> {
        self.seen.0.lock().unwrap().clone()
    }
}

fn seen(of_process: &ResourceSpans) -> impl Iterator<Item = Seen> + '_ {
    let attributes = of_process.resource.iter().flat_map(|resource| &resource.attributes);
    let service =
        attributes.filter(|attribute| attribute.key == "service.name").find_map(|attribute| match attribute
            .value
            .as_ref()?
            .value
            .as_ref()?
        {
            Value::StringValue(text) => Some(text.clone()),
            _ => None,
        });
    let service = service.unwrap_or_default();
    let spans = of_process.scope_spans.iter().flat_map(|scope| &scope.spans);
    spans.map(move |span| Seen {
        service: service.clone(),
        name: span.name.clone(),
        trace: hex(&span.trace_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
