//! Tests of `cache::joined_loads`. Each load waits for a door that the test opens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};

use super::*;

#[derive(Clone)]
struct Fixture {
    loads: Arc<JoinedLoads<u64, u32>>,
    started: Arc<AtomicU32>,
    door: Arc<Notify>,
}

impl Fixture {
    fn new() -> Self {
        let (started, door) = (Arc::default(), Arc::default());
        Self { loads: Arc::default(), started, door }
    }

    /// Starts a caller, whose load returns how many loads had started.
    async fn call(&self, epoch: u64) -> JoinHandle<u32> {
        let Self { loads, started, door } = self.clone();
        let call = tokio::spawn(async move {
            let load = async || {
                let number = started.fetch_add(1, Ordering::SeqCst) + 1;
                door.notified().await;
                number
            };
            loads.run("key", epoch, load).await
        });
        yield_now().await;
        call
    }

    fn started(&self) -> u32 {
        self.started.load(Ordering::SeqCst)
    }

    fn running(&self) -> usize {
        self.loads.lock().len()
    }
}

#[tokio::test]
async fn callers_at_one_epoch_share_a_load() {
    let fixture = Fixture::new();
    let mut calls = Vec::new();
    for _ in 0..16 {
        calls.push(fixture.call(1).await);
    }
    assert_eq!(fixture.started(), 1);
    fixture.door.notify_one();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(fixture.running(), 0);
}

#[tokio::test]
async fn caller_that_knows_a_later_change_does_not_join_an_older_load() {
    let fixture = Fixture::new();
    let old = fixture.call(1).await;
    let new = fixture.call(2).await;
    assert_eq!(fixture.started(), 2);
    // A caller that does not know of the change may join the load that shows it.
    let late = fixture.call(1).await;
    fixture.door.notify_one();
    assert_eq!(old.await.unwrap(), 1);
    // The end of the old load does not take the place of the new one.
    assert_eq!(fixture.running(), 1);
    fixture.door.notify_one();
    assert_eq!((new.await.unwrap(), late.await.unwrap()), (2, 2));
    assert_eq!((fixture.started(), fixture.running()), (2, 0));
}

#[tokio::test]
async fn next_caller_loads_if_the_one_that_loads_is_dropped() {
    let fixture = Fixture::new();
    let first = fixture.call(1).await;
    let (second, third) = (fixture.call(1).await, fixture.call(1).await);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    yield_now().await;
    yield_now().await;
    assert_eq!(fixture.started(), 2);
    fixture.door.notify_one();
    assert_eq!((second.await.unwrap(), third.await.unwrap()), (2, 2));
    assert_eq!(fixture.running(), 0);
}
