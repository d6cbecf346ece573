//! The impact of a metric: what it derives from and what derives from it, drawn and as lists.

use std::fmt::Write;

use serde_json::json;

use crate::pages::visitor::{Reply, Visitor, selector, words};
use crate::support::samples::{metric, metric_with};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database};

fn impact(id: &str) -> String {
    format!("/dashboard/metrics/{id}/impact")
}

async fn create(server: &Server, admin: &str, id: &str, upstream: &[&str]) {
    let relations = json!({"upstream_metric_ids": upstream, "downstream_metric_ids": [],
        "tradeoffs": []});
    let body = metric_with(id, &json!({"relationships": relations}));
    server.post("/api/v1/metrics", admin, &body).await.expect(201);
}

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    (server, admin)
}

/// The entries of a list with their own texts, each behind a sign for its level.
fn list(page: &Reply, number: usize) -> String {
    let mut lines = String::new();
    let trees = page.all(".trees section");
    for item in trees[number].select(&selector("li")) {
        let level = item
            .ancestors()
            .filter(|node| node.value().as_element().is_some_and(|element| element.name() == "ul"));
        let inner: usize = item.select(&selector("li")).count();
        let all = words(item);
        let below = item.select(&selector("ul")).next().map(words).unwrap_or_default();
        let own = if inner > 0 { all[..all.len() - below.len()].trim() } else { &all };
        writeln!(lines, "{}{own}", ">".repeat(level.count())).unwrap();
    }
    lines
}

#[actix_web::test]
async fn both_sides_are_shown_as_links_by_their_steps() {
    let (server, admin) = started().await;
    for (id, upstream) in [
        ("orders", &[][..]),
        ("revenue", &["orders"]),
        ("users", &[]),
        ("arpu", &["revenue", "users"]),
        ("forecast", &["arpu"]),
        ("board", &["forecast", "arpu", "users"]),
    ] {
        create(&server, &admin, id, upstream).await;
    }
    let draft = json!({"metric_id": "idea", "name": "Idea", "business_domain": "Growth",
        "governance": {"status": "draft"}, "relationships": {"upstream_metric_ids": ["arpu"]}});
    server.post("/api/v1/metrics", &admin, &draft).await.expect(201);
    server.user(&admin, "vera", "viewer").await;
    let viewer = Visitor::signed_in(&server, "vera", PASSWORD).await;
    let page = viewer.get(&impact("arpu")).await.expect_page(200, "Impact of Metric arpu");
    assert_eq!(page.text(".tabs [aria-current]"), "Impact");
    assert_eq!(
        list(&page, 0),
        ">Metric revenue revenue\n>>Metric orders orders\n>Metric users users\n"
    );
    assert_eq!(
        list(&page, 1),
        ">Metric board board also by way of forecast\n>Metric forecast forecast\n>Idea idea draft\n"
    );
    // The drawing has the same links, but not for the keyboard.
    let links = |css: &str| {
        let mut links: Vec<_> =
            page.all(css).iter().map(|a| a.attr("href").unwrap().to_owned()).collect();
        links.sort();
        links
    };
    let mut drawn = links("figure.graph a[tabindex=\"-1\"]");
    drawn.retain(|link| link != "/dashboard/metrics/arpu");
    assert_eq!(drawn, links(".tree a"));
    assert_eq!(drawn.len(), 6);
    assert_eq!(page.attribute("figure.graph svg", "aria-hidden"), "true");
    assert_eq!(page.texts("figure.graph .middle title"), ["Metric arpu · arpu"]);
    assert_eq!(page.texts("figure.graph .draft title"), ["Idea · draft · idea"]);
    // Seven edges: revenue and users, orders; forecast, board twice, idea.
    assert_eq!(page.all("figure.graph path.edge").len(), 7);
    assert_eq!(page.all("[style]").len(), 0);
    for link in drawn {
        viewer.get(&link).await.expect(200);
    }
    viewer.get(&impact("nothing")).await.expect(404);
}

#[actix_web::test]
async fn metric_without_relations_says_so_and_names_in_the_drawing_are_cut() {
    let (server, admin) = started().await;
    create(&server, &admin, "alone", &[]).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(&impact("alone")).await.expect(200);
    assert!(page.text(".empty").contains("no other metric derives from it"));
    assert!(page.all("figure.graph").is_empty());
    let name = "n".repeat(200);
    let fields = json!({"name": name, "relationships": {"upstream_metric_ids": ["alone"],
        "downstream_metric_ids": [], "tradeoffs": []}});
    server.post("/api/v1/metrics", &admin, &metric_with("long", &fields)).await.expect(201);
    let page = visitor.get(&impact("alone")).await.expect(200);
    assert_eq!(page.text(".tree a"), name);
    let titles = page.texts("figure.graph title");
    assert!(titles.contains(&format!("{name} · long")), "{titles:?}");
    let texts = page.texts("figure.graph text");
    assert!(texts.contains(&format!("{}…", "n".repeat(22))), "{texts:?}");
    assert!(page.text(".trees section").contains("It derives from no other metric."));
}

#[actix_web::test]
async fn what_is_left_out_of_a_large_graph_is_said() {
    let (server, admin) = started().await;
    let below: Vec<_> = (0..75)
        .map(|number| {
            let upstream = if number < 3 { "root".to_owned() } else { format!("m{}", number % 3) };
            let fields = json!({"relationships": {"upstream_metric_ids": [upstream],
                "downstream_metric_ids": [], "tradeoffs": []}});
            metric_with(&format!("m{number}"), &fields)
        })
        .collect();
    let all: Vec<_> = std::iter::once(metric("root")).chain(below).collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": all})).await.expect(200);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(&impact("root")).await.expect(200);
    assert_eq!(page.all(".tree a").len(), 60);
    assert_eq!(page.all("figure.graph a").len(), 61);
    assert_eq!(page.text(".trees .hint"), "The nearest 60 are shown; 15 more are left out.");
    let total = server.get("/api/v1/metrics/root/impact?limit=1", &admin).await.json();
    assert_eq!(total["pagination"]["total"], 75);
}

#[actix_web::test]
async fn unknown_ids_and_old_circles_are_shown() {
    let (server, admin) = started().await;
    create(&server, &admin, "gone", &[]).await;
    create(&server, &admin, "a", &["gone"]).await;
    create(&server, &admin, "b", &["a"]).await;
    server.delete("/api/v1/metrics/gone?force=true", &admin).await.expect(200);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get(&impact("a")).await.expect(200);
    assert_eq!(list(&page, 0), ">gone unknown id\n");
    assert_eq!(page.all("figure.graph .unknown a").len(), 0);
    assert_eq!(page.texts("figure.graph .unknown title"), ["gone · unknown id"]);
    // From before circles were refused.
    let client = database::connect(&server.database_url).await;
    let circle = "UPDATE metrics SET relationships = \
        jsonb_set(relationships, '{upstream_metric_ids}', '[\"b\", \"a\"]') WHERE metric_id = 'a'";
    client.batch_execute(circle).await.unwrap();
    let page = visitor.get(&impact("a")).await.expect(200);
    assert!(page.text(".banner").contains("in a circle"));
    assert_eq!((list(&page, 0), list(&page, 1)), (">Metric b b\n".into(), ">Metric b b\n".into()));
    assert!(page.all("figure.graph a").len() >= 3);
}
