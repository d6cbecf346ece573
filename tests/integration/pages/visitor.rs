//! A person with a browser without scripts: keeps the session cookie, follows forms, reads HTML.

use reqwest::Method;
use scraper::{ElementRef, Html, Selector};

use crate::support::{Answer, Server};

pub const FORM: &str = "application/x-www-form-urlencoded";

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

/// A browser and its cookie.
pub struct Visitor<'a> {
    pub server: &'a Server,
    /// `name=value`; empty without a session.
    pub cookie: String,
}

/// A response, parsed as HTML.
pub struct Reply {
    pub answer: Answer,
    pub document: Html,
}

pub fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

pub fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish().into_bytes()
}

impl<'a> Visitor<'a> {
    pub fn anonymous(server: &'a Server) -> Self {
        Self { server, cookie: String::new() }
    }

    /// Signs in with the form.
    pub async fn signed_in(server: &'a Server, username: &str, password: &str) -> Self {
        let mut visitor = Self::anonymous(server);
        let fields = [("username", username), ("password", password)];
        visitor.submit("/dashboard/sign-in", &fields).await.expect(303);
        assert!(!visitor.cookie.is_empty());
        visitor
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(Method::GET, path, headers, None).await
    }

    /// Sends a form, as a browser does from a page of the service, and takes the new cookie.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let origin = [("sec-fetch-site", "same-origin"), ("origin", self.server.base.as_str())];
        let reply = self.send(Method::POST, path, &origin, Some(encode(fields))).await;
        let set = reply.answer.header("set-cookie");
        if let Some((pair, _)) = set.split_once(';') {
            let is_removed = pair.ends_with('=');
            self.cookie = if is_removed { String::new() } else { pair.to_owned() };
        }
        reply
    }

    /// Sends a form with a file (`multipart/form-data`). Each part has its name, the name of the
    /// file if it is one, and its content.
    pub async fn upload(&self, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Reply {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            body.extend(format!("--{BOUNDARY}\r\n").bytes());
            body.extend(format!("Content-Disposition: form-data; name=\"{name}\"").bytes());
            body.extend(file.iter().flat_map(|file| format!("; filename=\"{file}\"").into_bytes()));
            body.extend(b"\r\n\r\n");
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let base = self.server.base.as_str();
        let headers =
            [("sec-fetch-site", "same-origin"), ("origin", base), ("cookie", &self.cookie)];
        let body = Some((kind.as_str(), body));
        let answer = self.server.send(Method::POST, path, "", &headers, body).await;
        let document = Html::parse_document(&answer.text);
        Reply { answer, document }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<Vec<u8>>,
    ) -> Reply {
        let mut headers = headers.to_vec();
        if !self.cookie.is_empty() {
            headers.push(("cookie", &self.cookie));
        }
        let body = form.map(|form| (FORM, form));
        let answer = self.server.send(method, path, "", &headers, body).await;
        let document = Html::parse_document(&answer.text);
        Reply { answer, document }
    }
}

impl Reply {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.answer.status, status, "{}", self.answer.text);
        self
    }

    /// Asserts that the browser is sent to this page.
    #[track_caller]
    pub fn expect_location(self, path: &str) -> Self {
        let this = self.expect(303);
        assert_eq!(this.answer.header("location"), path);
        this
    }

    /// Asserts that it is a page with this heading.
    #[track_caller]
    pub fn expect_page(self, status: u16, heading: &str) -> Self {
        let this = self.expect(status);
        assert_eq!(this.answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(this.text("h1"), heading, "{}", this.answer.text);
        this
    }

    pub fn all(&self, css: &str) -> Vec<ElementRef<'_>> {
        self.document.select(&selector(css)).collect()
    }

    /// Returns the text of the first match; empty if there is none.
    pub fn text(&self, css: &str) -> String {
        self.all(css).first().map_or_else(String::new, |element| words(*element))
    }

    pub fn texts(&self, css: &str) -> Vec<String> {
        self.all(css).into_iter().map(words).collect()
    }

    /// Returns an attribute of the first match; empty if there is none.
    pub fn attribute(&self, css: &str, name: &str) -> String {
        let element = self.all(css).into_iter().next();
        element.and_then(|element| element.attr(name)).unwrap_or_default().to_owned()
    }
}

/// The text of an element, with single spaces.
pub fn words(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}
