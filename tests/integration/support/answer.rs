//! Responses, and assertions about them.

use reqwest::header::HeaderMap;
use serde_json::Value;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts status, code, and the format of errors.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        let body = this.json();
        assert_eq!(body["success"], false);
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(body["requestId"], this.header("x-request-id"));
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(this.header("content-type"), "application/json; charset=utf-8");
        this
    }

    /// Returns the fields named in the details of a validation error.
    pub fn fields(&self) -> Vec<String> {
        let details = self.json()["error"]["details"].as_array().cloned().unwrap_or_default();
        details.iter().map(|detail| detail["field"].as_str().unwrap().to_owned()).collect()
    }
}
