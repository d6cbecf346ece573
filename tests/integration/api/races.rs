//! Concurrent requests: one wins or both are applied; nothing is lost or doubled.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database, json_body, refresh_token};

#[actix_web::test]
async fn concurrent_writers_of_one_metric_lose_no_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let path = "/api/v1/metrics/m1";
    for round in 0..10 {
        let version = server.get(path, &admin).await.header("etag").to_owned();
        let write = |who: &str| {
            let (body, version) = (json!({"tags": [format!("{who}{round}")]}), version.clone());
            let (server, admin) = (&server, &admin);
            async move { server.put_if(path, admin, &version, &body).await }
        };
        let mut statuses: Vec<u16> =
            join_all([write("a"), write("b")]).await.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
    // Without If-Match both changes are applied, one after the other.
    let before = server.get(&format!("{path}/history"), &admin).await.json()["pagination"]["total"]
        .as_i64()
        .unwrap();
    for round in 0..10 {
        let writes =
            [json!({"short_name": format!("s{round}")}), json!({"category": format!("c{round}")})];
        for answer in join_all(writes.iter().map(|body| server.put(path, &admin, body))).await {
            answer.expect(200);
        }
        let data = server.get(path, &admin).await.json()["data"].clone();
        assert_eq!(data["short_name"], format!("s{round}"));
        assert_eq!(data["category"], format!("c{round}"));
    }
    let history = server.get(&format!("{path}/history?limit=100"), &admin).await.json();
    assert_eq!(history["pagination"]["total"], before + 20);
    let revisions: Vec<i64> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["revision"].as_i64().unwrap())
        .collect();
    let expected: Vec<i64> = (1..=before + 20).rev().collect();
    assert_eq!(revisions, expected);
}

#[actix_web::test]
async fn concurrent_refreshes_return_one_successor() {
    let server = Server::start().await;
    for _ in 0..10 {
        let login = server.login("admin", ADMIN_PASSWORD).await.expect(200);
        let body = json!({"refresh_token": refresh_token(&login)});
        let answers = join_all((0..4).map(|_| server.post("/api/auth/refresh", "", &body))).await;
        let mut successors: Vec<String> =
            answers.into_iter().map(|answer| refresh_token(&answer.expect(200))).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "one family, one successor");
    }
}

#[actix_web::test]
async fn concurrent_registrations_of_one_name_create_one_user() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    for round in 0..5 {
        let body = |mail: &str| {
            json!({"username": format!("ada{round}"), "password": PASSWORD, "full_name": "A",
                   "email": format!("{mail}{round}@example.com")})
        };
        let bodies = [body("a"), body("b")];
        let mut statuses: Vec<u16> =
            join_all(bodies.iter().map(|body| server.post("/api/auth/register", "", body)))
                .await
                .iter()
                .map(|answer| answer.status)
                .collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }
}

#[actix_web::test]
async fn concurrent_requests_with_one_idempotency_key_create_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let create = || {
        let body = Some(json_body(&metric("m1")));
        server.send(Method::POST, "/api/v1/metrics", &admin, &[("idempotency-key", "k")], body)
    };
    let answers = join_all((0..8).map(|_| create())).await;
    let created: Vec<&str> =
        answers.iter().filter(|answer| answer.status == 201).map(|a| a.text.as_str()).collect();
    assert!(!created.is_empty());
    assert!(created.iter().all(|body| *body == created[0]));
    // Without the key it would be a second creation, which is another conflict.
    let running = "The first request with this Idempotency-Key is still running";
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.status, 409);
        assert_eq!(answer.json()["error"]["message"], running);
    }
    assert_eq!(create().await.expect(201).text, created[0]);
    let history = server.get("/api/v1/metrics/m1/history", &admin).await.json();
    assert_eq!(history["count"], 1);
}

#[actix_web::test]
async fn concurrent_rename_reaches_every_metric() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m0")).await.expect(201);
    for round in 0..8 {
        let name = json!({"name": format!("Finance {round}")});
        let rename = server.put("/api/v1/domains/d1", &admin, &name);
        let tags = json!({"tags": [round.to_string()]});
        let write = server.put("/api/v1/metrics/m0", &admin, &tags);
        let (renamed, written) = futures_util::future::join(rename, write).await;
        renamed.expect(200);
        written.expect(200);
        let data: Value = server.get("/api/v1/metrics/m0", &admin).await.json()["data"].clone();
        assert_eq!(data["business_domain"], format!("Finance {round}"));
        assert_eq!(data["tags"], json!([round.to_string()]));
    }
    let history = server.get("/api/v1/metrics/m0/history", &admin).await.json();
    assert_eq!(history["pagination"]["total"], 17);
}

#[actix_web::test]
async fn one_of_two_admins_who_remove_each_other_is_refused() {
    let server = Server::start().await;
    // A third administrator stays, so that the rule about the last one refuses nothing.
    let admin = server.admin().await;
    for (round, suspends) in [true, false, true, false].into_iter().enumerate() {
        let (first, first_token) = server.user(&admin, &format!("first{round}"), "admin").await;
        let (second, second_token) = server.user(&admin, &format!("second{round}"), "admin").await;
        let client = database::connect(&server.database_url).await;
        let hold = format!(
            "BEGIN; SELECT FROM users WHERE user_id IN ('{first}', '{second}') \
             ORDER BY user_id FOR UPDATE"
        );
        client.batch_execute(&hold).await.unwrap();
        let remove = async |id: &str, token: &str| {
            let path = format!("/api/auth/users/{id}");
            if suspends {
                server.put(&path, token, &json!({"status": "suspended"})).await.status
            } else {
                server.delete(&path, token).await.status
            }
        };
        // Both are authenticated and wait for a lock before either of them acts.
        let release = async {
            database::until_locked(&server.database_url, 2, "%users%").await;
            client.batch_execute("COMMIT").await.unwrap();
        };
        let (a, b, ()) = futures_util::future::join3(
            remove(&second, &first_token),
            remove(&first, &second_token),
            release,
        )
        .await;
        assert_eq!((a.min(b), a.max(b)), (200, 401), "suspends: {suspends}");
        let active = format!(
            "SELECT count(*) FROM users WHERE status = 'active' \
             AND user_id IN ('{first}', '{second}')"
        );
        assert_eq!(database::sql(&server.database_url, &active).await[0][0], "1");
    }
}
