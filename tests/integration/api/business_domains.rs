//! The routes of business domains.

use serde_json::json;

use crate::support::Server;
use crate::support::samples::metric;

#[actix_web::test]
async fn domain_is_created_read_changed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let whole = json!({"domain_id": "d1", "name": "Finance & Cash", "description": "<b>x</b><hr>",
        "owner_team": "T < U",
        "contact_email": "f@example.com", "tier_focus": {"Tier-1": "a < b",
        "notes": "<i>n</i><script>"}, "key_areas": ["k"], "color": "#fff"});
    let created = server.post("/api/v1/domains", &admin, &whole).await.expect(201);
    assert_eq!(created.header("location"), "/api/v1/domains/d1");
    assert_eq!(created.header("etag"), "\"1\"");
    let data = &server.get("/api/v1/domains/d1", &admin).await.expect(200).json()["data"];
    assert_eq!(data["owner_team"], "T < U");
    assert_eq!(data["description"], "<b>x</b>");
    assert_eq!(data["tier_focus"], json!({"Tier-1": "a < b", "notes": "<i>n</i>"}));
    let changed = server
        .put("/api/v1/domains/d1", &admin, &json!({"color": null, "key_areas": []}))
        .await
        .expect(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.json()["data"]["color"], json!(null));
    assert_eq!(changed.json()["data"]["owner_team"], "T < U");
    // The same values, and a response sent back, change nothing.
    assert_eq!(
        server
            .put("/api/v1/domains/d1", &admin, &changed.json()["data"])
            .await
            .expect(200)
            .header("etag"),
        "\"2\""
    );
    server
        .put_if("/api/v1/domains/d1", &admin, "\"1\"", &json!({"color": "x"}))
        .await
        .expect_error(412, "PRECONDITION_FAILED");
    for bad in [
        json!({"name": null}),
        json!({"name": ""}),
        json!({"contact_email": "x"}),
        json!({"domain_id": "d2"}),
        json!({"x": 1}),
        json!([]),
    ] {
        server.put("/api/v1/domains/d1", &admin, &bad).await.expect_error(400, "VALIDATION_ERROR");
    }
    let listed = server.get("/api/v1/domains", &admin).await.expect(200).json();
    assert_eq!(listed["count"], 1);
    server.delete("/api/v1/domains/d1", &admin).await.expect(200);
    server.get("/api/v1/domains/d1", &admin).await.expect_error(404, "NOT_FOUND");
}

#[actix_web::test]
async fn domain_names_are_unique() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for taken in
        [json!({"domain_id": "d1", "name": "New"}), json!({"domain_id": "d3", "name": "Finance"})]
    {
        server.post("/api/v1/domains", &admin, &taken).await.expect_error(409, "CONFLICT");
    }
    server
        .put("/api/v1/domains/d2", &admin, &json!({"name": "Finance"}))
        .await
        .expect_error(409, "CONFLICT");
}

#[actix_web::test]
async fn rename_updates_metrics_and_used_domain_cannot_be_deleted() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for id in ["m1", "m2"] {
        server.post("/api/v1/metrics", &admin, &metric(id)).await.expect(201);
    }
    server.delete("/api/v1/domains/d1", &admin).await.expect_error(409, "CONFLICT");
    server.put("/api/v1/domains/d1", &admin, &json!({"name": "Money"})).await.expect(200);
    for id in ["m1", "m2"] {
        let data =
            server.get(&format!("/api/v1/metrics/{id}"), &admin).await.json()["data"].clone();
        assert_eq!(data["business_domain"], "Money");
        assert_eq!(data["metadata"]["version"], "1.1.0");
        let history = server.get(&format!("/api/v1/metrics/{id}/history"), &admin).await.json();
        assert_eq!(history["data"], data["metadata"]["change_history"]);
        assert_eq!(history["data"][0]["fields_changed"], json!(["business_domain"]));
    }
    // The old name is free again.
    server
        .post("/api/v1/metrics", &admin, &metric("m3"))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    // A rename creates a version like any other change.
    let next = server.put("/api/v1/metrics/m1", &admin, &json!({"tags": ["t"]})).await.expect(200);
    assert_eq!(next.header("etag"), "\"1.1.1\"");
}

#[actix_web::test]
async fn domain_that_is_created_again_continues_its_versions() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"domain_id": "d1", "name": "Finance"});
    let etag = async || {
        server.post("/api/v1/domains", &admin, &body).await.expect(201).header("etag").to_owned()
    };
    assert_eq!(etag().await, "\"1\"");
    server.put("/api/v1/domains/d1", &admin, &json!({"color": "#fff"})).await.expect(200);
    for version in ["\"3\"", "\"4\""] {
        server.delete("/api/v1/domains/d1", &admin).await.expect(200);
        assert_eq!(etag().await, version);
    }
    // A tag of the first life matches nothing of the later ones.
    server
        .put_if("/api/v1/domains/d1", &admin, "\"2\"", &json!({"color": "#000"}))
        .await
        .expect_error(412, "PRECONDITION_FAILED");
    // An import continues them, too.
    server.delete("/api/v1/domains/d1", &admin).await.expect(200);
    server.post("/api/v1/import", &admin, &json!({"domains": [body]})).await.expect(200);
    assert_eq!(server.get("/api/v1/domains/d1", &admin).await.header("etag"), "\"5\"");
    let kept = "SELECT count(*) FROM deleted_business_domains";
    assert_eq!(crate::support::database::sql(&server.database_url, kept).await, [["0"]]);
}

#[actix_web::test]
async fn domain_that_the_former_release_deletes_continues_its_versions() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let body = json!({"domain_id": "d1", "name": "Finance"});
    server.post("/api/v1/domains", &admin, &body).await.expect(201);
    server.put("/api/v1/domains/d1", &admin, &json!({"color": "#fff"})).await.expect(200);
    // The former release does not know the table of deleted domains.
    let delete = "DELETE FROM business_domains";
    crate::support::database::sql(&server.database_url, delete).await;
    let created = server.post("/api/v1/domains", &admin, &body).await.expect(201);
    assert_eq!(created.header("etag"), "\"3\"");
    // Nor does it continue the versions: those that were used stay used.
    let kept = "INSERT INTO deleted_business_domains VALUES ('d1', 7, now())";
    crate::support::database::sql(&server.database_url, kept).await;
    crate::support::database::sql(&server.database_url, delete).await;
    let created = server.post("/api/v1/domains", &admin, &body).await.expect(201);
    assert_eq!(created.header("etag"), "\"8\"");
}
