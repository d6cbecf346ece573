//! `fields`: responses with a part of the fields, which are never mistaken for whole ones.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Server, json_body};

const METRIC: &str = "/api/v1/metrics/m1";

async fn prepared() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    for id in ["m1", "m2"] {
        server.post("/api/v1/metrics", &admin, &metric(id)).await.expect(201);
    }
    (server, admin)
}

#[actix_web::test]
async fn selected_fields_come_as_in_the_whole_item() {
    let (server, admin) = prepared().await;
    let whole = server.get(METRIC, &admin).await.expect(200).json()["data"].clone();
    let part = |names: &[&str]| {
        let fields = names.iter().map(|name| ((*name).to_owned(), whole[*name].clone()));
        Value::Object(fields.collect())
    };
    let unit = whole["definition"]["unit"].clone();
    let history = whole["metadata"]["change_history"].clone();
    for (fields, expected) in [
        ("name", part(&["metric_id", "name"])),
        ("tier,name,metric_id", part(&["metric_id", "name", "tier"])),
        ("definition,tags", part(&["metric_id", "definition", "tags"])),
        ("definition.unit", json!({"metric_id": "m1", "definition": {"unit": unit}})),
        ("metadata", part(&["metric_id", "metadata"])),
        (
            "metadata.version,metadata.change_history",
            json!({"metric_id": "m1", "metadata":
                {"version": "1.0.0", "change_history": history}}),
        ),
        ("dimensions,%20governance", part(&["metric_id", "dimensions", "governance"])),
    ] {
        let one = server.get(&format!("{METRIC}?fields={fields}"), &admin).await.expect(200);
        assert_eq!(one.json()["data"], expected, "{fields}");
        let list = format!("/api/v1/metrics?fields={fields}&limit=1");
        let list = server.get(&list, &admin).await.expect(200);
        assert_eq!(list.json()["data"], json!([expected]), "{fields}");
        assert_eq!(list.json()["pagination"]["total"], 2);
        assert!(list.header("link").contains("fields="), "{}", list.header("link"));
    }
    let every: Vec<&str> = whole.as_object().unwrap().keys().map(String::as_str).collect();
    let all = format!("/api/v1/metrics?fields={}&limit=1", every.join(","));
    assert_eq!(server.get(&all, &admin).await.expect(200).json()["data"], json!([whole]));

    let domain = server.get("/api/v1/domains/d1?fields=name", &admin).await.expect(200).json();
    assert_eq!(domain["data"], json!({"domain_id": "d1", "name": "Finance"}));
    let domains = server.get("/api/v1/domains?fields=version,color", &admin).await.expect(200);
    assert_eq!(domains.json()["data"][1], json!({"domain_id": "d2", "version": 1, "color": null}));
}

#[actix_web::test]
async fn parts_and_whole_items_have_their_own_cached_responses_and_tags() {
    let (server, admin) = prepared().await;
    let (names, units) =
        (format!("{METRIC}?fields=name"), format!("{METRIC}?fields=definition.unit"));
    let paths = [METRIC, &names, &units, "/api/v1/metrics", "/api/v1/metrics?fields=name"];
    let mut first = Vec::new();
    for path in paths {
        first.push(server.get(path, &admin).await.expect(200));
    }
    let mut texts: Vec<&str> = first.iter().map(|answer| answer.text.as_str()).collect();
    // Again from the cache, in the other order.
    for (path, before) in paths.iter().zip(&first).rev() {
        let again = server.get(path, &admin).await.expect(200);
        assert_eq!((&again.text, again.header("etag")), (&before.text, before.header("etag")));
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), paths.len());
    // Each tag is good for its own path only.
    for (path, own) in paths[..3].iter().zip(&first) {
        for other in &first[..3] {
            let tag = other.header("etag");
            let headers = [("if-none-match", tag)];
            let answer = server.send(Method::GET, path, &admin, &headers, None);
            let expected = if tag == own.header("etag") { 304 } else { 200 };
            answer.await.expect(expected);
        }
    }
    // A change invalidates all of them; the tag of a part says which version it was.
    let (part, change) = (first[1].header("etag").to_owned(), json!({"name": "New"}));
    assert!(part.starts_with("\"1.0.0+"), "{part}");
    server.put_if(METRIC, &admin, &part, &change).await.expect(200);
    let stale = server.put_if(METRIC, &admin, &part, &json!({"name": "Newer"})).await;
    assert_eq!(stale.expect_error(412, "PRECONDITION_FAILED").header("etag"), "\"1.1.0\"");
    let read = server.get(&names, &admin).await.expect(200);
    assert_eq!(read.json()["data"]["name"], "New");
    assert!(read.header("etag").starts_with("\"1.1.0+"), "{}", read.header("etag"));
    let weak = [("if-match", "W/\"1.1.0+x\"")];
    let body = Some(json_body(&change));
    let answer = server.send(Method::PUT, METRIC, &admin, &weak, body).await;
    answer.expect_error(412, "PRECONDITION_FAILED");
}

#[actix_web::test]
async fn unknown_fields_are_refused_with_those_that_there_are() {
    let (server, admin) = prepared().await;
    for path in ["/api/v1/metrics", METRIC, "/api/v1/domains", "/api/v1/domains/d1"] {
        let long = "name,".repeat(500);
        for fields in
            ["", "colour", "name,,tier", "name.x", "Name", "data.x", "%00", "a%2Fb", long.as_str()]
        {
            let answer = server.get(&format!("{path}?fields={fields}"), &admin).await;
            let answer = answer.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(answer.fields(), ["fields"], "{path} {fields}");
            assert!(!answer.text.contains("colour"), "{}", answer.text);
        }
        let twice = server.get(&format!("{path}?fields=name&fields=name"), &admin).await;
        assert_eq!(twice.expect_error(400, "VALIDATION_ERROR").fields(), ["fields"]);
    }
    let answer = server.get(&format!("{METRIC}?fields=colour"), &admin).await;
    let message = answer.json()["error"]["details"][0]["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.contains("metric_id, name, short_name") && message.contains("metadata"));
    let answer = server.get(&format!("{METRIC}?fields=definition.x"), &admin).await;
    let message = answer.json()["error"]["details"][0]["message"].clone();
    assert!(message.as_str().unwrap().contains("definition.formula"), "{message}");
    server.get("/api/v1/metrics/never?fields=name", &admin).await.expect_error(404, "NOT_FOUND");
    server
        .get(&format!("{METRIC}?view=summary"), &admin)
        .await
        .expect_error(400, "VALIDATION_ERROR");
}
