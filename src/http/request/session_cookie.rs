//! The session cookie of the pages for people. Browsers send it to this host only (`__Host-`, RFC
//! 6265bis, 4.1.3.2), over TLS only (`Secure`), not to scripts (`HttpOnly`), and with no request
//! that another site begins (`SameSite=Strict`).
//!
//! On a browser's own machine there is no TLS, and some browsers then refuse the prefix: the cookie
//! has another name, and neither prefix nor `Secure`. A request that has passed a proxy is never
//! such a one.

use std::net::IpAddr;

use actix_web::http::header::{COOKIE, HOST, HeaderMap, HeaderValue};

const PREFIXED: &str = "__Host-mdl_session";
const PLAIN: &str = "mdl_session";
/// Headers by which a proxy makes itself known.
const OF_PROXIES: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"];

/// The cookie that belongs to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: &'static str,
}

impl SessionCookie {
    /// Chooses the cookie of a request by its headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let proxied = OF_PROXIES.iter().any(|name| headers.contains_key(*name));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        Self { name: if !proxied && is_loopback(host) { PLAIN } else { PREFIXED } }
    }

    /// Returns the value that a request sends. None if it sends several: one of them is not ours.
    pub fn read(self, headers: &HeaderMap) -> Option<String> {
        let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|one| one.split_once('='));
        let mut values = pairs.filter(|(name, _)| name.trim() == self.name);
        let value = values.next().map(|(_, value)| value.trim().to_owned());
        value.filter(|_| values.next().is_none())
    }

    /// Makes the header that sets the cookie for `seconds`.
    pub fn set(self, value: &str, seconds: i64) -> Option<HeaderValue> {
        let secure = if self.name == PREFIXED { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
            self.name
        );
        HeaderValue::try_from(text).ok()
    }

    /// Makes the header that removes the cookie.
    pub fn remove(self) -> Option<HeaderValue> {
        self.set("", 0)
    }
}

/// Whether a `Host` names the machine of the browser itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_address = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_the_own_machine_has_a_cookie_without_prefix() {
        for (host, expected) in [
            ("localhost:3000", PLAIN),
            ("LOCALHOST", PLAIN),
            ("127.0.0.1:3000", PLAIN),
            ("[::1]:3000", PLAIN),
            ("mdl.example.com", PREFIXED),
            ("localhost.example.com", PREFIXED),
            ("127.0.0.1.example.com", PREFIXED),
            ("10.0.0.1:3000", PREFIXED),
            ("", PREFIXED),
        ] {
            assert_eq!(SessionCookie::of(&headers(&[("host", host)])).name, expected, "{host}");
        }
        for name in OF_PROXIES {
            let headers = headers(&[("host", "localhost"), (name, "x")]);
            assert_eq!(SessionCookie::of(&headers).name, PREFIXED, "{name}");
        }
    }

    #[test]
    fn one_value_is_read_and_several_are_not() {
        let read = |fields: &[(&'static str, &'static str)]| {
            SessionCookie { name: PREFIXED }.read(&headers(fields))
        };
        assert_eq!(read(&[("cookie", "a=b; __Host-mdl_session=x.y.z; c=d")]), Some("x.y.z".into()));
        assert_eq!(
            read(&[("cookie", "a=b"), ("cookie", "__Host-mdl_session=x")]),
            Some("x".into())
        );
        assert_eq!(read(&[("cookie", "__Host-mdl_session=x; __Host-mdl_session=y")]), None);
        assert_eq!(read(&[("cookie", "mdl_session=x; __Host-mdl_session2=y")]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn attributes_keep_the_cookie_from_other_sites_and_from_scripts() {
        let prefixed = SessionCookie { name: PREFIXED }.set("v", 60).unwrap();
        assert_eq!(
            prefixed,
            "__Host-mdl_session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        let plain = SessionCookie { name: PLAIN }.remove().unwrap();
        assert_eq!(plain, "mdl_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }
}
