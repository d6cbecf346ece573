//! The catalogue: search, facets, order and pages, all of them in the URL.

use serde_json::json;

use crate::hostile::browser::within_a_minute;
use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::metric_with;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, database};

/// Names in the order of the table.
fn names(page: &Reply) -> Vec<String> {
    page.texts("table.metrics tbody th a")
}

/// The facets with their values and counts.
fn facet(page: &Reply, label: &str) -> Vec<(String, String)> {
    let details = page.all(".facets details").into_iter();
    let found = details.filter(|one| super::visitor::words(*one).starts_with(label));
    let item = super::visitor::selector("li");
    let (link, number) = (super::visitor::selector("a"), super::visitor::selector(".number"));
    let text =
        |one: scraper::ElementRef<'_>, css| super::visitor::words(one.select(css).next().unwrap());
    found
        .flat_map(|one| {
            one.select(&item).map(|li| (text(li, &link), text(li, &number))).collect::<Vec<_>>()
        })
        .collect()
}

async fn filled(server: &Server) {
    let admin = server.admin().await;
    server.domains(&admin).await;
    for (id, name, domain, tier, tags) in [
        ("churn", "Churn rate", "Growth", "Tier-1", json!(["a", "board"])),
        ("mrr", "Monthly revenue", "Finance", "Tier-1", json!(["board"])),
        ("arpu", "Revenue per user", "Finance", "Tier-2", json!(["a"])),
    ] {
        let fields = json!({"name": name, "business_domain": domain, "tier": tier, "tags": tags});
        server.post("/api/v1/metrics", &admin, &metric_with(id, &fields)).await.expect(201);
    }
    let draft = json!({"metric_id": "nps", "name": "Promoters", "business_domain": "Growth",
        "governance": {"status": "draft"}});
    server.post("/api/v1/metrics", &admin, &draft).await.expect(201);
}

#[actix_web::test]
async fn search_facets_and_order_are_links() {
    let server = Server::start().await;
    filled(&server).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let all = visitor.get("/dashboard").await.expect_page(200, "Metrics");
    assert_eq!(names(&all), ["Churn rate", "Monthly revenue", "Promoters", "Revenue per user"]);
    assert_eq!(all.text(".count"), "1–4 of 4 metrics");
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(facet(&all, "Domain"), pairs(&[("Finance", "2"), ("Growth", "2")]));
    assert_eq!(facet(&all, "Status"), pairs(&[("active", "3"), ("draft", "1")]));
    assert_eq!(facet(&all, "Tier"), pairs(&[("Tier-1", "2"), ("Tier-2", "1")]));
    let completeness = pairs(&[("complete", "3"), ("incomplete", "1")]);
    assert_eq!(facet(&all, "Completeness"), completeness);
    assert_eq!(facet(&all, "Tag"), pairs(&[("a", "2"), ("board", "2")]));
    // A facet narrows the list, and its other values go.
    let finance = all.all(".facets a").into_iter().find(|a| a.inner_html() == "Finance").unwrap();
    let finance = visitor.get(finance.attr("href").unwrap()).await.expect(200);
    assert_eq!(names(&finance), ["Monthly revenue", "Revenue per user"]);
    assert!(facet(&finance, "Domain").is_empty());
    assert_eq!(facet(&finance, "Tier"), pairs(&[("Tier-1", "1"), ("Tier-2", "1")]));
    assert_eq!(finance.text(".chips li"), "Domain: Finance ✕");
    assert_eq!(finance.attribute(".chips a", "href"), "/dashboard");
    let tags = visitor.get("/dashboard?tags=a%2Cboard").await.expect(200);
    assert_eq!(names(&tags), ["Churn rate"]);
    assert_eq!(tags.attribute(".chips a", "href"), "/dashboard?tags=board");
    let drafts = visitor.get("/dashboard?completeness=incomplete&sort=-name").await.expect(200);
    assert_eq!(names(&drafts), ["Promoters"]);
    assert_eq!(drafts.text(".chips li"), "Completeness: incomplete ✕");
    assert!(facet(&drafts, "Completeness").is_empty());
    assert_eq!(facet(&drafts, "Domain"), pairs(&[("Growth", "1")]));
    let rest = visitor.get("/dashboard?completeness=complete&tier=Tier-1").await.expect(200);
    assert_eq!(names(&rest), ["Churn rate", "Monthly revenue"]);
    assert_eq!(facet(&rest, "Status"), pairs(&[("active", "2")]));
    // A search keeps the other filters.
    let found = visitor.get("/dashboard?business_domain=Finance&search=rev").await.expect(200);
    assert_eq!(names(&found), ["Monthly revenue", "Revenue per user"]);
    assert_eq!(found.attribute("input[type=search]", "value"), "rev");
    assert_eq!(found.attribute("form.search input[type=hidden]", "value"), "Finance");
    let sorted = visitor.get("/dashboard?sort=-name").await.expect(200);
    assert_eq!(names(&sorted)[0], "Revenue per user");
    assert_eq!(sorted.attribute("th[aria-sort]", "aria-sort"), "descending");
    assert_eq!(sorted.attribute("th[aria-sort] a", "href"), "/dashboard?sort=name");
    let sorted = visitor.get("/dashboard?sort=tier&status=active").await.expect(200);
    assert_eq!(names(&sorted)[2], "Revenue per user");
}

#[actix_web::test]
async fn counts_of_facets_are_the_lengths_of_the_lists_they_lead_to() {
    let server = Server::start().await;
    filled(&server).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let start = "/dashboard?search=re&status=active";
    let page = visitor.get(start).await.expect(200);
    let links: Vec<(String, String)> = page
        .all(".facets li")
        .into_iter()
        .map(|li| {
            let link = li.select(&super::visitor::selector("a")).next().unwrap();
            let count = li.select(&super::visitor::selector(".number")).next().unwrap();
            (link.attr("href").unwrap().to_owned(), count.inner_html())
        })
        .collect();
    assert!(links.len() > 6, "{links:?}");
    for (href, count) in links {
        let list = visitor.get(&href).await.expect(200);
        assert_eq!(names(&list).len().to_string(), count, "{href}");
    }
}

#[actix_web::test]
async fn empty_lists_say_what_to_do() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "vera", "viewer").await;
    let editor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let viewer = Visitor::signed_in(&server, "vera", PASSWORD).await;
    let page = editor.get("/dashboard").await.expect_page(200, "Metrics");
    assert!(page.text(".empty").contains("There are no metrics yet. Create the first one"));
    let page = viewer.get("/dashboard").await.expect_page(200, "Metrics");
    assert_eq!(page.text(".empty"), "There are no metrics yet. An editor can create them.");
    let page = viewer.get("/dashboard?search=nothing").await.expect(200);
    assert!(page.text(".empty").starts_with("No metric matches."));
    assert_eq!(page.all(".chips li").len(), 2);
    // What a form sends empty is no filter.
    let page = viewer.get("/dashboard?search=&tier=").await.expect(200);
    assert!(page.text(".empty").starts_with("There are no metrics yet."));
    for query in ["search=%21", "tier=9", "completeness=half", "page=0", "sort=x"] {
        let refused = viewer.get(&format!("/dashboard?{query}")).await;
        let refused = refused.expect_page(400, "Metrics");
        assert!(!refused.text("[role=alert]").is_empty(), "{query}");
        assert_eq!(refused.all("input[type=search]").len(), 1);
    }
    viewer.get("/dashboard?limit=1").await.expect_page(400, "The request is not valid");
}

#[actix_web::test]
async fn long_lists_have_pages() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let metrics: Vec<_> = (0..120)
        .map(|n| metric_with(&format!("m{n:03}"), &json!({"name": format!("Metric {n:03}")})))
        .collect();
    server.post("/api/v1/import", &admin, &json!({"metrics": metrics})).await.expect(200);
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let first = visitor.get("/dashboard?tier=Tier-1").await.expect(200);
    assert_eq!((names(&first).len(), first.text(".count")), (50, "1–50 of 120 metrics".into()));
    assert!(first.all("a[rel=prev]").is_empty());
    let next = first.attribute("a[rel=next]", "href");
    assert_eq!(next, "/dashboard?tier=Tier-1&page=2");
    let last = visitor.get("/dashboard?tier=Tier-1&page=3").await.expect(200);
    assert_eq!(names(&last)[19], "Metric 119");
    assert_eq!(last.text(".pages span"), "Page 3 of 3");
    assert!(last.all("a[rel=next]").is_empty());
    let beyond = visitor.get("/dashboard?page=9").await.expect(200);
    assert!(beyond.text(".count").starts_with("There is no such page."));
}

#[actix_web::test]
async fn anyone_may_read_if_the_operator_allows_it() {
    let server = Server::with(&["--anonymous-read", "true"]).await;
    filled(&server).await;
    let visitor = Visitor::anonymous(&server);
    let page = visitor.get("/dashboard").await.expect_page(200, "Metrics");
    assert_eq!(names(&page).len(), 4);
    assert_eq!(page.text(".account a"), "Sign in");
    let page = visitor.get("/dashboard/metrics/mrr").await.expect_page(200, "Monthly revenue");
    assert_eq!(page.all("form[method=post]").len(), 0);
}

/// Facets are counted once until something changes, and no change is missed.
#[actix_web::test]
async fn facets_are_those_of_the_present_catalogue() {
    let url = database::fresh().await;
    let server = Server::on(&url, &[]).await;
    server.ready().await;
    filled(&server).await;
    database::sql(&url, "CREATE EXTENSION pg_stat_statements").await;
    server.settled().await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let counted = || async {
        let statement = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database d \
            ON d.oid = dbid WHERE datname = current_database() AND query LIKE '%GROUPING SETS%' \
            AND query NOT LIKE '%pg_stat%'";
        database::sql(&url, statement).await[0][0].parse::<i64>().unwrap()
    };
    let tiers = async |path: &str| {
        let page = visitor.get(path).await.expect_page(200, "Metrics");
        facet(&page, "Tier").into_iter().map(|(_, count)| count).collect::<Vec<_>>()
    };
    assert_eq!(tiers("/dashboard").await, ["2", "1"]);
    let before = counted().await;
    for path in ["/dashboard", "/dashboard?sort=-name", "/dashboard?page=1"] {
        assert_eq!(tiers(path).await, ["2", "1"], "{path}");
    }
    assert_eq!(counted().await, before, "the order and the page change no facet");
    assert_eq!(tiers("/dashboard?search=revenue").await, ["1", "1"]);
    assert_eq!(counted().await, before + 1);
    let admin = server.admin().await;
    let change = json!({"tier": "Tier-1"});
    server.merge("/api/v1/metrics/arpu", &admin, &change).await.expect(200);
    assert_eq!(tiers("/dashboard").await, ["3"]);
    database::sql(&url, "UPDATE metrics SET tier = 'Tier-3' WHERE metric_id = 'mrr'").await;
    within_a_minute("a change by hand is seen", async || {
        (tiers("/dashboard").await == ["2", "1"]).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn list_is_saved_as_a_document_with_its_filters() {
    let server = Server::start().await;
    filled(&server).await;
    let admin = server.admin().await;
    server.user(&admin, "vera", "viewer").await;
    let visitor = Visitor::signed_in(&server, "vera", PASSWORD).await;
    let link = |page: &Reply, label: &str| {
        let links = page.all(".list .hint a").into_iter();
        let mut found = links.filter(|a| super::visitor::words(*a) == label);
        found.next().unwrap().attr("href").unwrap().to_owned()
    };
    let page = visitor.get("/dashboard?business_domain=Finance&sort=tier&page=1").await;
    let page = page.expect(200);
    assert_eq!(link(&page, "YAML"), "/dashboard/export?business_domain=Finance&format=yaml");
    let saved = visitor.get(&link(&page, "JSON")).await.expect(200);
    assert_eq!(
        saved.answer.header("content-disposition"),
        "attachment; filename=\"catalogue.json\""
    );
    let api = "/api/v1/export?format=json&business_domain=Finance";
    assert_eq!(saved.answer.text, server.get(api, &admin).await.expect(200).text);
    assert_eq!(saved.answer.json()["metrics"].as_array().unwrap().len(), 2);
    let whole = visitor.get("/dashboard").await.expect(200);
    let saved = visitor.get(&link(&whole, "YAML")).await.expect(200);
    assert_eq!(saved.answer.text, server.get("/api/v1/export", &admin).await.text);
    visitor.get("/dashboard/export?format=xml").await.expect_page(400, "The request is not valid");
    let anonymous = Visitor::anonymous(&server);
    anonymous.get("/dashboard/export?format=json").await.expect(303);
}

#[actix_web::test]
async fn facets_can_be_folded_without_scripts() {
    let server = Server::start().await;
    filled(&server).await;
    let visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let page = visitor.get("/dashboard").await.expect(200);
    let switch = page.attribute(".narrowing input[type=checkbox]", "id");
    assert_eq!(page.attribute(".narrowing label", "for"), switch);
    assert_eq!(page.all(".narrowing input[checked]").len(), 0, "folded at first");
    let style = page.attribute("link[rel=stylesheet][href*=pages]", "href");
    let style = server.get(&style, "").await.expect(200).text;
    assert!(style.contains(".facets-switch:not(:checked) ~ .facets { display: none; }"));
}
