//! The pages of business domains: found, created, changed by two people, and deleted.

use serde_json::json;

use crate::pages::visitor::Visitor;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, samples};

const LIST: &str = "/dashboard/domains";
const NEW: &str = "/dashboard/new-domain";
const API: &str = "/api/v1/domains/d1";

/// What the form of a domain sends, with some fields replaced.
fn form<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let all = [
        "name",
        "description",
        "owner_team",
        "contact_email",
        "tier_1",
        "tier_2",
        "tier_3",
        "key_areas",
        "color",
    ];
    let is_given = |name: &str| fields.iter().any(|(known, _)| *known == name);
    let rest = all.into_iter().filter(|name| !is_given(name)).map(|name| (name, ""));
    rest.chain(fields.iter().copied()).collect()
}

#[actix_web::test]
async fn domain_is_created_found_and_shown_with_its_metrics() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let list = visitor.get(LIST).await.expect_page(200, "Business domains");
    assert!(list.text(".empty").starts_with("There are no business domains yet"));
    assert_eq!(list.attribute(".empty a", "href"), NEW);
    let fields = form(&[
        ("domain_id", "d1"),
        ("name", "Finance"),
        ("description", "About <b>money</b><script>x</script>"),
        ("contact_email", "a@example.com"),
        ("tier_1", "what the board sees"),
        ("key_areas", "Revenue\r\n\r\n Costs "),
        ("color", "#1f77b4"),
    ]);
    let created = visitor.submit(NEW, &fields).await;
    let created = created.expect_location("/dashboard/domains/d1?done=domain-cleaned");
    let page = visitor.get(created.answer.header("location")).await.expect_page(200, "Finance");
    assert!(page.text("#notice").contains("without the parts"));
    assert_eq!(page.text(".description"), "About money");
    assert_eq!(page.texts("dd li"), ["Revenue", "Costs"]);
    assert_eq!(page.attribute("svg rect", "fill"), "#1f77b4");
    assert!(page.text("main").contains("No metric refers to this domain."));
    let stored = server.get(API, &admin).await.json();
    assert_eq!(stored["data"]["key_areas"], json!(["Revenue", "Costs"]));
    assert_eq!(stored["data"]["tier_focus"], json!({"Tier-1": "what the board sees"}));
    assert_eq!(stored["data"]["owner_team"], json!(null));

    for number in 0..51 {
        let metric = samples::metric(&format!("m-{number}"));
        server.post("/api/v1/metrics", &admin, &metric).await.expect(201);
    }
    let page = visitor.get("/dashboard/domains/d1").await;
    assert_eq!(page.text("h2"), "Metrics (51)");
    assert_eq!(page.all("tbody tr").len(), 50);
    assert_eq!(page.attribute("tbody th a", "href"), "/dashboard/metrics/m-0");
    let next = page.attribute("a[rel=next]", "href");
    assert_eq!(next, "/dashboard/domains/d1?page=2");
    let page = visitor.get(&next).await;
    assert_eq!((page.all("tbody tr").len(), page.all("a[rel=next]").len()), (1, 0));
    let list = visitor.get(LIST).await;
    assert_eq!(list.text("td[data-label=Metrics]"), "51");
    for (search, found) in [("mon", 1), ("nothing", 0)] {
        let list = visitor.get(&format!("{LIST}?search={search}&page=")).await;
        assert_eq!(list.all("tbody tr").len(), found, "{search}");
        assert_eq!(list.attribute("input[type=search]", "value"), search);
    }
    visitor.get("/dashboard/domains/none").await.expect_page(404, "Not found");
}

#[actix_web::test]
async fn errors_stand_at_their_fields_and_keep_what_was_typed() {
    let server = Server::start().await;
    server.domains(&server.admin().await).await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let edit = "/dashboard/domains/d1/edit";
    for (field, value) in [
        ("domain_id", "not an id"),
        ("name", ""),
        ("contact_email", "nobody\"><script>"),
        ("tier_2", "a\u{0}b"),
        ("color", "\u{202e}"),
    ] {
        let mut fields = vec![("domain_id", "d3"), ("name", "New"), ("owner_team", "<i>kept</i>")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let refused = visitor.submit(NEW, &form(&fields)).await;
        let refused = refused.expect_page(400, "New business domain");
        assert!(!refused.text(&format!("#field-{field}-error")).is_empty(), "{field}");
        assert_eq!(refused.attribute("input[name=owner_team]", "value"), "<i>kept</i>");
        if field == "domain_id" {
            continue;
        }
        fields.push(("version", "1"));
        let refused = visitor.submit(edit, &form(&fields)).await;
        let refused = refused.expect_page(400, "Edit business domain");
        assert!(!refused.text(&format!("#field-{field}-error")).is_empty(), "{field}");
    }
    for (id, name, message) in
        [("d1", "Other", "This domain_id is taken"), ("d3", "Growth", "This name is taken")]
    {
        let taken = visitor.submit(NEW, &form(&[("domain_id", id), ("name", name)])).await;
        let taken = taken.expect_page(409, "New business domain");
        assert_eq!(taken.text("[role=alert]"), message);
        assert_eq!(taken.attribute("input[name=name]", "value"), name);
    }
    let taken = visitor.submit(edit, &form(&[("name", "Growth"), ("version", "1")])).await;
    assert_eq!(taken.expect(409).text("[role=alert]"), "This name is taken");
    for version in ["", "x", "99"] {
        let sent = visitor.submit(edit, &form(&[("name", "X"), ("version", version)])).await;
        assert!([400, 404].contains(&sent.answer.status), "{version}");
    }
    assert_eq!(visitor.get(LIST).await.all("tbody tr").len(), 2);
}

#[actix_web::test]
async fn changes_of_two_people_are_merged() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.user(&admin, "bob", "editor").await;
    let tiers = json!({"Tier-1": "one", "Tier-2": {"deep": true}});
    let body = json!({"owner_team": "Before", "tier_focus": tiers});
    server.put(API, &admin, &body).await.expect(200);
    let mut visitor = Visitor::signed_in(&server, "bob", PASSWORD).await;
    let edit = "/dashboard/domains/d1/edit";
    let page = visitor.get(edit).await.expect_page(200, "Edit business domain");
    assert_eq!(page.attribute("input[name=version]", "value"), "2");
    // Meanwhile.
    let body = json!({"owner_team": "<b>Theirs</b>", "color": "red"});
    server.put(API, &admin, &body).await.expect(200);
    let deep = "{\"deep\":true}";
    let mine = form(&[
        ("version", "2"),
        ("name", "Money"),
        ("owner_team", "Mine"),
        ("tier_1", "one"),
        ("tier_2", deep),
    ]);
    let conflict = visitor.submit(edit, &mine).await;
    let conflict = conflict.expect_page(412, "Edit business domain");
    assert!(conflict.text(".banner").starts_with("admin has changed this business domain"));
    let rows = conflict.texts(".conflict tbody tr");
    assert_eq!(
        rows,
        ["Owner team changed by both Mine <b>Theirs</b> Before", "Colour in charts red",]
    );
    let value = |name: &str| conflict.attribute(&format!("input[name={name}]"), "value");
    let merged = ["version", "name", "owner_team", "color", "tier_2"].map(value);
    assert_eq!(merged, ["3", "Money", "Mine", "red", deep]);
    assert_eq!(server.get(API, &admin).await.json()["data"]["name"], "Finance");

    let mut again = form(&[("color", "red"), ("tier_1", "one"), ("tier_2", deep)]);
    again.retain(|(name, _)| !["name", "owner_team"].contains(name));
    again.extend([("name", "Money"), ("owner_team", "Mine"), ("version", "3")]);
    let saved = visitor.submit(edit, &again).await;
    saved.expect_location("/dashboard/domains/d1?done=domain-saved");
    let stored = server.get(API, &admin).await.json();
    assert_eq!(stored["data"]["name"], "Money");
    assert_eq!(stored["data"]["owner_team"], "Mine");
    assert_eq!(stored["data"]["color"], "red");
    assert_eq!(stored["data"]["tier_focus"], tiers, "what was not changed stays as it was");
    assert_eq!(stored["data"]["version"], 4);
}

#[actix_web::test]
async fn domain_in_use_is_not_deleted_and_says_why() {
    let server = Server::with(&["--require-if-match", "true"]).await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    server.post("/api/v1/metrics", &admin, &samples::metric("m-1")).await.expect(201);
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let delete = "/dashboard/domains/d1/delete";
    let page = visitor.get(delete).await.expect_page(200, "Delete this business domain?");
    assert_eq!(page.attribute("tbody a", "href"), "/dashboard/metrics/m-1");
    assert_eq!(page.all("main form").len(), 0);
    let refused = visitor.submit(delete, &[("version", "1")]).await;
    let refused = refused.expect_page(409, "Delete this business domain?");
    assert!(refused.text("[role=alert]").starts_with("Metrics still refer"));
    assert_eq!(refused.all("tbody tr").len(), 1);

    let delete = "/dashboard/domains/d2/delete";
    let question = visitor.get(delete).await;
    assert_eq!(question.attribute("input[name=version]", "value"), "1");
    let body = json!({"color": "red"});
    server.put_if("/api/v1/domains/d2", &admin, "\"1\"", &body).await.expect(200);
    let stale = visitor.submit(delete, &[("version", "1")]).await.expect(412);
    assert!(stale.text("[role=alert]").starts_with("It was changed"));
    visitor.submit(delete, &[]).await.expect_page(400, "The request is not valid");
    let version = stale.attribute("input[name=version]", "value");
    let deleted = visitor.submit(delete, &[("version", &version)]).await;
    deleted.expect_location("/dashboard/domains?done=domain-deleted");
    visitor.get("/dashboard/domains/d2").await.expect_page(404, "Not found");
    visitor.submit(delete, &[("version", &version)]).await.expect_page(404, "Not found");
}

#[actix_web::test]
async fn pages_allow_what_the_api_allows() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.domains(&admin).await;
    let (page, edit, delete) =
        ("/dashboard/domains/d1", "/dashboard/domains/d1/edit", "/dashboard/domains/d1/delete");
    for (role, may_edit) in [("viewer", false), ("editor", true)] {
        server.user(&admin, role, role).await;
        let mut visitor = Visitor::signed_in(&server, role, PASSWORD).await;
        let shown = visitor.get(page).await.expect_page(200, "Finance");
        assert_eq!(shown.all(&format!("a[href='{edit}']")).len(), usize::from(may_edit), "{role}");
        assert_eq!(shown.all(&format!("a[href='{delete}']")).len(), 0, "{role}");
        let status = if may_edit { 200 } else { 403 };
        visitor.get(edit).await.expect(status);
        visitor.get(NEW).await.expect(status);
        visitor.get(delete).await.expect_page(403, "Not allowed");
        visitor.submit(delete, &[("version", "1")]).await.expect_page(403, "Not allowed");
        if !may_edit {
            visitor.submit(edit, &form(&[("name", "X"), ("version", "1")])).await.expect(403);
            let new = form(&[("domain_id", "x"), ("name", "X")]);
            visitor.submit(NEW, &new).await.expect_page(403, "Not allowed");
        }
    }
    Visitor::anonymous(&server).get(page).await.expect(303);
    let open = Server::with(&["--anonymous-read", "true"]).await;
    open.domains(&open.admin().await).await;
    let anonymous = Visitor::anonymous(&open);
    anonymous.get(page).await.expect_page(200, "Finance");
    anonymous.get(LIST).await.expect_page(200, "Business domains");
    anonymous.get(edit).await.expect(303);
}

#[actix_web::test]
async fn hostile_texts_are_texts() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let payload = "\"'><script>alert(1)</script><img src=x onerror=alert(1) hx-get=/x>";
    let body = json!({"domain_id": "d1", "name": payload, "description": payload,
        "owner_team": payload, "tier_focus": {"Tier-1": payload}, "key_areas": [payload],
        "color": "#\" onload=alert(1)"});
    server.post("/api/v1/domains", &admin, &body).await.expect(201);
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let edit = "/dashboard/domains/d1/edit";
    let fields = form(&[("version", "1"), ("name", payload), ("owner_team", payload)]);
    server.put(API, &admin, &json!({"owner_team": format!("{payload}2")})).await.expect(200);
    let conflict = visitor.submit(edit, &fields).await.expect(412);
    let mut pages = vec![conflict];
    for path in [LIST, "/dashboard/domains/d1", edit, "/dashboard/domains/d1/delete"] {
        pages.push(visitor.get(path).await.expect(200));
    }
    for page in pages {
        assert!(page.answer.text.contains("alert(1)"));
        assert_eq!(page.all("main script, img, [onerror], [onload], [hx-get]").len(), 0);
    }
}
