//! Refresh tokens with a bad signature: refused before the rate limit is charged.

use serde_json::json;

use crate::support::{ADMIN_PASSWORD, Server, database, refresh_token, token};

const REFRESH: &str = "/api/auth/refresh";

#[actix_web::test]
async fn forged_refresh_token_uses_no_hit() {
    let server = Server::with(&["--rate-limit-enabled", "true"]).await;
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let genuine = refresh_token(&tokens);
    let (head, _signature) = genuine.rsplit_once('.').unwrap();
    for forged in ["x", &format!("{head}.AAAA"), &token(&tokens)] {
        for _ in 0..5 {
            server
                .post(REFRESH, "", &json!({"refresh_token": forged}))
                .await
                .expect_error(401, "AUTHENTICATION_ERROR");
        }
    }
    let hits = database::sql(&server.database_url, "SELECT subject FROM rate_limit_hits").await;
    assert!(hits.is_empty(), "{hits:?}");
    server.post(REFRESH, "", &json!({"refresh_token": genuine})).await.expect(200);
    server.login("admin", ADMIN_PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn ended_refresh_token_uses_a_hit() {
    let server = Server::with(&["--rate-limit-enabled", "true"]).await;
    let tokens = server.login("admin", ADMIN_PASSWORD).await.expect(200);
    let ended = json!({"refresh_token": refresh_token(&tokens)});
    server.post("/api/auth/logout", "", &ended).await.expect(200);
    for _ in 0..5 {
        server.post(REFRESH, "", &ended).await.expect_error(401, "AUTHENTICATION_ERROR");
    }
    server.post(REFRESH, "", &ended).await.expect_error(429, "AUTH_RATE_LIMIT_EXCEEDED");
}
