//! Versions under concurrent writers: none is lost or mixed up, and the differences between them
//! lead from each to the next.

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::versions::kept;
use crate::support::samples::metric_with;
use crate::support::{Answer, Server, json_body};

const M1: &str = "/api/v1/metrics/m1";

/// Makes a random change, and returns its response.
async fn change(server: &Server, token: &str, random: &mut StdRng) -> Answer {
    let number: u32 = random.random_range(0..4);
    match random.random_range(0..8) {
        0 => server.delete(M1, token).await,
        1 | 2 => {
            let body = metric_with("m1", &json!({"tags": [number.to_string()]}));
            server.post("/api/v1/metrics", token, &body).await
        }
        3 => {
            let body = json!({"name": if number < 2 { "Finance" } else { "Money" }});
            server.put("/api/v1/domains/d1", token, &body).await
        }
        4 => {
            let list = server.get(&format!("{M1}/versions?limit=100"), token).await;
            if list.status != 200 {
                return list;
            }
            let entries = list.json()["data"].as_array().unwrap().clone();
            let entry = &entries[random.random_range(0..entries.len())];
            let body = json!({"version": entry["version"]});
            server.post(&format!("{M1}/restore"), token, &body).await
        }
        5 => server.merge(M1, token, &json!({"metadata": {"notes": format!("n{number}")}})).await,
        6 => {
            let tags: Vec<String> = (0..number).map(|tag| tag.to_string()).collect();
            server.put(M1, token, &json!({ "tags": tags })).await
        }
        _ => {
            let text = format!("counts {number} of the customers who left");
            server.merge(M1, token, &json!({"description": text, "tier": "Tier-2"})).await
        }
    }
}

#[actix_web::test]
async fn differences_applied_in_order_yield_each_version_of_random_histories() {
    for seed in 0..4 {
        let server = Server::start().await;
        let admin = server.admin().await;
        server.domains(&admin).await;
        server.post("/api/v1/metrics", &admin, &metric_with("m1", &json!({}))).await.expect(201);
        let writer = async |writer: u64| {
            let mut random = StdRng::seed_from_u64(seed * 100 + writer);
            let mut responses = Vec::new();
            for _ in 0..12 {
                let answer = Box::pin(change(&server, &admin, &mut random)).await;
                let status = answer.status;
                assert!([200, 201, 400, 404, 409].contains(&status), "{status} {}", answer.text);
                let is_metric = answer.text.contains("\"metric_id\":\"m1\"");
                if status < 300
                    && is_metric
                    && answer.text.starts_with("{\"success\":true,\"data\":{")
                {
                    responses.push(answer);
                }
            }
            responses
        };
        let responses: Vec<Answer> =
            join_all((0..4).map(writer)).await.into_iter().flatten().collect();
        // Nothing that a writer was told is different in the versions.
        for response in &responses {
            let version = response.header("etag").trim_matches('"').to_owned();
            let read = server.get(&format!("{M1}/versions/{version}"), &admin).await.expect(200);
            assert_eq!(read.json()["data"]["content"], kept(&response.json()["data"]), "{version}");
        }
        Box::pin(check_versions(&server, &admin)).await;
    }
}

/// Checks that revisions have no gaps, and walks from version to version by their differences.
async fn check_versions(server: &Server, admin: &str) {
    let list = server.get(&format!("{M1}/versions?limit=100"), admin).await.expect(200).json();
    let mut entries = list["data"].as_array().unwrap().clone();
    entries.reverse();
    let mut document = Value::Null;
    let mut former: Option<String> = None;
    for (position, entry) in entries.iter().enumerate() {
        assert_eq!(entry["revision"], position + 1);
        assert_eq!(entry["previous_version"], json!(former));
        assert_eq!(entry["content_kept"], true);
        let version = entry["version"].as_str().unwrap();
        if entry["change_type"] != "delete" {
            let read = server.get(&format!("{M1}/versions/{version}"), admin).await.expect(200);
            let content = read.json()["data"]["content"].clone();
            assert_eq!(content["metadata"]["version"], *version);
            if let Some(former) = &former {
                let path = format!("{M1}/diff?from={former}&to={version}");
                let accept = [("accept", "application/json-patch+json")];
                let patch = server.send(Method::GET, &path, admin, &accept, None).await.expect(200);
                let patch: json_patch::Patch = serde_json::from_str(&patch.text).unwrap();
                json_patch::patch(&mut document, &patch).unwrap();
                assert_eq!(document, content);
            }
            document = content;
        }
        former = Some(version.to_owned());
    }
    // The present state is the last version, unless that was deleted.
    let present = server.get(M1, admin).await;
    if entries.last().is_some_and(|entry| entry["change_type"] == "delete") {
        present.expect(404);
    } else {
        assert_eq!(kept(&present.expect(200).json()["data"]), document);
    }
}

#[actix_web::test]
async fn restore_beside_a_change_loses_neither() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric_with("m1", &json!({}))).await.expect(201);
    for round in 0..8 {
        let tag = server.get(M1, &admin).await.header("etag").to_owned();
        let matched = [("if-match", tag.as_str())];
        let tags = json!({"tags": [format!("r{round}")]});
        let changed = server.send(Method::PUT, M1, &admin, &matched, Some(json_body(&tags)));
        let body = Some(json_body(&json!({"version": "1.0.0"})));
        let path = format!("{M1}/restore");
        let restored = server.send(Method::POST, &path, &admin, &matched, body);
        let (changed, restored) = futures_util::future::join(changed, restored).await;
        let mut statuses = [changed.status, restored.status];
        statuses.sort_unstable();
        // A restore that changes nothing leaves the version, which the change still finds.
        let changed_nothing = restored.status == 200 && restored.header("etag") == tag;
        assert!(statuses == [200, 412] || changed_nothing, "{statuses:?} in round {round}");
        let present = server.get(M1, &admin).await;
        let winner = if changed.status == 200 { &changed } else { &restored };
        assert_eq!(present.json()["data"], winner.json()["data"]);
    }
    check_versions(&server, &admin).await;
}
