//! Every writing operation of the `OpenAPI` document, when it is refused, has its row in the audit
//! log.

use mdl::credentials::digest::fingerprint;
use serde_json::json;

use crate::api::audit_walk::{NEW, nothing_secret, refused, rows_equal_log_events, walk};
use crate::support::{PASSWORD, token};

#[actix_web::test]
async fn every_refused_writing_operation_has_its_audit_row() {
    let (mut walk, admin) = walk().await;
    let (id, _) = walk.server.user(&admin, "eva", "viewer").await;
    let eva = token(&walk.server.login("eva", PASSWORD).await);
    let (key_id, key) = walk.server.key(&eva, &["metrics:read"]).await;
    let document = walk.server.get("/api-docs/openapi.json", "").await.expect(200).json();
    let mut open = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().clone() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(method, _)| *method != "get")
        {
            let name = format!("{} {path}", method.to_uppercase());
            if operation["security"].as_array().is_some_and(|needed| !needed.is_empty()) {
                let target = if path.contains("users") { &id } else { &key_id };
                let body = operation["requestBody"].is_object().then(|| json!({}));
                walk.step(&name, target, &key, body, 403, refused("access.forbidden", "eva", "-"))
                    .await;
            } else {
                open.push(name);
            }
        }
    }
    open.sort();
    assert_eq!(
        open,
        [
            "POST /api/auth/login",
            "POST /api/auth/logout",
            "POST /api/auth/password-reset/confirm",
            "POST /api/auth/password-reset/request",
            "POST /api/auth/refresh",
            "POST /api/auth/register",
        ]
    );
    let wrong = |name: &str| Some(json!({"username": name, "password": "wrong password"}));
    let row = || refused("login.failed", "-", "eva");
    walk.step("POST /api/auth/login", "", "", wrong("eva"), 401, row()).await;
    walk.step("POST /api/auth/login", "", "", wrong("EVA@example.com"), 401, row()).await;
    let pseudonym = &fingerprint("my secret password")[..32];
    let row = refused("login.failed", "-", pseudonym);
    walk.step("POST /api/auth/login", "", "", wrong(" My secret password"), 401, row).await;
    let body = Some(json!({"refresh_token": "x"}));
    let row = || refused("access.unauthenticated", "-", "-");
    walk.step("POST /api/auth/refresh", "", "", body.clone(), 401, row()).await;
    walk.step("POST /api/auth/logout", "", "", body, 401, row()).await;
    let body = json!({"token": "wrong token of a mail", "new_password": NEW});
    walk.step("POST /api/auth/password-reset/confirm", "", "", Some(body), 401, row()).await;
    let pseudonym = &fingerprint("nobody@example.com")[..32];
    let row = refused("user.password_reset_requested", "-", pseudonym);
    let body = Some(json!({"email": "Nobody@example.com"}));
    walk.step("POST /api/auth/password-reset/request", "", "", body, 202, row).await;
    let body = json!({"current_password": "wrong password", "new_password": NEW});
    let row = refused("password.rejected", "eva", "eva");
    walk.step("POST /api/auth/change-password", "", &eva, Some(body), 403, row).await;
    let pseudonym = &fingerprint("eva")[..32];
    let taken = json!({"username": "EVA", "email": "other@example.com",
        "password": PASSWORD, "full_name": "Eva"});
    let row = refused("user.registered", "-", pseudonym);
    walk.step("POST /api/auth/register", "", "", Some(taken), 409, row).await;
    walk.complete().await;
    rows_equal_log_events(&walk.server).await;
    nothing_secret(
        &walk.server,
        &["wrong password", "ecret password", "wrong token", &key, &eva, "nobody@"],
    )
    .await;
}
