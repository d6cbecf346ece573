//! An HTTP server on a loopback port of its own that records its requests: another origin for
//! browsers, and the place to which a scanner tries to make the service send requests.

use std::sync::{Arc, Mutex};

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// A path, its media type and its content.
pub type Page = (&'static str, &'static str, String);

struct Shared {
    pages: Vec<Page>,
    requests: Mutex<Vec<String>>,
}

pub struct Recorder {
    pub base: String,
    shared: Arc<Shared>,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The command is sent at once; the future only waits for its end.
        drop(self.handle.stop(false));
    }
}

impl Recorder {
    /// Starts a server of these pages; other paths are not found.
    pub fn start(pages: Vec<Page>) -> Self {
        let shared = Arc::new(Shared { pages, requests: Mutex::default() });
        let data = web::Data::from(shared.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}", server.addrs()[0]);
        let server = server.disable_signals().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base, shared, handle }
    }

    /// Returns methods and paths of all requests so far, without those for icons.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.shared.requests.lock().unwrap().clone();
        requests.retain(|request| request != "GET /favicon.ico");
        requests
    }
}

async fn answer(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let line = format!("{} {}", request.method(), request.path());
    shared.requests.lock().unwrap().push(line);
    let page = shared.pages.iter().find(|(path, ..)| *path == request.path());
    page.map_or_else(
        || HttpResponse::NotFound().finish(),
        |(_, media_type, content)| {
            // Scripts of every origin may read it, so that only their own policy can stop them.
            HttpResponse::Ok()
                .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .insert_header((CONTENT_TYPE, *media_type))
                .body(content.clone())
        },
    )
}
