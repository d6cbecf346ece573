//! Tests of `bulkhead`.

use super::*;

#[tokio::test]
async fn the_queue_is_bounded_and_drains() {
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
    while bulkhead.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bulkhead.run(|| true).await, Err(BulkheadError::Full));
    release.send(()).expect("someone waits");
    assert_eq!(first.await.expect("no panic"), Ok(true));
    for waiter in waiting {
        assert_eq!(waiter.await.expect("no panic"), Ok(true));
    }
    assert_eq!(bulkhead.run(|| true).await, Ok(true));
}

#[tokio::test]
async fn who_hangs_up_or_panics_frees_its_turn_when_the_work_is_over() {
    let bulkhead = Bulkhead::new(1, 0);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let impatient = bulkhead.run(move || blocked.recv().is_ok());
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), impatient).await.is_err());
    assert_eq!(bulkhead.run(|| ()).await, Err(BulkheadError::Full), "it goes on");
    release.send(()).expect("it is still there");
    while bulkhead.places.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    let panics = {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.run(|| panic!("on purpose")).await })
    };
    assert!(panics.await.expect_err("a panic").is_panic());
    assert_eq!(bulkhead.run(|| ()).await, Ok(()));
}
