//! The first bytes of the request that is arriving. They tell whether its response may have a body
//! (RFC 9110, 9.3.2) if its head cannot be parsed. They are known if the client waits for a
//! response before it sends the next request; of pipelined requests they are not, and a body is
//! sent.

/// The beginning of a request head with this method.
const HEAD: &[u8] = b"HEAD ";

/// The first bytes that arrived since the last request began.
#[derive(Debug, Default)]
pub(super) struct RequestStart {
    /// Number of requests that had begun before.
    begun: u64,
    bytes: Vec<u8>,
}

impl RequestStart {
    /// Records bytes that were read when so many requests had begun.
    pub(super) fn record(&mut self, begun: u64, read: &[u8]) {
        if read.is_empty() {
            return;
        }
        if self.begun != begun {
            self.begun = begun;
            self.bytes.clear();
        }
        let missing = HEAD.len().saturating_sub(self.bytes.len());
        self.bytes.extend(read.iter().take(missing));
    }

    /// Whether the request that arrives after so many others is a HEAD request.
    pub(super) fn is_head(&self, begun: u64) -> bool {
        self.begun == begun && self.bytes == HEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_is_known_however_the_head_arrives() {
        let mut start = RequestStart::default();
        for part in ["H", "", "EA", "D / HTTP/1.1"] {
            assert!(!start.is_head(0));
            start.record(0, part.as_bytes());
        }
        assert!(start.is_head(0));
        start.record(1, b"GET /");
        assert!(!start.is_head(1));
        start.record(2, b"HEAD /x");
        assert!(start.is_head(2));
        assert!(!start.is_head(3), "it was pipelined behind a request that has begun meanwhile");
    }
}
