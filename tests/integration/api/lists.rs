//! The list of metrics: filters, sort orders and pages.

use serde_json::{Value, json};

use crate::support::Server;
use crate::support::samples::{metric, metric_with};

fn ids(answer: &Value) -> Vec<&str> {
    answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["metric_id"].as_str().unwrap())
        .collect()
}

/// Creates seven metrics that differ in every field that a list filters or sorts by.
async fn filled() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let governance = |status: &str, team: &str| {
        let mut governance = metric("x")["governance"].clone();
        governance["status"] = json!(status);
        governance["owner_team"] = json!(team);
        governance
    };
    for (id, fields) in [
        ("g", json!({"name": "Alpha", "tier": "Tier-2", "tags": ["x", "y"]})),
        ("f", json!({"name": "Alpha", "tier": "Tier-1", "tags": ["x"], "category": "Cost"})),
        ("e", json!({"name": "Beta orders/day", "tier": "Tier-3", "business_domain": "Growth"})),
        (
            "d",
            json!({"name": "Gamma", "metric_type": "leading",
                "description": "Kundenabwanderung überall"}),
        ),
        (
            "c",
            json!({"name": "Delta", "metric_type": "operational",
                "governance": governance("draft", "Other")}),
        ),
        ("b", json!({"name": "Epsilon", "category": "R&D"})),
        ("a", json!({"name": "Zeta", "tier": "Tier-2", "tags": ["x, y"]})),
    ] {
        server.post("/api/v1/metrics", &admin, &metric_with(id, &fields)).await.expect(201);
    }
    (server, admin)
}

#[actix_web::test]
async fn each_filter_applies_alone_and_combined() {
    let (server, admin) = filled().await;
    for (query, expected) in [
        ("", vec!["f", "g", "e", "c", "b", "d", "a"]),
        ("category=R%26D", vec!["b"]),
        ("business_domain=Growth", vec!["e"]),
        ("tier=Tier-2", vec!["g", "a"]),
        ("metric_type=operational", vec!["c"]),
        ("tags=x", vec!["f", "g"]),
        ("tags=x,y", vec!["g"]),
        ("status=draft", vec!["c"]),
        ("owner_team=Other", vec!["c"]),
        ("owner_team=Team%20%26%20Co&tier=Tier-2&tags=x", vec!["g"]),
        ("search=alpha", vec!["f", "g"]),
        ("search=day", vec!["e"]),
        ("search=ORDERS%2Fday", vec!["e"]),
        ("search=kunden", vec!["d"]),
        ("search=%C3%BCberall", vec!["d"]),
        ("search=%E8%A7%A3%E7%B4%84&tier=Tier-3", vec!["e"]),
        ("search=alpha+beta", vec![]),
        ("search=alpha&tier=Tier-1", vec!["f"]),
        ("search=' OR 1=1 --", vec![]),
        ("search=alp:*", vec!["f", "g"]),
        ("category=nothing", vec![]),
    ] {
        let answer =
            server.get(&format!("/api/v1/metrics?{query}"), &admin).await.expect(200).json();
        let mut expected = expected;
        // The collation of the database decides the order of names, so only the set is compared.
        let mut found = ids(&answer);
        assert_eq!(answer["pagination"]["total"], expected.len(), "{query}");
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

#[actix_web::test]
async fn each_sort_order_breaks_ties_by_id() {
    let (server, admin) = filled().await;
    for (sort, expected) in [
        ("name", vec!["f", "g", "e", "c", "b", "d", "a"]),
        ("-name", vec!["a", "d", "b", "c", "e", "f", "g"]),
        ("created_at", vec!["g", "f", "e", "d", "c", "b", "a"]),
        ("-created_at", vec!["a", "b", "c", "d", "e", "f", "g"]),
        ("tier", vec!["b", "c", "d", "f", "a", "g", "e"]),
        ("-tier", vec!["e", "a", "g", "b", "c", "d", "f"]),
    ] {
        let all =
            server.get(&format!("/api/v1/metrics?sort={sort}"), &admin).await.expect(200).json();
        assert_eq!(ids(&all), expected, "{sort}");
        // Page by page, from either end, it is the same list.
        for limit in 1..=8 {
            let mut pages = Vec::new();
            for page in 1..=7_usize.div_ceil(limit) {
                let path = format!("/api/v1/metrics?sort={sort}&limit={limit}&page={page}");
                let answer = server.get(&path, &admin).await.expect(200).json();
                pages.extend(ids(&answer).into_iter().map(str::to_owned));
            }
            assert_eq!(pages, expected, "{sort} by {limit}");
        }
    }
    server.put("/api/v1/metrics/d", &admin, &json!({"tags": ["new"]})).await.expect(200);
    let latest =
        server.get("/api/v1/metrics?sort=-updated_at&limit=1", &admin).await.expect(200).json();
    assert_eq!(ids(&latest), ["d"]);
}

#[actix_web::test]
async fn pages_link_to_their_neighbours() {
    let (server, admin) = filled().await;
    let page = server
        .get("/api/v1/metrics?limit=2&page=2&tags=x%2Cy&tier=Tier-2", &admin)
        .await
        .expect(200);
    assert_eq!(page.json()["count"], 0);
    let page = server
        .get("/api/v1/metrics?limit=2&page=2&owner_team=Team%20%26%20Co", &admin)
        .await
        .expect(200);
    assert_eq!(
        page.json()["pagination"],
        json!({"page": 2, "limit": 2, "total": 6, "pages": 3, "hasNext": true, "hasPrev": true})
    );
    let link = page.header("link");
    for relation in ["first", "prev", "next", "last"] {
        assert!(link.contains(&format!("rel=\"{relation}\"")), "{link}");
    }
    let next = link.split(", ").find(|part| part.contains("next")).unwrap();
    let next = next.trim_start_matches('<').split('>').next().unwrap();
    assert_eq!(next, "/api/v1/metrics?limit=2&owner_team=Team+%26+Co&page=3");
    assert_eq!(server.get(next, &admin).await.expect(200).json()["count"], 2);
    for (header, value) in
        [("x-total-count", "6"), ("x-page", "2"), ("x-per-page", "2"), ("x-total-pages", "3")]
    {
        assert_eq!(page.header(header), value);
    }
    let beyond =
        server.get("/api/v1/metrics?page=10000000&limit=100", &admin).await.expect(200).json();
    assert_eq!(beyond["data"], json!([]));
}

#[actix_web::test]
async fn parameters_without_effect_are_refused() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for (query, field) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("limit=1e9", "limit"),
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("tags=a&tags=b", "tags"),
        ("sort=formula", "sort"),
        ("tier=1", "tier"),
        ("colour=red", "colour"),
        ("search=%26%3C", "search"),
        ("status=", "status"),
        ("category=%00", "category"),
        ("metric_type=x", "metric_type"),
    ] {
        let answer = server.get(&format!("/api/v1/metrics?{query}"), &admin).await;
        assert_eq!(answer.expect_error(400, "VALIDATION_ERROR").fields()[0], field, "{query}");
    }
    for query in ["search=%zz", "search=%ff", "search=%"] {
        server
            .get(&format!("/api/v1/metrics?{query}"), &admin)
            .await
            .expect_error(400, "VALIDATION_ERROR");
    }
    for path in ["/api/v1/domains", "/api/auth/users"] {
        for query in ["page=0", "limit=1000", "x=1", "page=1&page=2"] {
            server
                .get(&format!("{path}?{query}"), &admin)
                .await
                .expect_error(400, "VALIDATION_ERROR");
        }
    }
}
