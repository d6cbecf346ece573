//! The routes of metrics: content, versions, history and conditional requests.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::{metric, metric_with};
use crate::support::{Server, database, json_body};

/// Returns what the client wrote, without the fields of the server.
fn written(data: &Value) -> Value {
    let mut data = data.clone();
    let metadata = data["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| key == "notes" || key == "example_queries");
    data
}

#[actix_web::test]
async fn metric_is_returned_byte_for_byte() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let created = server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let read = server.get("/api/v1/metrics/m1", &admin).await.expect(200);
    assert_eq!(created.json()["data"], read.json()["data"]);
    let data = &read.json()["data"];
    assert_eq!(written(data), metric("m1"));
    assert_eq!(data["metadata"]["version"], "1.0.0");
    assert_eq!(data["metadata"]["created_by"], "admin");
    assert_eq!(data["metadata"]["change_history"][0]["change_type"], "create");
    // A response sent back unchanged changes nothing.
    let again = server.put("/api/v1/metrics/m1", &admin, data).await.expect(200);
    assert_eq!(again.json()["data"], *data);
    assert_eq!(server.get("/api/v1/metrics/m1/history", &admin).await.json()["count"], 1);
}

#[actix_web::test]
async fn texts_are_trimmed_and_rich_texts_sanitized() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let sent = metric_with(
        "m1",
        &json!({"name": "  N  ", "description": "<b onclick=x>b</b><script>alert(1)</script><a \
            href='javascript:x'>l</a>",
                "metadata": {"notes": "R&D < 5", "example_queries": []},
                "definition": {"formula": "<script>a < b</script>", "formula_detail": "d",
                "unit": "u", "expected_direction": "increase",
                    "numerator": {"event_name": "e", "filters": [{"my_comment": "<i>x</i><img \
                        src=x>", "code": "<img src=x>"}]},
                    "denominator": {"event_name": "e"}, "example_calculation": {}}}),
    );
    let data =
        server.post("/api/v1/metrics", &admin, &sent).await.expect(201).json()["data"].clone();
    assert_eq!(data["name"], "N");
    assert_eq!(data["description"], "<b>b</b><a rel=\"noopener noreferrer nofollow\">l</a>");
    assert_eq!(data["metadata"]["notes"], "R&amp;D &lt; 5");
    assert_eq!(data["definition"]["formula"], "<script>a < b</script>");
    let filter = &data["definition"]["numerator"]["filters"][0];
    assert_eq!(*filter, json!({"my_comment": "<i>x</i>", "code": "<img src=x>"}));
}

#[actix_web::test]
async fn patch_keeps_absent_fields_and_raises_the_version() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (_, editor) = server.user(&admin, "eva", "editor").await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let mut definition = metric("m1")["definition"].clone();
    definition["formula"] = json!("x / y");
    for (change, version, fields) in [
        (json!({"tags": ["c"]}), "1.0.1", json!(["tags"])),
        (
            json!({"business_domain": "Growth", "name": "N2"}),
            "1.1.0",
            json!(["business_domain", "name"]),
        ),
        (json!({"definition": definition}), "2.0.0", json!(["definition.formula"])),
        (json!({"metric_id": "m1", "short_name": "S"}), "2.0.1", json!(["short_name"])),
    ] {
        let changed = server.put("/api/v1/metrics/m1", &editor, &change).await.expect(200);
        assert_eq!(changed.header("etag"), format!("\"{version}\""));
        let entry = &changed.json()["data"]["metadata"]["change_history"][0];
        assert_eq!(entry["fields_changed"], fields);
        assert_eq!(entry["changed_by"], "eva");
    }
    let data = server.get("/api/v1/metrics/m1", &admin).await.json()["data"].clone();
    assert_eq!(data["dimensions"], metric("m1")["dimensions"]);
    assert_eq!(data["tags"], json!(["c"]));
    assert_eq!(data["metadata"]["created_by"], "admin");
    assert_eq!(data["metadata"]["last_updated_by"], "eva");
    server
        .put("/api/v1/metrics/m1", &editor, &json!({"metric_id": "m2"}))
        .await
        .expect_error(400, "VALIDATION_ERROR");
    server
        .put("/api/v1/metrics/m9", &editor, &json!({"tags": []}))
        .await
        .expect_error(404, "NOT_FOUND");
    server.delete("/api/v1/metrics/m1", &editor).await.expect_error(403, "AUTHORIZATION_ERROR");
}

#[actix_web::test]
async fn equal_instants_and_numbers_are_no_change() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    // Another spelling of the same values, as other languages write them.
    let spelled = |text: &str| {
        let text = text
            .replace("2024-02-29T21:59:59Z", "2024-02-29T23:59:59.000+02:00")
            .replace("2025-01-01T00:00:00.500Z", "2025-01-01t00:00:00.5+00:00")
            .replace("-25000000000", "-2.5e10")
            .replace("\"target_value\":1,", "\"target_value\":1.0,")
            .replace("[\"a\",1,null", "[\"a\",1.0,null");
        Some(("application/json", text.into_bytes()))
    };
    let text = metric("m1").to_string();
    assert_ne!(spelled(&text), Some(("application/json", text.clone().into_bytes())));
    let path = "/api/v1/metrics/m1";
    let created = server.send(Method::POST, "/api/v1/metrics", &admin, &[], spelled(&text)).await;
    let created = created.expect(201).json();
    assert_eq!(written(&created["data"]), metric("m1"));
    for body in
        [spelled(&text), spelled(&created["data"].to_string()), Some(json_body(&metric("m1")))]
    {
        let same = server.send(Method::PUT, path, &admin, &[], body).await.expect(200);
        assert_eq!(same.header("etag"), "\"1.0.0\"");
    }
    // A value that was stored in another spelling by an earlier release is the same, too.
    database::sql(
        &server.database_url,
        r#"UPDATE metrics SET
               governance = jsonb_set(governance, '{created_at}', '"2024-02-29T22:59:59+01:00"'),
               targets_and_alerts = jsonb_set(targets_and_alerts, '{target_value}', '1.00')"#,
    )
    .await;
    let same = server.put(path, &admin, &metric("m1")).await.expect(200);
    assert_eq!(same.header("etag"), "\"1.0.0\"");
    let mut later = metric("m1");
    later["governance"]["created_at"] = json!("2024-02-29T21:59:59.001Z");
    let changed = server.put(path, &admin, &later).await.expect(200);
    assert_eq!(changed.header("etag"), "\"1.0.1\"");
    let entry = &changed.json()["data"]["metadata"]["change_history"][0];
    assert_eq!(entry["fields_changed"], json!(["governance.created_at"]));
}

#[actix_web::test]
async fn history_is_kept_after_deletion() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    for number in 0..25 {
        server
            .put("/api/v1/metrics/m1", &admin, &json!({"tags": [number.to_string()]}))
            .await
            .expect(200);
    }
    let data = server.get("/api/v1/metrics/m1", &admin).await.json()["data"].clone();
    assert_eq!(data["metadata"]["change_history"].as_array().unwrap().len(), 20);
    assert_eq!(data["metadata"]["change_history"][0]["revision"], 26);
    let page =
        server.get("/api/v1/metrics/m1/history?limit=10&page=3", &admin).await.expect(200).json();
    assert_eq!(page["pagination"]["total"], 26);
    assert_eq!(page["data"][5]["change_type"], "create");
    let deleted = server.delete("/api/v1/metrics/m1", &admin).await.expect(200).json();
    assert_eq!(deleted["message"], "Metric deleted successfully");
    let after = server.get("/api/v1/metrics/m1/history", &admin).await.expect(200).json();
    assert_eq!(after["data"][0]["change_type"], "delete");
    // After deletion and creation no version is used twice.
    let again = server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    assert_eq!(again.header("etag"), "\"2.0.0\"");
    assert_eq!(again.json()["data"]["metadata"]["change_history"][0]["revision"], 28);
    server.get("/api/v1/metrics/never/history", &admin).await.expect_error(404, "NOT_FOUND");
}

#[actix_web::test]
async fn conditional_requests_are_honoured() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    let path = "/api/v1/metrics/m1";
    let get_if = async |tags: &str| {
        server.send(Method::GET, path, &admin, &[("if-none-match", tags)], None).await
    };
    for known in ["\"1.0.0\"", "W/\"1.0.0\"", "\"x\", \"1.0.0\"", "*"] {
        let answer = get_if(known).await.expect(304);
        assert!(answer.text.is_empty());
        assert_eq!(answer.header("etag"), "\"1.0.0\"");
    }
    get_if("\"0.9.0\"").await.expect(200);
    get_if("1.0.0").await.expect_error(400, "VALIDATION_ERROR");
    let stale = server.put_if(path, &admin, "\"0.9.0\"", &json!({"tags": []})).await;
    assert_eq!(stale.expect_error(412, "PRECONDITION_FAILED").header("etag"), "\"1.0.0\"");
    server
        .put_if(path, &admin, "W/\"1.0.0\"", &json!({"tags": []}))
        .await
        .expect_error(412, "PRECONDITION_FAILED");
    server.put_if(path, &admin, "\"1.0.0\"", &json!({"tags": []})).await.expect(200);
    server.put_if(path, &admin, "*", &json!({"tags": ["x"]})).await.expect(200);
    let delete_if = async |tag: &str| {
        server.send(Method::DELETE, path, &admin, &[("if-match", tag)], None).await
    };
    delete_if("\"1.0.0\"").await.expect_error(412, "PRECONDITION_FAILED");
    delete_if("\"1.0.2\"").await.expect(200);

    let strict = Server::with(&["--require-if-match", "true"]).await;
    let admin = strict.admin().await;
    strict.domains(&admin).await;
    strict.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    strict.put(path, &admin, &json!({"tags": []})).await.expect_error(428, "PRECONDITION_REQUIRED");
    strict.put_if(path, &admin, "\"1.0.0\"", &json!({"tags": []})).await.expect(200);
}

#[actix_web::test]
async fn idempotency_key_creates_once() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (_, editor) = server.user(&admin, "eva", "editor").await;
    let create = async |token: &str, key: &str, body: &Value| {
        server
            .send(
                Method::POST,
                "/api/v1/metrics",
                token,
                &[("idempotency-key", key)],
                Some(json_body(body)),
            )
            .await
    };
    let first = create(&admin, "k1", &metric("m1")).await.expect(201);
    server.put("/api/v1/metrics/m1", &admin, &json!({"tags": ["later"]})).await.expect(200);
    let again = create(&admin, "k1", &metric("m1")).await.expect(201);
    assert_eq!(first.text, again.text);
    assert_eq!(first.header("etag"), again.header("etag"));
    create(&admin, "k1", &metric("m2")).await.expect_error(422, "IDEMPOTENCY_MISMATCH");
    // Idempotency keys belong to their principal.
    create(&editor, "k1", &metric("m2")).await.expect(201);
    // Refusals are not stored.
    create(&admin, "k2", &metric("m1")).await.expect_error(409, "CONFLICT");
    create(&admin, "k2", &metric("m3")).await.expect(201);
    create(&admin, &"k".repeat(256), &metric("m4")).await.expect_error(400, "VALIDATION_ERROR");
    // After a day the idempotency key is free again.
    server.advance(24 * 3600 + 1);
    let admin = server.admin().await;
    create(&admin, "k1", &metric("m4")).await.expect(201);
}

#[actix_web::test]
async fn anonymous_reads_depend_on_the_setting() {
    let server = Server::start().await;
    for path in
        ["/api/v1/metrics", "/api/v1/metrics/x", "/api/v1/metrics/x/history", "/api/v1/domains"]
    {
        server.get(path, "").await.expect_error(401, "AUTHENTICATION_ERROR");
    }
    let open = Server::with(&["--anonymous-read", "true"]).await;
    open.get("/api/v1/metrics", "").await.expect(200);
    // Invalid credentials are refused even where none are required.
    open.get("/api/v1/metrics", "a.b.c").await.expect_error(401, "AUTHENTICATION_ERROR");
    open.post("/api/v1/metrics", "", &metric("m")).await.expect_error(401, "AUTHENTICATION_ERROR");
}
