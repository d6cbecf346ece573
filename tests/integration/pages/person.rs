//! A person at the pages: with a real browser and its scripts, or with none of them. Both do the
//! same, so that one walk can be made by both.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::hostile::browser::{Browser, within_a_minute};
use crate::pages::browser::{assert_quiet, watched};
use crate::pages::visitor::{Reply, Visitor, selector, words};
use crate::support::Server;

/// How often, and after which time, a page is looked at again.
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// A person, at one page.
pub enum Person<'a> {
    Scripted { browser: Browser, server: &'a Server },
    Plain { visitor: Visitor<'a>, page: Box<Reply> },
}

impl<'a> Person<'a> {
    pub async fn with_browser(server: &'a Server) -> Self {
        Self::Scripted { browser: watched().await, server }
    }

    pub async fn without_scripts(server: &'a Server) -> Self {
        let visitor = Visitor::anonymous(server);
        let page = Box::new(visitor.get("/dashboard/sign-in").await);
        Self::Plain { visitor, page }
    }

    pub async fn open(&mut self, path: &str) {
        match self {
            Self::Scripted { browser, server } => {
                browser.open(&format!("{}{path}", server.base)).await;
            }
            Self::Plain { visitor, page } => {
                let mut answer = visitor.get(path).await;
                while answer.answer.status == 303 {
                    let target = answer.answer.header("location").to_owned();
                    answer = visitor.get(&target).await;
                }
                **page = answer;
            }
        }
    }

    /// Follows the first link with this text.
    pub async fn follow(&mut self, css: &str, label: &str) {
        match self {
            Self::Scripted { browser, .. } => {
                let script = "[...document.querySelectorAll(arguments[0])] \
                    .find(one => one.textContent.trim() === arguments[1]).click()";
                browser.run(script, &json!([css, label])).await;
            }
            Self::Plain { page, .. } => {
                let links = page.all(css);
                let link = links.iter().find(|link| words(**link) == label);
                let path = link.unwrap_or_else(|| panic!("no {label}")).attr("href").unwrap();
                let path = path.to_owned();
                Box::pin(self.open(&path)).await;
            }
        }
    }

    /// Fills in fields of a form, and sends all of them with its first button.
    pub async fn send(&mut self, form: &str, fields: &[(&str, &str)]) {
        match self {
            Self::Scripted { browser, .. } => {
                let script = "const form = document.querySelector(arguments[0]); \
                    for (const [name, value] of arguments[1]) { \
                    const all = [...form.elements].filter(one => one.name === name); \
                    const one = all.find(one => ['checkbox', 'radio'].includes(one.type) \
                    && one.value === value); \
                    if (one) one.checked = true; else all[0].value = value; } \
                    form.querySelector('button[type=submit]').click()";
                browser.run(script, &json!([form, fields])).await;
            }
            Self::Plain { visitor, page } => {
                let css = selector(form);
                let element = page.document.select(&css).next();
                let element = element.unwrap_or_else(|| panic!("no {form}"));
                let (action, method) = (element.attr("action").unwrap(), element.attr("method"));
                let sent = filled_in(element, fields);
                let pairs: Vec<_> = sent.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
                if method == Some("post") {
                    let answer = if element.attr("enctype").is_some() {
                        let parts = pairs.iter().map(|(name, text)| (*name, None, text.as_bytes()));
                        visitor.upload(action, &parts.collect::<Vec<_>>()).await
                    } else {
                        visitor.submit(action, &pairs).await
                    };
                    let target = answer.answer.header("location").to_owned();
                    let is_done = answer.answer.status == 303;
                    **page = answer;
                    if is_done {
                        Box::pin(self.open(&target)).await;
                    }
                } else {
                    let mut query = url::form_urlencoded::Serializer::new(String::new());
                    let path = format!("{action}?{}", query.extend_pairs(pairs).finish());
                    Box::pin(self.open(&path)).await;
                }
            }
        }
    }

    /// Returns the text of the first match; empty if there is none.
    pub async fn text(&self, css: &str) -> String {
        match self {
            Self::Scripted { browser, .. } => {
                let script = "return document.querySelector(arguments[0])?.textContent ?? ''";
                let text = browser.run(script, &json!([css])).await;
                let words: Vec<_> = text.as_str().unwrap().split_whitespace().collect();
                words.join(" ")
            }
            Self::Plain { page, .. } => page.text(css),
        }
    }

    /// Waits until the first match has a text, and asserts that the browser reported
    /// nothing.
    pub async fn sees(&self, css: &str, expected: &str) {
        match self {
            Self::Scripted { browser, .. } => {
                within_a_minute(&format!("{css}: {expected}"), async || {
                    self.text(css).await.contains(expected).then_some(())
                })
                .await;
                assert_quiet(browser, expected).await;
            }
            Self::Plain { page, .. } => {
                let found = page.text(css);
                assert!(found.contains(expected), "{css}: {found}: {}", page.answer.text);
            }
        }
    }

    /// Chooses a file for the field for files of a form, and sends it.
    pub async fn upload(&mut self, form: &str, name: &str, content: &str) {
        match self {
            Self::Scripted { browser, .. } => {
                let script = "const form = document.querySelector(arguments[0]); \
                    const files = new DataTransfer(); \
                    files.items.add(new File([arguments[2]], arguments[1])); \
                    form.querySelector('input[type=file]').files = files.files; \
                    form.querySelector('button[type=submit]').click()";
                browser.run(script, &json!([form, name, content])).await;
            }
            Self::Plain { visitor, page } => {
                let action = page.attribute(form, "action");
                let field = page.attribute(&format!("{form} input[type=file]"), "name");
                let part = (field.as_str(), Some(name), content.as_bytes());
                **page = visitor.upload(&action, &[part]).await;
            }
        }
    }

    /// Loads a page again until the first match has a text.
    pub async fn reloads(&mut self, path: &str, css: &str, expected: &str) {
        for _ in 0..TRIES {
            self.open(path).await;
            if self.text(css).await.contains(expected) {
                return;
            }
            sleep(PAUSE).await;
        }
        panic!("{path} never had {expected} at {css}");
    }

    /// Waits until what was seen is gone by itself; without scripts, loads the page again until
    /// then.
    pub async fn sees_the_end(&mut self, path: &str, css: &str) {
        assert!(!self.text(css).await.is_empty(), "{css}");
        for _ in 0..TRIES {
            if let Self::Plain { .. } = self {
                self.open(path).await;
            }
            if self.text(css).await.is_empty() {
                return;
            }
            sleep(PAUSE).await;
        }
        panic!("{css} on {path} never ended");
    }
}

/// The fields of a form as a browser sends them, with these values.
fn filled_in(form: scraper::ElementRef<'_>, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut sent: Vec<(String, String)> = Vec::new();
    for input in form.select(&selector("input, textarea, select")) {
        let Some(name) = input.attr("name") else { continue };
        let is_box = matches!(input.attr("type"), Some("checkbox" | "radio"));
        let own = input.attr("value").unwrap_or_default();
        let typed =
            fields.iter().find(|(field, value)| *field == name && (!is_box || *value == own));
        let value = match (typed, input.value().name()) {
            (Some((_, value)), _) => (*value).to_owned(),
            (None, "textarea") => {
                let text = input.text().collect::<String>();
                text.strip_prefix('\n').unwrap_or(&text).to_owned()
            }
            (None, "select") => {
                let (chosen, option) = (selector("option[selected]"), selector("option"));
                let first = input.select(&chosen).next().or_else(|| input.select(&option).next());
                first.and_then(|one| one.attr("value")).unwrap_or_default().to_owned()
            }
            _ if is_box && input.attr("checked").is_none() => continue,
            _ => own.to_owned(),
        };
        // A choice replaces the one that the page began with.
        if input.attr("type") == Some("radio") {
            if fields.iter().any(|(field, chosen)| *field == name && *chosen != own) {
                continue;
            }
            sent.retain(|(known, _)| known != name);
        }
        sent.push((name.to_owned(), value));
    }
    sent
}
