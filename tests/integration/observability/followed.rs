//! Alerts that fire for real, and the steps of their runbooks until they resolve. A real
//! Prometheus with our rules scrapes the binary; minutes of the rules are seconds here, so that a
//! cause and its end are seen in time. Each step first finds in the page what it does.
//!
//!     scripts/with-postgres cargo test --test integration observability::followed:: -- \
//!         --ignored --nocapture --test-threads 1

mod causes;
mod operator;

use std::time::Duration;

use self::operator::{Operator, configuration, rules_in_seconds, until};
use crate::observability::prometheus::Prometheus;
use crate::observability::runbooks::{Runbook, assert_listed};

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn mails_that_are_not_sent() {
    let mut operator = Operator::start().await;
    assert_listed("mails_that_are_not_sent", &causes::mail_server_gone(&mut operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn logs_that_are_not_shipped() {
    let mut operator = Operator::start().await;
    assert_listed("logs_that_are_not_shipped", &causes::log_sink_gone(&mut operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn guesses_and_limited_requests() {
    let operator = Operator::start().await;
    assert_listed("guesses_and_limited_requests", &causes::guesses_and_a_flood(&operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn busy_connections_and_slow_requests() {
    let operator = Operator::start().await;
    assert_listed("busy_connections_and_slow_requests", &causes::locked_tables(&operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn open_circuit_and_failed_requests() {
    let operator = Operator::start().await;
    assert_listed("open_circuit_and_failed_requests", &causes::isolated_circuit(&operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn last_uses_that_are_not_written() {
    let operator = Operator::start().await;
    assert_listed("last_uses_that_are_not_written", &causes::unwritten_last_uses(&operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn no_requests() {
    let operator = Operator::start().await;
    assert_listed("no_requests", &causes::silence(&operator).await);
}

#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn stopped_instance() {
    let mut operator = Operator::start().await;
    assert_listed("stopped_instance", &causes::stopped_instance(&mut operator).await);
}

/// The name of the job is wrong, so that Prometheus has no target of it.
#[actix_web::test]
#[ignore = "takes a minute; scripts/test runs it alone"]
async fn job_with_another_name() {
    let page = Runbook::open("down.md");
    let rules = rules_in_seconds();
    let wrong = Prometheus::start(&configuration("other", 1), &[("alerts.yml", &rules)]).await;
    until(&wrong, "MdlAbsent", true).await;
    page.says("check that `job_name` is still `mdl`");
    let right = Prometheus::start(&configuration("mdl", 1), &[("alerts.yml", &rules)]).await;
    // The target is down, which is another alert; by then the first one would have fired.
    until(&right, "MdlDown", true).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!right.fires("MdlAbsent").await);
    assert_listed("job_with_another_name", &["MdlAbsent"]);
}
