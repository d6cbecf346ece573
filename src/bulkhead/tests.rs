//! Tests of `bulkhead`.

use super::*;

#[tokio::test]
async fn full_bulkhead_refuses_and_waiting_jobs_run() {
    let bulkhead = Bulkhead::new(1, 16);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let first = {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.run(move || blocked.recv().is_ok()).await })
    };
    let waiting: Vec<_> = (0..16)
        .map(|_| {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.run(|| true).await })
        })
        .collect();
    while bulkhead.admitted.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bulkhead.run(|| true).await, Err(BulkheadError::Full));
    release.send(()).expect("the first job waits");
    assert_eq!(first.await.expect("no panic"), Ok(true));
    for waiter in waiting {
        assert_eq!(waiter.await.expect("no panic"), Ok(true));
    }
    assert_eq!(bulkhead.run(|| true).await, Ok(true));
}

#[tokio::test]
async fn permit_of_a_dropped_caller_or_panicking_job_is_released_when_the_job_ends() {
    let bulkhead = Bulkhead::new(1, 0);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let dropped = bulkhead.run(move || blocked.recv().is_ok());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), dropped).await.is_err());
    assert_eq!(bulkhead.run(|| ()).await, Err(BulkheadError::Full), "the job still runs");
    release.send(()).expect("the job still runs");
    while bulkhead.admitted.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    let panics = {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.run(|| panic!("on purpose")).await })
    };
    assert!(panics.await.expect_err("a panic").is_panic());
    assert_eq!(bulkhead.run(|| ()).await, Ok(()));
}
