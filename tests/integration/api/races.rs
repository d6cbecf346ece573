//! Two at once: one wins or both are kept, and nothing is lost or doubled.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, json_body, refresh_token};

#[actix_web::test]
async fn two_writers_of_one_metric() {
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
    // Without If-Match both changes are made, one after the other, and neither undoes the other.
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
async fn two_refreshes_with_one_token() {
    let server = Server::start().await;
    for _ in 0..10 {
        let body = json!({"refresh_token": refresh_token(&server.login("admin", ADMIN_PASSWORD).await.expect(200))});
        let answers = join_all((0..4).map(|_| server.post("/api/auth/refresh", "", &body))).await;
        let mut successors: Vec<String> =
            answers.into_iter().map(|answer| refresh_token(&answer.expect(200))).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "one family, one successor");
    }
}

#[actix_web::test]
async fn two_registrations_with_one_name() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    for round in 0..5 {
        let body = |mail: &str| json!({"username": format!("ada{round}"), "email": format!("{mail}{round}@example.com"), "password": PASSWORD, "full_name": "A"});
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
async fn one_idempotency_key_eight_times_at_once() {
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
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (409, Some("CONFLICT"))
        );
    }
    let history = server.get("/api/v1/metrics/m1/history", &admin).await.json();
    assert_eq!(history["count"], 1);
}

#[actix_web::test]
async fn a_rename_among_writers_leaves_no_metric_behind() {
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
async fn two_administrators_who_remove_each_other() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for round in 0..5 {
        let (one, one_token) = server.user(&admin, &format!("one{round}"), "admin").await;
        let me = server.get("/api/auth/me", &admin).await.json()["user"]["user_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let suspended = json!({"status": "suspended"});
        let (mine, theirs) = (format!("/api/auth/users/{one}"), format!("/api/auth/users/{me}"));
        let both = futures_util::future::join(
            server.put(&mine, &admin, &suspended),
            server.put(&theirs, &one_token, &suspended),
        );
        let (a, b) = both.await;
        assert!(!(a.status == 200 && b.status == 200), "nobody is left");
        assert!(a.status == 200 || b.status == 200);
        if b.status == 200 {
            // The newcomer won: hand the power back for the next round.
            server.put(&theirs, &one_token, &json!({"status": "active"})).await.expect(200);
            return;
        }
    }
}
