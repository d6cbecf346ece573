//! The pages of API keys: a key is created, shown once, used, changed and revoked.

use crate::pages::visitor::{Reply, Visitor};
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server};

const KEYS: &str = "/dashboard/api-keys";
const NEW: &str = "/dashboard/api-keys/new";
const METRICS: &str = "/api/v1/metrics";
/// More than any test needs.
const FUTURE: &str = "2150-01-31";

async fn create(visitor: &mut Visitor<'_>, fields: &[(&str, &str)]) -> Reply {
    let defaults = [("name", "ci"), ("scopes", "metrics:read"), ("expires_at", FUTURE)];
    let is_given = |name: &str| fields.iter().any(|(known, _)| *known == name);
    let rest = defaults.into_iter().filter(|(name, _)| !is_given(name));
    let all: Vec<(&str, &str)> = rest.chain(fields.iter().copied()).collect();
    visitor.submit(KEYS, &all).await
}

/// Returns the key that a page shows, and the path of its page.
fn shown(page: &Reply) -> (String, String) {
    let key = page.text("#new-key");
    assert!(key.starts_with("mdl_"), "{}", page.answer.text);
    (key, page.attribute("main p a", "href"))
}

#[actix_web::test]
async fn key_is_shown_once_used_and_revoked() {
    let server = Server::start().await;
    server.user(&server.admin().await, "ann", "editor").await;
    let mut visitor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    let list = visitor.get(KEYS).await.expect_page(200, "API keys");
    assert!(list.text(".empty").contains("You have no API keys"));
    assert_eq!(list.attribute("nav [aria-current=page]", "href"), KEYS);
    let form = visitor.get(NEW).await.expect_page(200, "New API key");
    let scopes = form.all("input[name=scopes]").len();
    assert_eq!(scopes, 4, "an editor cannot give the scope admin");
    assert!(!form.attribute("input[name=expires_at]", "value").is_empty());

    let created = create(&mut visitor, &[("description", "for <b>CI</b>")]).await;
    let created = created.expect_page(201, "Your new API key");
    assert_eq!(created.answer.header("cache-control"), "no-store");
    let (key, path) = shown(&created);
    for other in [KEYS, &path, &format!("{path}/revoke")] {
        let page = visitor.get(other).await.expect(200);
        assert!(!page.answer.text.contains(&key), "{other}");
        assert!(page.answer.text.contains(&key[..8]), "{other}");
    }
    let page = visitor.get(&path).await.expect_page(200, "ci");
    assert!(page.text("dl").contains("Last used Never"), "{}", page.text("dl"));
    assert_eq!(page.text("dd b"), "CI");

    server.get_with(METRICS, &key).await.expect(200);
    server.state().accounts.keys.drain_last_used().await;
    let list = visitor.get(KEYS).await;
    assert_eq!(list.all("td[data-label='Last used'] time").len(), 1);
    assert_eq!(list.text("td .status"), "active");

    // A question comes first, and asking changes nothing.
    let question = visitor.get(&format!("{path}/revoke")).await;
    let question = question.expect_page(200, "Revoke this API key?");
    assert_eq!(question.attribute("form.actions", "action"), format!("{path}/revoke"));
    server.get_with(METRICS, &key).await.expect(200);
    let revoked = visitor.submit(&format!("{path}/revoke"), &[]).await;
    let list = visitor.get(revoked.expect(303).answer.header("location")).await;
    assert!(list.text("#notice").starts_with("The API key is revoked"));
    assert_eq!(list.text("td .status"), "revoked");
    server.get_with(METRICS, &key).await.expect_error(401, "INVALID_API_KEY");
    let again = visitor.submit(&format!("{path}/revoke"), &[]).await;
    again.expect_page(404, "Not found");
    assert_eq!(visitor.get(&path).await.all("main form").len(), 0, "a revoked key has no forms");
    for (filter, count) in [("active", 0), ("revoked", 1), ("expired", 0)] {
        let list = visitor.get(&format!("{KEYS}?status={filter}")).await;
        assert_eq!(list.all("tbody tr").len(), count, "{filter}");
        assert_eq!(list.text(".tabs [aria-current]").to_lowercase(), filter);
    }
}

#[actix_web::test]
async fn errors_stand_at_their_fields_and_keep_what_was_typed() {
    let server = Server::start().await;
    server.user(&server.admin().await, "ann", "viewer").await;
    let mut visitor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    for (field, value, status, message) in [
        ("name", "", 400, "must not be empty"),
        ("expires_at", "2020-01-01", 400, "must be in the future"),
        ("expires_at", "tomorrow", 400, ""),
        ("rate_limit", "many", 400, ""),
        ("rate_limit", "0", 400, ""),
        ("scopes", "metrics:fly", 400, ""),
    ] {
        let fields = [(field, value), ("description", "<i>kept</i> & \"so\"")];
        let refused = create(&mut visitor, &fields).await.expect_page(status, "New API key");
        let error = refused.text(&format!("#field-{field}-error"));
        assert!(!error.is_empty() && error.contains(message), "{field}: {}", refused.text("main"));
        assert_eq!(refused.text("textarea"), "<i>kept</i> & \"so\"");
        if field != "scopes" {
            assert_eq!(refused.attribute(&format!("input[name={field}]"), "value"), value);
            assert_eq!(refused.attribute(&format!("input[name={field}]"), "aria-invalid"), "true");
        }
    }
    let refused = create(&mut visitor, &[("scopes", "metrics:write")]).await;
    let refused = refused.expect_page(403, "New API key");
    assert_eq!(refused.text("[role=alert]"), "Your role does not allow all of these scopes");
    let refused = create(&mut visitor, &[("rate_limit", "100000")]).await;
    assert!(refused.expect(403).text("[role=alert]").starts_with("Only administrators"));
    let list = visitor.get(KEYS).await;
    assert_eq!(list.all("tbody tr").len(), 0, "nothing was created");
}

#[actix_web::test]
async fn key_is_renamed_and_extended_and_warns_before_it_expires() {
    let server = Server::start().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let day = (chrono::Utc::now() + chrono::TimeDelta::days(20)).date_naive().to_string();
    let created = create(&mut visitor, &[("expires_at", day.as_str())]).await;
    let (_, path) = shown(&created.expect(201));
    assert_eq!(visitor.get(KEYS).await.all(".warning").len(), 0);
    server.advance(17 * 24 * 3600);
    let visitor = &mut Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let warning = visitor.get(KEYS).await.text("td .warning");
    assert!(warning.starts_with("Expires in "), "{warning}");

    let renamed = visitor.submit(&format!("{path}/rename"), &[("name", "<u>new</u>")]).await;
    let page = visitor.get(renamed.expect(303).answer.header("location")).await;
    let page = page.expect_page(200, "<u>new</u>");
    assert_eq!(page.all("main u").len(), 0);
    let extended = visitor.submit(&format!("{path}/extend"), &[("extend_days", "30")]).await;
    let page = visitor.get(extended.expect(303).answer.header("location")).await;
    assert_eq!(page.text("#notice"), "The API key is extended.");
    assert_eq!(page.all(".warning").len(), 0);
    for (form, field, value) in
        [("rename", "name", ""), ("extend", "extend_days", "0"), ("extend", "extend_days", "ten")]
    {
        let refused = visitor.submit(&format!("{path}/{form}"), &[(field, value)]).await;
        let refused = refused.expect_page(400, "<u>new</u>");
        assert!(!refused.text(&format!("#field-{field}-error")).is_empty(), "{form} {value}");
        assert_eq!(refused.attribute(&format!("input[name={field}]"), "value"), value);
    }
    server.advance(40 * 24 * 3600);
    let visitor = &mut Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    assert_eq!(visitor.get(KEYS).await.text("td .status"), "expired");
    let late = visitor.submit(&format!("{path}/extend"), &[("extend_days", "30")]).await;
    let late = late.expect_page(409, "<u>new</u>");
    assert_eq!(late.text("[role=alert]"), "The API key has expired or was revoked");
}

#[actix_web::test]
async fn rotated_key_says_whether_it_is_still_used() {
    let server = Server::start().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let (old, old_path) = shown(&create(&mut visitor, &[]).await.expect(201));
    server.get_with(METRICS, &old).await.expect(200);
    server.state().accounts.keys.drain_last_used().await;
    let rotate = format!("{old_path}/rotate");
    for refused in ["10081", "soon", ""] {
        visitor.submit(&rotate, &[("grace_minutes", refused)]).await.expect(400);
    }
    let rotated = visitor.submit(&rotate, &[("grace_minutes", "60")]).await;
    let (new, new_path) = shown(&rotated.expect_page(201, "Your new API key"));
    assert_ne!((&new, &new_path), (&old, &old_path));
    server.get_with(METRICS, &new).await.expect(200);
    for path in [&old_path, &new_path] {
        let page = visitor.get(path).await;
        assert!(page.text("dl").contains("The old key has not been used since"), "{path}");
        assert!(page.text("dl").contains("It is valid until"), "{path}");
    }
    server.get_with(METRICS, &old).await.expect(200);
    server.state().accounts.keys.drain_last_used().await;
    for path in [&old_path, &new_path] {
        let page = visitor.get(path).await;
        assert!(page.text("dl").contains("The old key was used since, last at"), "{path}");
    }
    let old_page = visitor.get(&old_path).await;
    assert_eq!(old_page.all(&format!("a[href='{new_path}']")).len(), 1);
    assert_eq!(old_page.all(&format!("form[action='{rotate}']")).len(), 0);
    visitor.submit(&rotate, &[("grace_minutes", "0")]).await.expect_page(409, "Not possible now");
    server.advance(3601);
    assert!(visitor.get(&new_path).await.text("dl").contains("It is no longer valid"));
    server.get_with(METRICS, &old).await.expect_error(401, "API_KEY_EXPIRED");
}

#[actix_web::test]
async fn all_keys_are_revoked_after_a_question() {
    let server = Server::start().await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    let mut keys = Vec::new();
    for name in ["one", "two <script>"] {
        keys.push(shown(&create(&mut visitor, &[("name", name)]).await.expect(201)).0);
    }
    let revoke = "/dashboard/api-keys/revoke";
    assert_eq!(visitor.get(KEYS).await.all(&format!("a[href='{revoke}']")).len(), 1);
    let question = visitor.get(revoke).await.expect_page(200, "Revoke all your API keys?");
    assert_eq!(question.all("main li").len(), 2);
    assert!(question.texts("main li").iter().any(|text| text.starts_with("two <script>")));
    server.get_with(METRICS, &keys[0]).await.expect(200);
    visitor.submit(revoke, &[]).await.expect_location("/dashboard/api-keys?done=keys-revoked");
    for key in &keys {
        server.get_with(METRICS, key).await.expect_error(401, "INVALID_API_KEY");
    }
    assert_eq!(visitor.get(KEYS).await.all(&format!("a[href='{revoke}']")).len(), 0);
}

#[actix_web::test]
async fn keys_of_others_are_not_shown_and_not_changed() {
    let server = Server::start().await;
    let admin = server.admin().await;
    server.user(&admin, "ann", "editor").await;
    let (id, key) = server.key(&admin, &["metrics:read"]).await;
    let path = format!("{KEYS}/{id}");
    let anonymous = Visitor::anonymous(&server);
    anonymous.get(&path).await.expect(303);
    let mut visitor = Visitor::signed_in(&server, "ann", PASSWORD).await;
    assert_eq!(visitor.get(KEYS).await.all("tbody tr").len(), 0);
    for page in [path.clone(), format!("{path}/revoke")] {
        visitor.get(&page).await.expect_page(404, "Not found");
    }
    visitor.get("/dashboard/api-keys/x").await.expect_page(400, "The request is not valid");
    visitor.submit(&format!("{path}/rename"), &[("name", "x")]).await.expect(404);
    visitor.submit(&format!("{path}/extend"), &[("extend_days", "1")]).await.expect(404);
    visitor.submit(&format!("{path}/rotate"), &[("grace_minutes", "0")]).await.expect(404);
    visitor.submit(&format!("{path}/revoke"), &[]).await.expect_page(403, "Not allowed");
    server.get_with(METRICS, &key).await.expect(200);
}

#[actix_web::test]
async fn creation_has_the_limit_of_the_api() {
    let options = ["--rate-limit-enabled", "true", "--rate-limit-api-key-max", "1"];
    let server = Server::with(&options).await;
    let mut visitor = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await;
    create(&mut visitor, &[("name", "")]).await.expect(400);
    let (_, path) = shown(&create(&mut visitor, &[]).await.expect(201));
    create(&mut visitor, &[]).await.expect_page(429, "Too many requests");
    let rotate = format!("{path}/rotate");
    let rotated = visitor.submit(&rotate, &[("grace_minutes", "0")]).await;
    rotated.expect_page(429, "Too many requests");
}
