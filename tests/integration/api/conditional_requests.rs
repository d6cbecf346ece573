//! Conditional requests (RFC 9110, 13): entity tags of items and lists, and of their encodings;
//! what both headers do to reads and to changes; and a 412 that a client can merge with.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::samples::metric;
use crate::support::{Answer, Server, json_body, merge_body};

const ONE: &str = "/api/v1/metrics/m1";
const LISTS: [&str; 5] = [
    "/api/v1/metrics?limit=5",
    "/api/v1/metrics?cursor=start",
    "/api/v1/metrics/m1/history",
    "/api/v1/metrics/m1/versions",
    "/api/v1/domains",
];

async fn filled() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m1")).await.expect(201);
    server.settled().await;
    (server, admin)
}

async fn get(server: &Server, token: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.send(Method::GET, path, token, headers, None).await
}

async fn change(server: &Server, token: &str, method: Method, header: (&str, &str)) -> Answer {
    let body = match method {
        Method::PUT => Some(json_body(&json!({"tags": []}))),
        Method::PATCH => Some(merge_body(&json!({"tags": []}))),
        _ => None,
    };
    server.send(method, ONE, token, &[header], body).await
}

/// The headers that a 304 must repeat (RFC 9110, 15.4.5), and those of HEAD.
fn validators(answer: &Answer) -> BTreeMap<&str, &str> {
    ["etag", "vary", "cache-control"].into_iter().map(|name| (name, answer.header(name))).collect()
}

#[actix_web::test]
async fn items_and_lists_have_tags_which_304_and_head_repeat() {
    let (server, admin) = filled().await;
    for path in LISTS.into_iter().chain([ONE, "/api/v1/domains/d1"]) {
        let mut tags = Vec::new();
        for encoding in ["", "gzip", "br", "zstd", "deflate"] {
            let accepted =
                if encoding.is_empty() { vec![] } else { vec![("accept-encoding", encoding)] };
            for _ in 0..2 {
                let answer = get(&server, &admin, path, &accepted).await.expect(200);
                let expected = validators(&answer);
                assert_eq!(expected["vary"], "accept-encoding", "{path}");
                assert!(expected["cache-control"].starts_with("private"), "{path} {expected:?}");
                let known = [&accepted[..], &[("if-none-match", expected["etag"])]].concat();
                let same = get(&server, &admin, path, &known).await.expect(304);
                assert_eq!(validators(&same), expected, "{path} {encoding}");
                assert!(same.text.is_empty());
                let head = server.send(Method::HEAD, path, &admin, &accepted, None).await;
                assert_eq!(validators(&head.expect(200)), expected, "{path} {encoding}");
                let head = server.send(Method::HEAD, path, &admin, &known, None).await;
                assert_eq!(validators(&head.expect(304)), expected, "{path} {encoding}");
            }
            tags.push(get(&server, &admin, path, &accepted).await.header("etag").to_owned());
        }
        // A client that has any encoding has the present state.
        for tag in &tags {
            let known = [("accept-encoding", "gzip"), ("if-none-match", tag.as_str())];
            let same = get(&server, &admin, path, &known).await.expect(304);
            assert_eq!(same.header("etag"), tag, "{path}");
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 5, "{path}: {tags:?}");
    }
}

#[actix_web::test]
async fn tag_of_a_list_is_that_of_its_content_on_every_process() {
    let (one, admin) = filled().await;
    let two = Server::on(&one.database_url, &[]).await;
    two.ready().await;
    two.settled().await;
    let mut before = Vec::new();
    for path in LISTS {
        let tag = get(&one, &admin, path, &[]).await.expect(200).header("etag").to_owned();
        get(&two, &admin, path, &[("if-none-match", &tag)]).await.expect(304);
        before.push(tag);
    }
    one.put(ONE, &admin, &json!({"tags": ["new"]})).await.expect(200);
    one.put("/api/v1/domains/d1", &admin, &json!({"color": "red"})).await.expect(200);
    for (path, tag) in LISTS.into_iter().zip(&before) {
        let after = get(&one, &admin, path, &[("if-none-match", tag)]).await.expect(200);
        assert_ne!(after.header("etag"), tag, "{path}");
    }
}

#[actix_web::test]
async fn headers_are_read_to_the_letter() {
    let (server, admin) = filled().await;
    for (header, status) in [
        ("\"1.0.0\"", 304),
        ("W/\"1.0.0\"", 304),
        (",, \"other\" ,\t\"1.0.0;gzip\",", 304),
        ("\"a,b\",\"1.0.0\"", 304),
        ("*", 304),
        ("\"1.0.0,\"", 200),
        ("\"1.0.1\"", 200),
        ("\"1.0.0;other\"", 200),
        ("1.0.0", 400),
        ("\"1.0.0", 400),
        ("*, \"1.0.0\"", 400),
        (",", 400),
    ] {
        for path in [ONE, "/api/v1/metrics/m1?fields=name"] {
            let answer = get(&server, &admin, path, &[("if-none-match", header)]).await;
            // Another selection of fields is another representation, under a tag of its own.
            let expected = if path == ONE || header == "*" || status == 400 { status } else { 200 };
            assert_eq!(answer.status, expected, "{path} {header}");
            if status == 400 {
                assert_eq!(answer.fields(), ["if-none-match"]);
            }
        }
    }
    let obs =
        format!("authorization: Bearer {admin}\r\nif-none-match: \"caf\u{e9}\", \"1.0.0\"\r\n");
    assert_eq!(server.raw("GET", ONE, &obs).await.status, 304);
}

#[actix_web::test]
async fn changes_accept_the_tag_of_any_encoding_and_refuse_excluded_versions() {
    let (server, admin) = filled().await;
    let gzip = get(&server, &admin, ONE, &[("accept-encoding", "gzip")]).await;
    let stored = gzip.header("etag").to_owned();
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        for excluded in ["*", "\"1.0.0\"", "W/\"1.0.0\"", "\"9.9.9\", \"1.0.0;br\""] {
            let refused =
                change(&server, &admin, method.clone(), ("if-none-match", excluded)).await;
            let refused = refused.expect_error(412, "PRECONDITION_FAILED");
            assert_eq!(refused.header("etag"), "\"1.0.0\"");
            let error = &refused.json()["error"];
            assert_eq!(error["currentVersion"], "1.0.0");
            assert!(error["message"].as_str().unwrap().contains("If-None-Match"), "{error}");
        }
        // A weak tag matches nothing where a change needs a strong one.
        let weak = change(&server, &admin, method.clone(), ("if-match", "W/\"1.0.0\"")).await;
        weak.expect_error(412, "PRECONDITION_FAILED");
        let malformed = change(&server, &admin, method, ("if-none-match", "1")).await;
        assert_eq!(malformed.expect_error(400, "VALIDATION_ERROR").fields(), ["if-none-match"]);
    }
    assert_eq!(get(&server, &admin, ONE, &[]).await.header("etag"), "\"1.0.0\"");
    let absent = "/api/v1/metrics/m2";
    let body = Some(json_body(&json!({"tags": []})));
    let missing = server.send(Method::PUT, absent, &admin, &[("if-none-match", "*")], body).await;
    missing.expect_error(404, "NOT_FOUND");
    change(&server, &admin, Method::PUT, ("if-none-match", "\"9.9.9\"")).await.expect(200);
    let refused = change(&server, &admin, Method::PATCH, ("if-match", &stored)).await;
    refused.expect_error(412, "PRECONDITION_FAILED");
    let gzip = get(&server, &admin, ONE, &[("accept-encoding", "gzip")]).await;
    change(&server, &admin, Method::DELETE, ("if-match", gzip.header("etag"))).await.expect(200);
}

/// Appends to the notes under `If-Match`, and after a 412 to what the other writers wrote, which it
/// says. Returns how often it was refused.
async fn append(server: &Server, token: &str, start: &Answer, text: &str) -> u32 {
    let item = start.json();
    let mut notes = item["data"]["metadata"]["notes"].as_str().unwrap().to_owned();
    let mut tag = start.header("etag").to_owned();
    for refusals in 0.. {
        let patch = json!({"metadata": {"notes": format!("{notes} {text}")}});
        let headers = [("if-match", tag.as_str())];
        let answer =
            server.send(Method::PATCH, ONE, token, &headers, Some(merge_body(&patch))).await;
        if answer.status == 200 {
            return refusals;
        }
        let refused = answer.expect_error(412, "PRECONDITION_FAILED");
        let error = &refused.json()["error"];
        assert_eq!(
            format!("\"{}\"", error["currentVersion"].as_str().unwrap()),
            refused.header("etag")
        );
        let diff = &error["diff"];
        assert_eq!(format!("\"{}\"", diff["from"]["version"].as_str().unwrap()), tag);
        assert_eq!(diff["to"]["version"], error["currentVersion"]);
        let changes = diff["changes"].as_array().unwrap();
        let change = changes.iter().find(|change| change["path"] == "metadata.notes").unwrap();
        assert_eq!(change["old"], notes.as_str());
        change["new"].as_str().unwrap().clone_into(&mut notes);
        refused.header("etag").clone_into(&mut tag);
    }
    unreachable!("the loop has no end");
}

#[actix_web::test]
async fn losers_merge_with_what_the_412_says_and_nothing_is_lost() {
    let (server, admin) = filled().await;
    let start = get(&server, &admin, ONE, &[]).await.expect(200);
    let texts: Vec<String> = (0..8).map(|writer| format!("w{writer}")).collect();
    let writers = texts.iter().map(|text| append(&server, &admin, &start, text));
    let refusals = join_all(writers).await;
    assert!(refusals.iter().sum::<u32>() >= 7, "{refusals:?}");
    let end = get(&server, &admin, ONE, &[]).await.expect(200).json();
    let notes = end["data"]["metadata"]["notes"].as_str().unwrap();
    for text in &texts {
        assert_eq!(notes.matches(text.as_str()).count(), 1, "{notes}");
    }
}

#[actix_web::test]
async fn refusal_says_what_it_can() {
    let (server, admin) = filled().await;
    let domain = "/api/v1/domains/d1";
    let old = get(&server, &admin, domain, &[]).await.header("etag").to_owned();
    server.put(domain, &admin, &json!({"color": "red"})).await.expect(200);
    let refused = server.put_if(domain, &admin, &old, &json!({"color": "blue"})).await;
    let error = refused.expect_error(412, "PRECONDITION_FAILED").json()["error"].clone();
    let colors: Vec<&Value> = error["diff"]["changes"].as_array().unwrap().iter().collect();
    assert_eq!(
        (colors.len(), &colors[0]["path"], &colors[0]["new"]),
        (1, &json!("color"), &json!("red"))
    );
    // A version that never was has no difference; the present one is named all the same.
    let refused = server.put_if(ONE, &admin, "\"7.7.7\"", &json!({"tags": []})).await;
    let error = refused.expect_error(412, "PRECONDITION_FAILED").json()["error"].clone();
    assert_eq!((&error["currentVersion"], error.get("diff")), (&json!("1.0.0"), None));
}
