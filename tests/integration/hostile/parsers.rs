//! One parser at a time: each that strangers reach over HTTP gets damaged input where it is the
//! only thing that is wrong, so that the damage is not refused by another parser before it. Each
//! request has an answer in bounded time, none is a 5xx, and none writes an error to the log.
//! `targets` says which parsers.
//!
//! The seed is fixed. `MDL_TEST_FUZZ_SEED` and `MDL_TEST_FUZZ_CASES` (of each parser) make other
//! and longer runs, and a failure says with which seed and for which case it happened:
//!
//!     MDL_TEST_FUZZ_CASES=20000 scripts/with-postgres cargo test --test integration \
//!         hostile::parsers:: -- --nocapture

mod mutation;
mod targets;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::mutation::Mutator;
use self::targets::{Place, Target, targets};
use crate::pages::visitor::Visitor;
use crate::support::raw::RawAnswer;
use crate::support::samples::metric;
use crate::support::{ADMIN_PASSWORD, Server};

const SEED: u64 = 20;
/// Cases of each parser.
const CASES: u64 = 60;
/// Where streams have a bounded number of places.
const STREAMS: &str = "/api/v1/changes";
/// Longest time to an answer, on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
/// Largest growth of this process, in MiB. Other tests run beside this one, so it is generous; what
/// a damaged length or nesting would ask for is far more.
const MAX_GROWTH: u64 = 2048;

/// The credentials of an administrator.
struct Credentials {
    token: String,
    cookie: String,
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// Returns the request as it is sent, with `input` in its place.
fn request(target: &Target, input: &[u8], base: &str, credentials: &Credentials) -> Vec<u8> {
    let is = |place: &Place| target.place == *place;
    let (before, after) = target.path.split_once("{}").unwrap_or((target.path, ""));
    let inserted = if is(&Place::Path) || is(&Place::Query) { input } else { b"" };
    let method = target.method.as_bytes();
    let mut head =
        [method, b" ", before.as_bytes(), inserted, after.as_bytes(), b" HTTP/1.1\r\n"].concat();
    let mut line = |name: &str, value: &[u8]| {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    };
    if !is(&Place::Header("host")) {
        // A page reads the cookie of its host: this is the one for a browser's own machine.
        line("host", base.trim_start_matches("http://").as_bytes());
    }
    line("connection", b"close");
    if target.is_page {
        line("origin", base.as_bytes());
        line("sec-fetch-site", b"same-origin");
        if !is(&Place::Header("cookie")) {
            line("cookie", credentials.cookie.as_bytes());
        }
    } else if !is(&Place::Header("authorization")) && !is(&Place::Header("x-api-key")) {
        line("authorization", format!("Bearer {}", credentials.token).as_bytes());
    }
    for (name, value) in target.headers {
        line(name, value.as_bytes());
    }
    if let Place::Header(name) = target.place {
        line(name, input);
    }
    let body = if is(&Place::Body) { input } else { target.body.as_bytes() };
    line("content-length", body.len().to_string().as_bytes());
    [&head, b"\r\n".as_slice(), body].concat()
}

/// Reads the head of the answer: a stream of changes has no end.
async fn answer(address: &str, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A refused request may be answered before all of it was read.
    let _ = stream.write_all(request).await;
    let (mut response, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        response.extend(&piece[..length]);
        if response.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            break;
        }
    }
    RawAnswer::parse(&response)
}

/// Sends a request. A stream that the test has left keeps its place until the service notices, and
/// one user has few.
async fn answered(target: &Target, address: &str, request: &[u8]) -> RawAnswer {
    loop {
        let answer = answer(address, request).await;
        if !(target.path == STREAMS && answer.status == 503) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// Sends all cases of a parser. Returns how often it answered with each status, or the first fault.
async fn attack(
    target: &Target,
    server: &Server,
    credentials: &Credentials,
    (seed, cases): (u64, u64),
) -> Result<BTreeMap<u16, usize>, String> {
    let address = server.base.trim_start_matches("http://");
    let mut statuses = BTreeMap::new();
    for case in 0..cases {
        let input = Mutator::new(seed, target.name, case).damaged(target.samples);
        let input = if target.place == Place::Body { input } else { one_line(input) };
        let request = request(target, &input, &server.base, credentials);
        let shown = || {
            let start = &request[..request.len().min(4000)];
            format!(
                "{}, MDL_TEST_FUZZ_SEED={seed}, case {case}:\n{}",
                target.name,
                String::from_utf8_lossy(start)
            )
        };
        let answered = tokio::time::timeout(LONGEST, answered(target, address, &request)).await;
        let answer = answered.map_err(|_| format!("no answer in time: {}", shown()))?;
        if !(200..500).contains(&answer.status) {
            return Err(format!("{answer:?}\n{}", shown()));
        }
        *statuses.entry(answer.status).or_default() += 1;
    }
    let mut errors = server.logs.lines();
    let is_full = |line: &serde_json::Value| line["path"] == STREAMS && line["status"] == 503;
    errors.retain(|line| line["level"] == "ERRO" && !is_full(line));
    if errors.is_empty() { Ok(statuses) } else { Err(format!("{}: {errors:#?}", target.name)) }
}

/// Bytes that would end a line are no part of a head.
fn one_line(mut input: Vec<u8>) -> Vec<u8> {
    input.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    input
}

#[actix_web::test]
async fn each_parser_answers_damaged_input_within_bounds() {
    let run = (variable("MDL_TEST_FUZZ_SEED", SEED), variable("MDL_TEST_FUZZ_CASES", CASES));
    let options = [
        "--registration-enabled",
        "true",
        "--trusted-proxies",
        "127.0.0.1",
        "--cors-origin",
        "https://other.example",
    ];
    let server = Server::with(&options).await;
    let token = server.admin().await;
    server.domains(&token).await;
    server.post("/api/v1/metrics", &token, &metric("m1")).await.expect(201);
    let changed = serde_json::json!({"tags": ["c"]});
    server.put("/api/v1/metrics/m1", &token, &changed).await.expect(200);
    server.get("/api/v1/metrics/m1/versions/1.0.1", &token).await.expect(200);
    let cookie = Visitor::signed_in(&server, "admin", ADMIN_PASSWORD).await.cookie;
    let credentials = Credentials { token, cookie };
    let (began, before) = (Instant::now(), resident());
    let address = server.base.trim_start_matches("http://");
    let mut faults = Vec::new();
    for target in targets() {
        // Undamaged, each sample is understood: the damage is what is refused.
        for sample in target.samples {
            let request = request(target, sample, &server.base, &credentials);
            let answer = answer(address, &request).await;
            if !target.accepted.contains(&answer.status) {
                let shown = String::from_utf8_lossy(sample);
                faults.push(format!("{}: {shown}: {answer:?}", target.name));
            }
        }
        match attack(target, &server, &credentials, run).await {
            Ok(statuses) => println!("{}: {statuses:?}", target.name),
            Err(fault) => faults.push(fault),
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
    let growth = resident().saturating_sub(before);
    println!(
        "seed {}, {} parsers, {} cases each, {:.1} s, {growth} MiB more",
        run.0,
        targets().len(),
        run.1,
        began.elapsed().as_secs_f64()
    );
    assert!(growth < MAX_GROWTH, "{growth} MiB");
}
