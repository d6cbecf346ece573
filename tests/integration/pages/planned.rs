//! What the form of a metric says before it is saved: the version that saving would make, how
//! complete a draft is, and which business domains there are.

use serde_json::json;

use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server};

const EDIT: &str = "/dashboard/metrics/m/edit";
const API: &str = "/api/v1/metrics/m";

/// The fields of the form as a browser sends them with the button that checks it.
fn checked(page: &Reply, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = super::editing::fields(page);
    for (name, value) in changes {
        super::editing::set(&mut fields, name, value);
    }
    fields.push(("check".to_owned(), "yes".to_owned()));
    fields
}

async fn started() -> (Server, String) {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &metric("m")).await.expect(201);
    (server, admin)
}

#[actix_web::test]
async fn version_that_saving_makes_is_known_before_and_is_made() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    for (changes, next, kind) in [
        (&[("short_name", "S1")][..], "1.0.1", "patch"),
        (&[("tier", "Tier-2"), ("short_name", "S2")], "1.1.0", "minor"),
        (&[("definition.unit", "EUR"), ("tier", "Tier-3")], "2.0.0", "major"),
    ] {
        let page = visitor.get(EDIT).await.expect(200);
        assert!(page.text("#planned").starts_with("Saving makes a new version of"));
        let mut form = checked(&page, changes);
        let page = super::editing::submit(&mut visitor, EDIT, &form).await.expect(200);
        let planned = page.text("#planned");
        assert!(planned.starts_with(&format!("Saving makes version {next} after ")), "{planned}");
        assert_eq!(page.texts("#planned strong")[1], kind);
        // What was typed is still there, and nothing was saved.
        assert_eq!(page.all("[name=short_name]").len(), 1);
        let stored = server.get(API, &admin).await.json()["data"].clone();
        assert_ne!(stored["metadata"]["version"], next);
        form.pop();
        super::editing::submit(&mut visitor, EDIT, &form).await.expect(303);
        let stored = server.get(API, &admin).await.json()["data"].clone();
        assert_eq!(stored["metadata"]["version"], next);
    }
    let page = visitor.get(EDIT).await.expect(200);
    let same = checked(&page, &[]);
    let page = super::editing::submit(&mut visitor, EDIT, &same).await.expect(200);
    assert_eq!(
        page.text("#planned"),
        "Nothing differs from version 2.0.0, so saving changes nothing."
    );
    let wrong = checked(&page, &[("targets_and_alerts.target_value", "a lot"), ("name", "")]);
    let page = super::editing::submit(&mut visitor, EDIT, &wrong).await.expect(400);
    assert_eq!(page.text("#planned"), "It cannot be saved before 2 errors are corrected.");
    assert_eq!(page.attribute("[name=name]", "aria-invalid"), "true");
    // The return key saves: the button that checks is not the first.
    assert_eq!(page.text("form.metric button"), "Save");
}

#[actix_web::test]
async fn drafts_say_how_complete_they_are() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let draft = json!({"metric_id": "d", "name": "D", "business_domain": "Growth",
        "governance": {"status": "draft"}});
    let created = server.post("/api/v1/metrics", &admin, &draft).await.expect(201).json();
    let share = created["completeness"]["share"].as_f64().unwrap();
    let page = visitor.get("/dashboard/metrics/d").await.expect(200);
    assert_eq!(page.attribute(".banner meter", "value"), share.to_string());
    let edit = "/dashboard/metrics/d/edit";
    let page = visitor.get(edit).await.expect(200);
    let meter = |page: &Reply| page.attribute("#planned meter", "value").parse::<f64>().unwrap();
    assert!((meter(&page) - share).abs() < 1e-9);
    let form = checked(&page, &[("category", "Revenue"), ("tier", "Tier-1")]);
    let page = super::editing::submit(&mut visitor, edit, &form).await.expect(200);
    assert!(meter(&page) > share, "{}", page.text("#planned"));
    assert!(page.text("#planned").contains("more fields"));
    // A complete metric has no bar.
    let page = visitor.get(EDIT).await.expect(200);
    assert!(page.all("meter").is_empty());
    assert!(visitor.get("/dashboard/metrics/m").await.expect(200).all("meter").is_empty());
}

#[actix_web::test]
async fn existing_domains_are_offered() {
    let (server, _) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let offered = |page: &Reply| {
        let list = page.attribute("[name=business_domain]", "list");
        let options = page.all(&format!("datalist#{list} option"));
        options.iter().map(|one| one.attr("value").unwrap().to_owned()).collect::<Vec<_>>()
    };
    for path in [EDIT, "/dashboard/new-metric"] {
        assert_eq!(offered(&visitor.get(path).await.expect(200)), ["Finance", "Growth"], "{path}");
    }
    let refused = visitor.submit("/dashboard/new-metric", &[("metric_id", "x")]).await.expect(400);
    assert_eq!(offered(&refused), ["Finance", "Growth"]);
}
