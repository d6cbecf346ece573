//! An HTTP proxy in front of a sink that fails as services do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

/// How the service fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkFault {
    None,
    /// Correct responses after this many milliseconds.
    Slow(u64),
    /// Every request gets this status.
    Status(u16),
    /// The request is executed, but the connection breaks during the response.
    ResponseLost,
    /// Every other item of a `_bulk` request is accepted, the rest gets 429.
    Partial,
    /// Batches that contain this word are refused.
    Refuses(&'static str),
}

#[derive(Clone)]
pub struct Faults {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    target: String,
    fault: Mutex<SinkFault>,
    requests: Mutex<Vec<SinkFault>>,
    bulks: Mutex<Vec<(web::Bytes, web::Bytes)>>,
    http: reqwest::Client,
}

impl Faults {
    /// Starts a proxy in front of this server; it runs until the runtime of the test ends.
    pub fn start(target: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let state = State {
            target,
            fault: Mutex::new(SinkFault::None),
            requests: Mutex::default(),
            bulks: Mutex::default(),
            http,
        };
        let state = Arc::new(state);
        let shared = web::Data::from(Arc::clone(&state));
        let app = move || {
            let size = web::PayloadConfig::new(64 * 1024 * 1024);
            App::new().app_data(shared.clone()).app_data(size).default_service(web::to(serve))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let port = server.addrs()[0].port();
        actix_web::rt::spawn(server.run());
        Self { port, state }
    }

    pub fn set(&self, fault: SinkFault) {
        *self.state.fault.lock().unwrap() = fault;
    }

    /// Waits for a request during this fault.
    pub async fn wait_for_request(&self, fault: SinkFault) {
        let began = std::time::Instant::now();
        while !self.state.requests.lock().unwrap().contains(&fault) {
            assert!(began.elapsed() < Duration::from_secs(30), "{fault:?} has seen no request");
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the sequence numbers of accepted events in order (`_bulk` only).
    pub fn taken(&self) -> Vec<u64> {
        self.state.bulks.lock().unwrap().iter().flat_map(accepted).collect()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

async fn serve(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let fault = *state.fault.lock().unwrap();
    state.requests.lock().unwrap().push(fault);
    match fault {
        SinkFault::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            return HttpResponse::build(status)
                .content_type("application/json")
                .body(r#"{"__type":"ServiceUnavailable"}"#);
        }
        SinkFault::Refuses(word) if String::from_utf8_lossy(&body).contains(word) => {
            let refusal = HttpResponse::build(if request.path() == "/_bulk" {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            })
            .content_type("application/x-amz-json-1.1")
            .body(r#"{"__type":"InvalidParameterException","message":"no"}"#);
            return refusal;
        }
        SinkFault::Slow(milliseconds) => {
            actix_web::rt::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        _ => {}
    }
    let text = String::from_utf8_lossy(&body);
    if fault == SinkFault::Partial && request.path() == "/_bulk" {
        let lines: Vec<&str> = text.lines().collect();
        let kept = lines
            .chunks(2)
            .step_by(2)
            .flatten()
            .copied()
            .chain([""])
            .collect::<Vec<_>>()
            .join("\n");
        let answer: Value =
            serde_json::from_slice(&forward(&request, kept.into(), &state).await.1).unwrap();
        let mut taken = answer["items"].as_array().unwrap().iter();
        let error = json!({"type": "es_rejected_execution_exception"});
        let busy = json!({"create": {"status": 429, "error": error}});
        let items: Vec<Value> = (0..lines.len() / 2)
            .map(|index| if index % 2 == 0 { taken.next().unwrap().clone() } else { busy.clone() })
            .collect();
        return HttpResponse::Ok().json(json!({"errors": true, "items": items}));
    }
    let (status, answer) = forward(&request, body, &state).await;
    if fault == SinkFault::ResponseLost {
        let cut = futures_util::stream::iter([
            Ok(web::Bytes::from_static(b"{")),
            Err(std::io::Error::other("cut")),
        ]);
        return HttpResponse::build(status).streaming(cut);
    }
    HttpResponse::build(status).content_type("application/json").body(answer)
}

async fn forward(
    request: &HttpRequest,
    body: web::Bytes,
    state: &State,
) -> (StatusCode, web::Bytes) {
    let url = format!("{}{}", state.target, request.uri());
    let mut onward = state
        .http
        .request(reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap(), url);
    for (name, value) in request.headers() {
        if !["host", "content-length", "connection"].contains(&name.as_str()) {
            onward = onward.header(name.as_str(), value.as_bytes());
        }
    }
    let answer = onward.body(body.clone()).send().await.unwrap();
    let (status, bytes) = (answer.status().as_u16(), answer.bytes().await.unwrap());
    if request.path() == "/_bulk" {
        state.bulks.lock().unwrap().push((body, bytes.clone()));
    }
    (StatusCode::from_u16(status).unwrap(), bytes)
}

/// Returns the sequence numbers that this request has added.
fn accepted((body, answer): &(web::Bytes, web::Bytes)) -> Vec<u64> {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let text = String::from_utf8_lossy(body);
    let documents = text.lines().skip(1).step_by(2);
    let both = documents.zip(answer["items"].as_array().unwrap());
    both.filter(|(_, item)| item["create"]["status"] == 201)
        .map(|(document, _)| {
            serde_json::from_str::<Value>(document).unwrap()["sequence"].as_u64().unwrap()
        })
        .collect()
}
