//! A person's account in real browsers: register, sign in twice, end the other session.
//!
//!     cargo test --test integration pages::browser_account:: -- --ignored

use serde_json::json;

use crate::hostile::browser::{Browser, within_a_minute};
use crate::pages::browser::{assert_quiet, text, watched};
use crate::support::{PASSWORD, Server};

/// Types into the fields of the page's form, and sends it with its button.
async fn submit(browser: &Browser, fields: &[(&str, &str)]) {
    let script = "for (const [name, value] of arguments[0]) \
        document.querySelector(`main form [name=${name}]`).value = value; \
        document.querySelector('main form button').click()";
    browser.run(script, &json!([fields])).await;
}

async fn shows(browser: &Browser, what: &str, css: &str, expected: &str) {
    within_a_minute(what, async || {
        text(browser, css).await.trim().starts_with(expected).then_some(())
    })
    .await;
    assert_quiet(browser, what).await;
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn person_registers_and_ends_the_session_of_another_browser() {
    let server = Server::with(&["--registration-enabled", "true"]).await;
    let open = async |browser: &Browser, path: &str| {
        browser.open(&format!("{}{path}", server.base)).await;
    };
    let (here, there) = (watched().await, watched().await);
    open(&here, "/dashboard/sign-in").await;
    let register = "document.querySelector('main a[href=\"/dashboard/register\"]').click()";
    here.run(register, &json!([])).await;
    shows(&here, "the registration", "h1", "Register").await;
    let refused = [
        ("username", "eva"),
        ("full_name", "Eva"),
        ("email", "eva@example.com"),
        ("password", "eva eva eva eva"),
    ];
    submit(&here, &refused).await;
    shows(&here, "the refusal", "#field-password-error", "must").await;
    // What was typed is there still, but for the password.
    submit(&here, &[("password", PASSWORD)]).await;
    shows(&here, "the first page", ".viewer", "eva (viewer)").await;

    open(&there, "/dashboard/sign-in").await;
    submit(&there, &[("username", "eva"), ("password", PASSWORD)]).await;
    shows(&there, "the other browser", ".viewer", "eva (viewer)").await;
    here.run("document.querySelector('.viewer').click()", &json!([])).await;
    shows(&here, "the account", "h1", "Your account").await;
    let count = "return document.querySelectorAll('main tbody tr').length";
    assert_eq!(here.run(count, &json!([])).await, 2);
    let end = "document.querySelector('form[action$=end-other-sessions] button').click()";
    here.run(end, &json!([])).await;
    shows(&here, "the end of the others", "#notice", "All other sessions are ended.").await;
    assert_eq!(here.run(count, &json!([])).await, 1);
    open(&there, "/dashboard").await;
    shows(&there, "the sign-in", "h1", "Sign in").await;
    assert!(there.url().await.ends_with("/dashboard/sign-in"));

    // The page of the mail's link is sent as a form of this site, although it has no referrer.
    open(&here, "/dashboard/reset-password?token=abc").await;
    let referrer = "return document.referrer";
    submit(&here, &[("new_password", PASSWORD)]).await;
    shows(&here, "the refused token", "[role=alert]", "The token is invalid").await;
    let referrer = here.run(referrer, &json!([])).await;
    assert_eq!(referrer, format!("{}/", server.base), "only the origin is sent");
}
