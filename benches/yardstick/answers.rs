//! Fixed answers: what the service answered to one request, with its headers and its bytes, on
//! actix-web with nothing else.

use actix_web::http::header::{HeaderName, HeaderValue, IF_NONE_MATCH};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde::Deserialize;

/// An answer as `scripts/bench` stores it.
#[derive(Deserialize)]
struct StoredAnswer {
    headers: Vec<(String, String)>,
    body: String,
}

/// The stored answers for one metric and for a list.
#[derive(Deserialize)]
struct StoredAnswers {
    metric: StoredAnswer,
    list: StoredAnswer,
}

/// An answer that is ready to be sent.
#[derive(Clone)]
pub struct Answer {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// The answers for one metric and for a list.
#[derive(Clone)]
pub struct Answers {
    pub metric: Answer,
    pub list: Answer,
}

impl Answer {
    fn new(stored: StoredAnswer) -> Self {
        let header = |(name, value): (String, String)| {
            (name.parse().expect("a header name"), value.parse().expect("a header value"))
        };
        let headers = stored.headers.into_iter().map(header).collect();
        Self { headers, body: Bytes::from(stored.body) }
    }

    /// Responds with 304 if the request has a version, which is always the present one.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let is_match = request.headers().contains_key(IF_NONE_MATCH);
        let mut response = if is_match { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        for (name, value) in &self.headers {
            response.append_header((name.clone(), value.clone()));
        }
        if is_match { response.finish() } else { response.body(self.body.clone()) }
    }
}

/// Reads the answers from a file.
pub fn read(file: &str) -> Answers {
    let text = std::fs::read_to_string(file).expect("the file of the answers");
    let stored: StoredAnswers = serde_json::from_str(&text).expect("two answers");
    Answers { metric: Answer::new(stored.metric), list: Answer::new(stored.list) }
}

/// Serves the answers until the process is ended.
pub async fn serve(answers: Answers) {
    listen(move |config| {
        let routes = config.app_data(Data::new(answers.clone()));
        routes.route("/api/v1/metrics", web::get().to(list));
        routes.route("/api/v1/metrics/{id}", web::get().to(metric));
    })
    .await;
}

/// Listens on a free port, which it prints, with a worker for each core as the service does.
pub async fn listen(configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) {
    let server = HttpServer::new(move || App::new().configure(configure.clone()));
    let server = server.tcp_nodelay(true).bind("127.0.0.1:0").expect("a free port");
    println!("{}", server.addrs()[0]);
    server.run().await.expect("a server");
}

async fn metric(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    answers.metric.respond(&request)
}

async fn list(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    answers.list.respond(&request)
}
