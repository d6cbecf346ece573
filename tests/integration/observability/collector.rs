//! A collector of traces: it takes what an exporter of OpenTelemetry sends by OTLP over HTTP
//! (protobuf), and keeps the spans.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// What a collector has received.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub spans: Vec<Span>,
    /// Attributes of the process, from the last request.
    pub resource: Vec<KeyValue>,
    /// Value of `authorization`, of each request.
    pub authorization: Vec<String>,
}

/// A running collector.
pub struct Collector {
    /// Without the path of traces.
    pub endpoint: String,
    received: Arc<Mutex<Received>>,
}

impl Collector {
    pub fn start() -> Self {
        let received = Arc::new(Mutex::new(Received::default()));
        let data = web::Data::from(Arc::clone(&received));
        let app =
            move || App::new().app_data(data.clone()).route("/v1/traces", web::post().to(take));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        Self { endpoint, received }
    }

    pub fn received(&self) -> Received {
        self.received.lock().unwrap().clone()
    }

    /// Waits until there are spans with this name.
    pub async fn spans(&self, name: &str, count: usize) -> Vec<Span> {
        let began = Instant::now();
        loop {
            let mut spans = self.received().spans;
            spans.retain(|span| span.name == name);
            if spans.len() >= count {
                return spans;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{} of {name}", spans.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(
    request: HttpRequest,
    body: web::Bytes,
    received: web::Data<Mutex<Received>>,
) -> HttpResponse {
    let header =
        |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").as_deref(), Some("application/x-protobuf"));
    let export = ExportTraceServiceRequest::decode(body).unwrap();
    let mut received = received.lock().unwrap();
    received.authorization.extend(header("authorization"));
    for resource in export.resource_spans {
        received.resource = resource.resource.unwrap_or_default().attributes;
        received.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    HttpResponse::Ok().finish()
}

/// Returns an attribute as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
