//! The listener for Prometheus.

use crate::support::Server;

#[actix_web::test]
async fn metrics_are_served_on_a_host_of_their_own() {
    let server = Server::with(&["--metrics-host", "127.0.0.2"]).await;
    assert!(
        server.metrics.as_ref().unwrap().starts_with("http://127.0.0.2:"),
        "{:?}",
        server.metrics
    );
    assert!(server.reading("circuit_breaker_state{breaker_name=\"auth\"}").await.abs() < 0.5);
    server.get("/metrics", "").await.expect(404);
}
