//! A service that has not reached its database says so: its circuits are open.

use mdl::actors::db_breaker::CircuitState;

use crate::support::proxy::Proxy;
use crate::support::{Server, database};

#[actix_web::test]
async fn circuits_are_open_until_the_database_was_reached() {
    let proxy = Proxy::start(false).await;
    let server = Server::on(&proxy.url(&database::fresh().await), &[]).await;
    let reports = async || server.state().db.report().await.unwrap().0;
    for report in reports().await {
        assert_eq!(report.state, CircuitState::Open, "{report:?}");
        assert!(report.retry_after.is_some(), "{report:?}");
        assert_eq!(report.last_error.as_deref(), Some("the database was not reached yet"));
    }
    assert_eq!(server.get("/health", "").await.json()["status"], "degraded");
    proxy.open();
    server.ready().await;
    for report in reports().await {
        assert_eq!(report.state, CircuitState::Closed, "{report:?}");
        assert_eq!(report.retry_after, None);
    }
}
