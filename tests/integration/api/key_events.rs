//! Log events of API keys: one for each change, after its commit, beside the audit events.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::database::{self, sql, until_locked};
use crate::support::{PASSWORD, Server, json_body, key_in};

const KEYS: &str = "/api/auth/api-keys";
const MESSAGES: [&str; 6] = [
    "API key created",
    "API key updated",
    "API key rotated",
    "API key revoked",
    "all API keys revoked",
    "API keys revoked",
];

/// Returns the events of API keys, or those of one message.
fn events(server: &Server, message: Option<&str>) -> Vec<Value> {
    let mut lines = server.logs.lines();
    lines.retain(|line| match (line["msg"].as_str(), message) {
        (Some(found), Some(wanted)) => found == wanted,
        (Some(found), None) => MESSAGES.contains(&found),
        _ => false,
    });
    lines
}

/// Sends a request with an id of its own.
async fn send(
    server: &Server,
    (method, path): (Method, &str),
    token: &str,
    id: &str,
    body: Option<Value>,
) -> crate::support::Answer {
    let body = body.as_ref().map(json_body);
    server.send(method, path, token, &[("x-request-id", id)], body).await
}

fn user_id(server_answer: &Value) -> String {
    server_answer["user"]["user_id"].as_str().unwrap().to_owned()
}

/// Asserts that the last event has these fields.
#[track_caller]
fn assert_last(server: &Server, expected: &Value) {
    let all = events(server, None);
    let last = all.last().expect("an event");
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&last[field], value, "{field} of {last}");
    }
    assert_eq!(last["level"], "INFO");
    assert!(last["server_request_id"].is_string() && last["name"].is_null(), "{last}");
}

#[actix_web::test]
async fn each_change_of_a_key_logs_one_event() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (eva_id, eva) = server.user(&admin, "eva", "editor").await;
    let admin_id = user_id(&server.get("/api/auth/me", &admin).await.json());
    let draft = json!({"name": "secret-project", "scopes": ["metrics:read"]});
    let created = send(&server, (Method::POST, KEYS), &eva, "e-1", Some(draft.clone())).await;
    let (first, _) = key_in(&created.expect(201));
    let by_eva = |message: &str, key: &str, id: &str| {
        json!({"msg": message, "key_id": key, "user_id": eva_id, "actor_id": eva_id,
            "actor_role": "editor", "request_id": id})
    };
    assert_last(&server, &by_eva("API key created", &first, "e-1"));

    let path = format!("{KEYS}/{first}");
    let patch = Some(json!({"extend_days": 1}));
    send(&server, (Method::PATCH, &path), &eva, "e-2", patch).await.expect(200);
    assert_last(&server, &by_eva("API key updated", &first, "e-2"));

    let rotation = format!("{path}/rotate");
    let rotated = send(&server, (Method::POST, &rotation), &eva, "e-3", Some(json!({}))).await;
    let (second, _) = key_in(&rotated.expect(201));
    assert_last(&server, &by_eva("API key rotated", &first, "e-3"));
    assert_eq!(events(&server, Some("API key rotated"))[0]["successor"], second);

    // The owner is not the actor.
    let path = format!("{KEYS}/{second}");
    send(&server, (Method::DELETE, &path), &admin, "e-4", None).await.expect(200);
    let revoked = json!({"msg": "API key revoked", "key_id": second, "user_id": eva_id,
        "actor_id": admin_id, "actor_role": "admin", "request_id": "e-4"});
    assert_last(&server, &revoked);

    // What changes nothing logs nothing.
    send(&server, (Method::DELETE, &path), &admin, "e-5", None).await.expect(404);
    let foreign = Some(json!({"name": "k", "scopes": ["admin"]}));
    send(&server, (Method::POST, KEYS), &eva, "e-6", foreign).await.expect(403);
    assert_last(&server, &revoked);

    let (third, _) = server.key(&eva, &["metrics:read"]).await;
    let (fourth, _) = server.key(&eva, &["metrics:read"]).await;
    send(&server, (Method::DELETE, KEYS), &eva, "e-7", None).await.expect(200);
    let all = json!({"msg": "all API keys revoked", "user_id": eva_id, "actor_id": eva_id,
        "actor_role": "editor", "request_id": "e-7", "count": 3});
    assert_last(&server, &all);
    let ids = events(&server, Some("all API keys revoked"))[0]["key_ids"].clone();
    let ids: Vec<&str> = ids.as_str().unwrap().split(',').collect();
    for id in [&first, &third, &fourth] {
        assert!(ids.contains(&id.as_str()), "{id} in {ids:?}");
    }
    let count = |message| events(&server, Some(message)).len();
    assert_eq!(MESSAGES.map(count), [3, 1, 1, 1, 1, 0]);
    let text = events(&server, None).iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("secret-project"), "names of keys are not logged");
}

#[actix_web::test]
async fn keys_revoked_with_another_change_log_its_cause() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let admin_id = user_id(&server.get("/api/auth/me", &admin).await.json());
    let by_admin = |cause: &str, id: &str, user: &str, keys: String| {
        json!({"msg": "API keys revoked", "cause": cause, "user_id": user, "count": 1,
            "key_ids": keys, "actor_id": admin_id, "actor_role": "admin", "request_id": id})
    };
    for (name, status, cause) in
        [("eva", "suspended", "user_suspended"), ("fritz", "inactive", "user_deactivated")]
    {
        let (user, token) = server.user(&admin, name, "editor").await;
        let (key, _) = server.key(&token, &["metrics:read"]).await;
        let path = format!("/api/auth/users/{user}");
        let kept = Some(json!({"status": status, "keep_api_keys": true}));
        send(&server, (Method::PUT, &path), &admin, "kept", kept).await.expect(200);
        assert_eq!(events(&server, None).last().unwrap()["msg"], "API key created");
        let body = Some(json!({"status": status}));
        send(&server, (Method::PUT, &path), &admin, "set", body).await.expect(200);
        assert_last(&server, &by_admin(cause, "set", &user, key));
    }
    let (gustav, token) = server.user(&admin, "gustav", "editor").await;
    let (key, _) = server.key(&token, &["metrics:read"]).await;
    let path = format!("/api/auth/users/{gustav}");
    send(&server, (Method::DELETE, &path), &admin, "gone", None).await.expect(200);
    assert_last(&server, &by_admin("user_deleted", "gone", &gustav, key));

    let (hanna, token) = server.user(&admin, "hanna", "editor").await;
    let (key, _) = server.key(&token, &["metrics:read"]).await;
    let change = json!({"current_password": PASSWORD, "new_password": "another password here"});
    let path = "/api/auth/change-password";
    send(&server, (Method::POST, path), &token, "pw", Some(change)).await.expect(200);
    let by_hanna = |cause: &str, id: &str, key: &str| {
        json!({"msg": "API keys revoked", "cause": cause, "user_id": hanna, "count": 1,
            "key_ids": key, "actor_id": hanna, "actor_role": "editor", "request_id": id})
    };
    assert_last(&server, &by_hanna("password_changed", "pw", &key));

    let (key, _) = server.key(&token, &["metrics:read"]).await;
    let row = "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) \
               SELECT encode(sha256('a reset token'), 'hex'), user_id, now(), \
               now() + interval '30 minutes' FROM users WHERE username = 'hanna'";
    sql(&server.database_url, row).await;
    let body = json!({"token": "a reset token", "new_password": "a third password here"});
    let path = "/api/auth/password-reset/confirm";
    send(&server, (Method::POST, path), "", "mail", Some(body)).await.expect(200);
    assert_last(&server, &by_hanna("password_reset", "mail", &key));

    // Without keys there is nothing to say.
    let before = events(&server, None).len();
    let path = format!("/api/auth/users/{hanna}");
    server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
    server.delete(&path, &admin).await.expect(200);
    assert_eq!(events(&server, None).len(), before);
}

#[actix_web::test]
async fn event_is_logged_once_although_the_client_disconnects_before_the_commit() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (key, _) = server.key(&admin, &["metrics:read"]).await;
    let body = json!({"name": "ci", "scopes": ["metrics:read"]}).to_string();
    let (length, revoke) = (body.len(), format!("DELETE {KEYS}/{key}"));
    for (target, body, message) in [
        (format!("POST {KEYS}"), format!("content-length: {length}\r\n\r\n{body}"), MESSAGES[0]),
        (revoke, "\r\n".to_owned(), MESSAGES[3]),
    ] {
        let before = events(&server, Some(message)).len();
        let holder = database::connect(&server.database_url).await;
        let lock = "BEGIN; SELECT FROM users WHERE username = 'admin' FOR UPDATE";
        holder.batch_execute(lock).await.unwrap();
        let mut stream = server.connect().await;
        let request = format!(
            "{target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin}\r\n\
             content-type: application/json\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        until_locked(&server.database_url, 1, "%").await;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        let detached = &server.state().middleware.detached;
        let until = Instant::now() + Duration::from_mins(1);
        while detached.count() == 0 {
            assert!(Instant::now() < until, "{message}: the request does not run on");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(events(&server, Some(message)).len(), before, "before the commit");
        holder.batch_execute("COMMIT").await.unwrap();
        while detached.count() > 0 {
            assert!(Instant::now() < until, "{message}: the request does not end");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(events(&server, Some(message)).len(), before + 1, "{message}");
    }
}
