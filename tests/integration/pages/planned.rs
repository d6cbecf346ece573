//! What the form of a metric says before it is saved: the version that saving would make, how
//! complete a draft is, and which business domains there are.

use serde_json::json;

use crate::pages::visitor::{Reply, Visitor};
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

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
async fn new_metric_says_how_complete_it_is_before_it_is_created() {
    let (server, admin) = started().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let new = "/dashboard/new-metric";
    let meter = |page: &Reply| page.attribute("#planned meter", "value").parse::<f64>().unwrap();
    let page = visitor.get(new).await.expect(200);
    // The status alone is there.
    let empty = meter(&page);
    assert!(empty > 0.0 && empty < 0.03, "{empty}");
    let form = checked(&page, &[("name", "D"), ("business_domain", "Growth")]);
    let page =
        super::editing::submit(&mut visitor, new, &form).await.expect_page(200, "New metric");
    assert!(meter(&page) > empty);
    assert_eq!(page.attribute("[name=name]", "value"), "D");
    let mut form = checked(&page, &[("metric_id", "d")]);
    let page = super::editing::submit(&mut visitor, new, &form).await.expect(200);
    let typed = meter(&page);
    server.get("/api/v1/metrics/d", &admin).await.expect(404);
    // The same share as that of the draft which is then created.
    form.pop();
    super::editing::submit(&mut visitor, new, &form).await.expect(303);
    let created = server.get("/api/v1/metrics/d", &admin).await.expect(200).json();
    assert!((created["completeness"]["share"].as_f64().unwrap() - typed).abs() < 1e-9);
    // A refused form has the meter, too; a duplicate of a complete metric lacks its id.
    let refused = visitor.submit(new, &[("name", "x"), ("tier", "Tier-1")]).await.expect(400);
    assert!(meter(&refused) > 0.0);
    let page = visitor.get("/dashboard/new-metric?from=m").await.expect(200);
    assert!(page.text("#planned").ends_with("1 more field"), "{}", page.text("#planned"));
    let form = checked(&page, &[("metric_id", "copy")]);
    let page = super::editing::submit(&mut visitor, new, &form).await.expect(200);
    assert_eq!(page.text("#planned"), "Nothing is missing.");
    assert_eq!(page.text("form.metric button"), "Create");
}

#[actix_web::test]
async fn merge_says_which_version_it_makes() {
    let (server, admin) = started().await;
    server.user(&admin, "ann", "editor").await;
    let mut visitor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let mut form = super::editing::fields(&visitor.get(EDIT).await);
    super::editing::set(&mut form, "short_name", "Mine");
    super::editing::set(&mut form, "definition.unit", "EUR");
    server.merge(API, &admin, &json!({"tags": ["theirs"]})).await.expect(200);
    let conflict = super::editing::submit(&mut visitor, EDIT, &form).await.expect(412);
    // By the sides that are suggested: mine, because nobody else has changed these fields.
    let planned = "Saving makes version 2.0.0 after 1.0.1: a major version";
    assert_eq!(conflict.text("#planned"), planned);
    assert_eq!(conflict.text("form.metric button"), "Save the merged metric");
    // Another choice, another version.
    let merged = checked(&conflict, &[("take.definition.unit", "theirs")]);
    let page = super::editing::submit(&mut visitor, EDIT, &merged).await;
    let page = page.expect_page(200, "Changed meanwhile");
    let planned = "Saving makes version 1.0.2 after 1.0.1: a patch version";
    assert_eq!(page.text("#planned"), planned);
    let checked_side = page.attribute("input[name=\"take.definition.unit\"][checked]", "value");
    assert_eq!(checked_side, "theirs");
    let stored = async || server.get(API, &admin).await.json()["data"].clone();
    assert_eq!(stored().await["metadata"]["version"], "1.0.1", "a check saves nothing");
    // What both have changed is to be chosen first; then it is what saving makes.
    server.merge(API, &admin, &json!({"short_name": "Theirs"})).await.expect(200);
    let conflict = super::editing::submit(&mut visitor, EDIT, &form).await.expect(412);
    let undecided = "Which version saving makes depends on your choices.";
    assert_eq!(conflict.text("#planned"), undecided);
    let mut merged = super::editing::fields(&conflict);
    merged.push(("take.short_name".to_owned(), "theirs".to_owned()));
    merged.push(("check".to_owned(), "yes".to_owned()));
    let page = super::editing::submit(&mut visitor, EDIT, &merged).await.expect(200);
    assert!(page.text("#planned").starts_with("Saving makes version 2.0.0 after 1.0.2"));
    merged.pop();
    super::editing::submit(&mut visitor, EDIT, &merged).await.expect(303);
    let stored = stored().await;
    assert_eq!(
        (&stored["metadata"]["version"], &stored["short_name"]),
        (&json!("2.0.0"), &json!("Theirs"))
    );
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
