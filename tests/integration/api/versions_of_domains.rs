//! Versions of business domains: as those of metrics, where they differ.

use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Server, database};

const D1: &str = "/api/v1/domains/d1";

#[actix_web::test]
async fn each_change_of_a_domain_is_a_version_with_its_content() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let mut shown = vec![server.get(D1, &admin).await.json()["data"].clone()];
    let focus =
        json!({"description": "Money &amp; co", "tier_focus": {"Tier-1": "all", "n": null}});
    shown.push(server.put(D1, &admin, &focus).await.expect(200).json()["data"].clone());
    let imported = json!({"domains": [{"domain_id": "d1", "name": "Finance", "color": "red"}]});
    server.post("/api/v1/import", &admin, &imported).await.expect(200);
    shown.push(server.get(D1, &admin).await.json()["data"].clone());
    for _ in 0..2 {
        for (position, expected) in shown.iter().enumerate() {
            let path = format!("{D1}/versions/{}", position + 1);
            let answer = server.get(&path, &admin).await.expect(200);
            assert_eq!(answer.json()["data"]["content"], *expected);
            assert_eq!(answer.header("etag"), format!("\"{}\"", position + 1));
            assert!(answer.header("cache-control").contains("immutable"));
        }
        server.delete(D1, &admin).await;
    }
    let list = server.get(&format!("{D1}/versions"), &admin).await.expect(200).json();
    let entries: Vec<Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let names = ["revision", "version", "previous_version", "change_type", "channel"];
            let mut row: Vec<Value> = names.iter().map(|name| entry[*name].clone()).collect();
            row.push(entry["fields_changed"].clone());
            Value::from(row)
        })
        .collect();
    assert_eq!(
        entries,
        [
            json!([4, "3", "3", "delete", "api", []]),
            json!([3, "3", "2", "update", "import", ["color", "description", "tier_focus"]]),
            json!([2, "2", "1", "update", "api", ["description", "tier_focus"]]),
            json!([1, "1", null, "create", "api", []]),
        ]
    );
    let diff = server.get(&format!("{D1}/diff?from=1&to=3"), &admin).await.expect(200).json();
    let changes = &diff["data"]["changes"];
    assert_eq!(
        *changes,
        json!([{"path": "color", "pointer": "/color", "old": null, "new": "red"}])
    );
}

#[actix_web::test]
async fn domain_is_restored_also_when_it_was_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.put(D1, &admin, &json!({"name": "Money", "color": "red"})).await.expect(200);
    let path = format!("{D1}/restore");
    let restored = server.post(&path, &admin, &json!({"version": 1})).await.expect(200);
    assert_eq!(restored.header("etag"), "\"3\"");
    assert_eq!(restored.json()["data"]["name"], "Finance");
    // The former name reaches the metrics.
    let metric = server.get("/api/v1/metrics/m1", &admin).await.json()["data"].clone();
    assert_eq!(metric["business_domain"], "Finance");
    let entry = server.get(&format!("{D1}/versions"), &admin).await.json()["data"][0].clone();
    assert_eq!(
        (&entry["channel"], &entry["changes_summary"]),
        (&json!("restore"), &json!("Restored version 1"))
    );
    // The name is taken, and then the id.
    server.delete("/api/v1/metrics/m1", &admin).await.expect(200);
    server.delete(D1, &admin).await.expect(200);
    server.put("/api/v1/domains/d2", &admin, &json!({"name": "Finance"})).await.expect(200);
    server.post(&path, &admin, &json!({"version": 1})).await.expect_error(409, "CONFLICT");
    let renamed = server.post(&path, &admin, &json!({"version": 2})).await.expect(200);
    assert_eq!(
        (renamed.header("etag"), &renamed.json()["data"]["name"]),
        ("\"4\"", &json!("Money"))
    );
    server.delete(D1, &admin).await.expect(200);
    let another = json!({"domain_id": "d1", "name": "Another"});
    server.post("/api/v1/domains", &admin, &another).await.expect(201);
    server.post(&path, &admin, &json!({"version": 2})).await.expect_error(409, "CONFLICT");
    assert_eq!(server.get(D1, &admin).await.json()["data"]["name"], "Another");
    for (body, field) in [(json!({"version": "1"}), "version"), (json!({"version": 0}), "version")]
    {
        let refused = server.post(&path, &admin, &body).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").fields(), [field]);
    }
    server.post(&path, &admin, &json!({"version": 99})).await.expect_error(404, "NOT_FOUND");
    let audit = server.get("/api/v1/audit?action=domain.restored", &admin).await.json();
    assert_eq!(audit["pagination"]["total"], 2);
}

#[actix_web::test]
async fn domain_is_shown_as_it_was_at_an_instant() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let before = server.get(D1, &admin).await.json()["data"].clone();
    server.advance(60);
    server.put(D1, &admin, &json!({"color": "red"})).await.expect(200);
    let instant = before["created_at"].as_str().unwrap();
    let then = server.get(&format!("{D1}?as_of={instant}"), &admin).await.expect(200);
    assert_eq!(then.json()["data"], before);
    let earlier = server.get(&format!("{D1}?as_of=2020-01-01T00:00:00Z"), &admin).await;
    earlier.expect_error(404, "NOT_FOUND");
}

/// The times of a domain have no trailing zeros, which the database function must write alike.
#[actix_web::test]
async fn times_of_a_version_are_written_as_the_domain_shows_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for fraction in ["", ".1", ".12", ".123", ".1234", ".123456", ".000001", ".100100"] {
        let set = format!(
            "UPDATE business_domains SET created_at = '2026-01-02T03:04:05{fraction}Z'; \
             UPDATE catalogue_epochs SET epoch = epoch + 1"
        );
        database::sql(&server.database_url, &set).await;
        database::sql(&server.database_url, "DELETE FROM business_domain_snapshots").await;
        let fields = server.get(&format!("{D1}?fields=created_at"), &admin).await.json();
        // Each version is read at the database once, and then cached.
        let color = json!({"color": format!("c{fraction}")});
        let changed = server.put(D1, &admin, &color).await.expect(200);
        let version = changed.header("etag").trim_matches('"').to_owned();
        let kept = server.get(&format!("{D1}/versions/{version}"), &admin).await.expect(200).json();
        assert_eq!(kept["data"]["content"], changed.json()["data"], "{fields}");
    }
}
