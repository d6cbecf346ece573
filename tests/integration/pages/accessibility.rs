//! Accessibility, in a real browser: the rules of axe-core on every page, and the way of the focus.
//!
//!     cargo test --test integration pages::accessibility:: -- --ignored
//!
//! `MDL_TEST_AXE` names the file `axe.min.js`, which `scripts/test` installs.

use std::cell::RefCell;

use serde_json::{Value, json};

use crate::hostile::browser::{Browser, within_a_minute};
use crate::pages::browser::{assert_quiet, sign_in, text, watched};
use crate::pages::shown_pages::{filled, look_at_answers, shown_pages};

/// WCAG 2.2, levels A and AA, and what axe-core recommends beside.
const RULES: &str = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', \
    'best-practice']}";

fn axe() -> String {
    let path = std::env::var("MDL_TEST_AXE").expect("MDL_TEST_AXE; scripts/test sets it");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns what breaks a rule on the page: rule, element, and why.
async fn violations(browser: &Browser, axe: &str) -> Vec<Value> {
    let script = format!(
        "{axe};\nreturn axe.run(document, {RULES}).then(({{violations}}) => violations.flatMap(\
         rule => rule.nodes.map(node => [rule.id, node.html, node.failureSummary])))"
    );
    browser.run(&script, &json!([])).await.as_array().unwrap().clone()
}

#[actix_web::test]
#[ignore = "needs chromedriver and axe-core; scripts/test installs them and runs this alone"]
async fn no_page_breaks_a_rule_in_light_or_dark() {
    let (server, browser, axe) = (filled().await, watched().await, axe());
    sign_in(&browser, &server).await;
    let (pages, found) = (shown_pages(&server).await, RefCell::new(Vec::new()));
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.devtools("Emulation.setEmulatedMedia", &media).await;
        let look = async |name: &'static str| {
            let broken = violations(&browser, &axe).await;
            let broken = broken.into_iter().map(|rule| format!("{name}, {scheme}: {rule}"));
            found.borrow_mut().extend(broken);
            assert_quiet(&browser, name).await;
        };
        for (name, path) in &pages {
            browser.open(&format!("{}{path}", server.base)).await;
            look(name).await;
        }
        look_at_answers(&browser, &server, look).await;
    }
    let found = found.into_inner();
    assert!(found.is_empty(), "{}", found.join("\n"));
    // The rules are alive: a picture without a text breaks one.
    let bad = "document.querySelector('main').append(document.createElement('img'))";
    browser.run(bad, &json!([])).await;
    let broken = violations(&browser, &axe).await;
    assert!(broken.iter().any(|rule| rule[0] == "image-alt"), "{broken:?}");
}

async fn press_tab(browser: &Browser) {
    for kind in ["rawKeyDown", "keyUp"] {
        let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
        browser.devtools("Input.dispatchKeyEvent", &key).await;
    }
}

/// Describes the element that has the focus, and says whether it can be seen to have it.
async fn focused(browser: &Browser) -> (String, bool) {
    let script = "const one = document.activeElement, box = one.getBoundingClientRect(), \
        style = getComputedStyle(one); \
        return [one.className || one.id || one.name || one.textContent.trim(), \
        box.width > 0 && style.outlineStyle !== 'none' && style.outlineWidth !== '0px']";
    let found = browser.run(script, &json!([])).await;
    (found[0].as_str().unwrap().to_owned(), found[1].as_bool().unwrap())
}

/// Follows the Tab key from the present element to the end of the main part. Each stop can be
/// seen, and they are all that can be focused, in the order of the document; the choices of one
/// question are one stop.
async fn assert_tab_order(browser: &Browser, what: &str) {
    let script = "const stop = one => document.querySelector( \
        `[name='${one.name}']:checked`) ?? document.querySelector(`[name='${one.name}']`); \
        return [...document.querySelectorAll('main :is(a[href], button, input, select, textarea, \
        summary)')].filter(one => one.type !== 'hidden' && one.checkVisibility() && !one.disabled) \
        .filter(one => one.type !== 'radio' || one === stop(one)) \
        .map(one => one.className || one.id || one.name || one.textContent.trim())";
    let expected = browser.run(script, &json!([])).await;
    let expected: Vec<_> = expected.as_array().unwrap().iter().map(|one| one.as_str()).collect();
    assert!(expected.len() > 2, "{what}: {expected:?}");
    for (position, name) in expected.iter().enumerate() {
        press_tab(browser).await;
        let (found, is_visible) = focused(browser).await;
        assert_eq!(Some(found.as_str()), *name, "{what}: stop {position} of {expected:?}");
        assert!(is_visible, "{what}: the focus on {found} cannot be seen");
    }
}

#[actix_web::test]
#[ignore = "needs chromedriver; scripts/test installs it and runs this alone"]
async fn keyboard_reaches_everything_in_order() {
    let (server, browser) = (filled().await, watched().await);
    sign_in(&browser, &server).await;
    let edit = format!("{}/dashboard/metrics/metric_01/edit", server.base);
    for path in ["/dashboard/metrics/metric_01/edit", "/dashboard/metrics/metric_01/delete"] {
        browser.open(&format!("{}{path}", server.base)).await;
        press_tab(&browser).await;
        assert_eq!(focused(&browser).await, ("skip".to_owned(), true), "{path}");
        browser.run("document.activeElement.click()", &json!([])).await;
        assert_tab_order(&browser, path).await;
    }
    // A refused form says so where the focus is.
    browser.open(&edit).await;
    let clear = "const name = document.querySelector('[name=name]'); name.required = false; \
        name.value = ''; name.form.requestSubmit()";
    browser.run(clear, &json!([])).await;
    within_a_minute("the errors", async || {
        (focused(&browser).await.0 == "error-summary").then_some(())
    })
    .await;
    let alert = text(&browser, ".error-summary").await;
    assert!(!alert.trim().is_empty());
    // A conflict, too, and its choices are in order.
    let admin = server.admin().await;
    browser.open(&edit).await;
    let change = json!({"name": "Theirs", "description": "theirs"});
    server.merge("/api/v1/metrics/metric_01", &admin, &change).await.expect(200);
    let type_mine = "const name = document.querySelector('[name=name]'); name.value = 'Mine'; \
        name.form.requestSubmit()";
    browser.run(type_mine, &json!([])).await;
    within_a_minute("the conflict", async || {
        (text(&browser, "h1").await == "Changed meanwhile").then_some(())
    })
    .await;
    assert_eq!(focused(&browser).await.0, "banner");
    assert_tab_order(&browser, "conflict").await;
    assert_quiet(&browser, "conflict").await;
}
