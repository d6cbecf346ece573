//! The time of a log-in that fails says nothing about the account: an unknown user, a suspended one
//! and a wrong password take the same time. Attempts of all kinds alternate in one run, so that the
//! speed of the machine does not matter; what counts is how often one kind is faster than another.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, token};

/// Attempts of each kind.
const ROUNDS: usize = 120;
/// Attempts of each kind that are not counted: caches and connections are cold.
const WARM_UP: usize = 10;
/// Share of pairs in which one kind is faster, where there is no difference: 0.5, with a standard
/// deviation of 0.04 for so many rounds. A refusal without the work of hashing is above 0.99.
const TOLERATED_SHARE: std::ops::RangeInclusive<f64> = 0.3..=0.7;
/// Ratio of two lower quartiles.
const TOLERATED_RATIO: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// Returns in which share of all pairs the first is smaller: the statistic of Mann and Whitney,
/// divided by the number of pairs. Equal ones count half.
fn share_of_smaller(first: &[Duration], second: &[Duration]) -> f64 {
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| a.cmp(b)));
    let shares: Vec<f64> = pairs
        .map(|order| match order {
            Ordering::Less => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Greater => 0.0,
        })
        .collect();
    let number = u32::try_from(shares.len()).unwrap();
    shares.iter().sum::<f64>() / f64::from(number)
}

/// The lower quartile: work that is always done lengthens it, and what other programs do hardly
/// does. On a busy machine times have two peaks, and medians jump from one to the other.
fn quartile(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 4]
}

/// Measures the attempts of a list in alternation. Returns the times of each.
async fn measure(server: &Server, attempts: &[(Value, u16)]) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::new(); attempts.len()];
    let mut order: Vec<usize> = (0..attempts.len()).collect();
    for round in 0..ROUNDS + WARM_UP {
        // No kind always follows the same other one.
        order.shuffle(&mut rand::rng());
        for index in &order {
            let (body, status) = &attempts[*index];
            let began = Instant::now();
            let answer = server.post("/api/auth/login", "", body).await;
            let took = began.elapsed();
            assert_eq!(answer.status, *status, "{}", answer.text);
            if round >= WARM_UP {
                times[*index].push(took);
            }
        }
    }
    times
}

#[actix_web::test]
#[ignore = "measures time: scripts/test runs it alone"]
async fn failed_log_ins_take_the_same_time_whatever_the_account() {
    let server = Server::start().await;
    let admin = token(&server.login("admin", ADMIN_PASSWORD).await.expect(200));
    let user = json!({"username": "sue", "email": "sue@example.com", "password": PASSWORD,
        "full_name": "S"});
    let user = server.post("/api/auth/users", &admin, &user).await.expect(201).json();
    let path = format!("/api/auth/users/{}", user["user"]["user_id"].as_str().unwrap());
    server.put(&path, &admin, &json!({"status": "suspended"})).await.expect(200);
    let wrong = "not this horse of any battery";
    let attempt = |name: &str, password: &str, status| {
        (json!({"username": name, "password": password}), status)
    };
    let attempts = [
        ("wrong password", attempt("admin", wrong, 401)),
        ("unknown user", attempt("nina", wrong, 401)),
        ("unknown address", attempt("nina@example.com", wrong, 401)),
        ("suspended user", attempt("sue", PASSWORD, 401)),
        // Refused before its password is hashed: what the comparison has to find.
        ("incomplete", (json!({"username": "admin"}), 400)),
    ];
    let (names, attempts): (Vec<_>, Vec<_>) = attempts.into_iter().unzip();
    let times = measure(&server, &attempts).await;
    let reference = &times[0];
    let mut differences = Vec::new();
    for (name, times) in names.iter().zip(&times).skip(1) {
        let share = share_of_smaller(times, reference);
        let ratio = quartile(times).as_secs_f64() / quartile(reference).as_secs_f64();
        println!(
            "{name}: lower quartile {:.2?}, {ratio:.3} of that of a wrong password ({:.2?}); \
             faster in {:.1} % of the pairs",
            quartile(times),
            quartile(reference),
            share * 100.0
        );
        if !TOLERATED_SHARE.contains(&share) || !TOLERATED_RATIO.contains(&ratio) {
            differences.push(*name);
        }
    }
    assert_eq!(differences, ["incomplete"]);
    let share = share_of_smaller(&times[4], reference);
    assert!(share > 0.95, "the comparison does not find an early refusal: {share}");
}

#[test]
fn share_is_that_of_pairs_in_which_the_first_is_smaller() {
    let times = |millis: &[u64]| millis.iter().copied().map(Duration::from_millis).collect();
    let share = |first: &[u64], second: &[u64]| -> f64 {
        let (first, second): (Vec<_>, Vec<_>) = (times(first), times(second));
        share_of_smaller(&first, &second)
    };
    let expected = [(share(&[1, 2], &[3]), 1.0), (share(&[3], &[1, 2]), 0.0)];
    let halves = [(share(&[1, 3], &[2]), 0.5), (share(&[2], &[2]), 0.5)];
    for (found, expected) in expected.into_iter().chain(halves) {
        assert!((found - expected).abs() < f64::EPSILON, "{found}");
    }
}
