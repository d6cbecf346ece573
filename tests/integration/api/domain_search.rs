//! The list of business domains: search, pages and cursors.

use serde_json::{Value, json};

use crate::support::{Answer, Server};

const LIST: &str = "/api/v1/domains";

async fn filled() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (id, name, description) in [
        ("c", "Finance & Cash", json!("Revenue, <b>costs</b> and cash flow")),
        ("a", "Growth", json!("New customers")),
        ("d", "Kundendienst", json!("Rückfragen der Kunden")),
        ("b", "Operations", Value::Null),
    ] {
        let body = json!({"domain_id": id, "name": name, "description": description});
        server.post(LIST, &admin, &body).await.expect(201);
    }
    (server, admin)
}

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let data = body["data"].as_array().unwrap();
    data.iter().map(|domain| domain["domain_id"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn words_are_found_in_name_and_description() {
    let (server, admin) = filled().await;
    for (search, expected) in [
        ("finance", vec!["c"]),
        ("CASH", vec!["c"]),
        ("custom", vec!["a"]),
        ("kunden", vec!["d"]),
        ("r%C3%BCckfragen+kunden", vec!["d"]),
        ("finance+growth", vec![]),
        ("operations", vec!["b"]),
        ("o", vec!["b"]),
        ("' OR 1=1 --", vec![]),
        ("fin:* | growth", vec![]),
    ] {
        let answer = server.get(&format!("{LIST}?search={search}"), &admin).await.expect(200);
        assert_eq!(ids(&answer), expected, "{search}");
        assert_eq!(answer.json()["pagination"]["total"], expected.len(), "{search}");
    }
    // A search that was cached follows changes.
    server.merge("/api/v1/domains/b", &admin, &json!({"description": "Growth"})).await.expect(200);
    let answer = server.get(&format!("{LIST}?search=growth"), &admin).await.expect(200);
    assert_eq!(ids(&answer), ["a", "b"]);
}

#[actix_web::test]
async fn pages_and_cursors_give_the_same_list() {
    let (server, admin) = filled().await;
    let all = server.get(LIST, &admin).await.expect(200);
    let order = ids(&all);
    assert_eq!(order, ["c", "a", "d", "b"]);
    // Without parameters it is the answer that it always was.
    let pagination = json!({"page": 1, "limit": 100, "total": 4, "pages": 1, "hasNext": false,
        "hasPrev": false});
    assert_eq!(all.json()["pagination"], pagination);
    assert_eq!((all.header("x-total-count"), all.json()["count"].clone()), ("4", json!(4)));
    for limit in 1..=5 {
        let (mut paged, mut followed) = (Vec::new(), Vec::new());
        for page in 1..=4 {
            let path = format!("{LIST}?limit={limit}&page={page}");
            paged.extend(ids(&server.get(&path, &admin).await.expect(200)));
        }
        let mut next = Some(format!("{LIST}?limit={limit}&cursor=start"));
        while let Some(path) = next {
            let answer = server.get(&path, &admin).await.expect(200);
            followed.extend(ids(&answer));
            let link = answer.header("link");
            next = link.split_once('>').map(|(path, _)| path[1..].to_owned());
            assert_eq!(next.is_some(), answer.json()["pagination"]["hasNext"] == true);
        }
        assert_eq!((&paged, &followed), (&order, &order), "by {limit}");
    }
}

#[actix_web::test]
async fn bad_parameters_are_refused() {
    let (server, admin) = filled().await;
    let first = server.get(&format!("{LIST}?limit=1&cursor=start"), &admin).await.expect(200);
    let cursor = first.json()["pagination"]["next_cursor"].as_str().unwrap().to_owned();
    let metrics = server.get(&format!("/api/v1/metrics?cursor={cursor}"), &admin).await;
    assert_eq!(metrics.expect_error(400, "VALIDATION_ERROR").fields(), ["cursor"]);
    for (query, field) in [
        ("search=".to_owned(), "search"),
        ("search=%26%3C".to_owned(), "search"),
        ("search=%00a".to_owned(), "search"),
        (format!("search={}", vec!["a"; 21].join("+")), "search"),
        ("search=a&search=b".to_owned(), "search"),
        ("cursor=".to_owned(), "cursor"),
        ("cursor=x".to_owned(), "cursor"),
        (format!("cursor={cursor}&search=growth"), "cursor"),
        ("cursor=start&page=1".to_owned(), "page"),
        ("cursor=start&limit=0".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("sort=name".to_owned(), "sort"),
    ] {
        let answer = server.get(&format!("{LIST}?{query}"), &admin).await;
        assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields()[0], field, "{query}");
    }
}
