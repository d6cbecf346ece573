//! Loads of the same value at the same time, done once. A caller joins a load that is under way if
//! that began at the epoch the caller knows, or later: then it shows every change that the caller
//! may expect to see. If the caller that loads is dropped, because its client disconnects, the
//! next one that waits loads.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The loads under way, never more than callers. `E` is the epoch, `T` the outcome of a load.
#[derive(Debug)]
pub struct JoinedLoads<E, T> {
    running: Mutex<HashMap<String, RunningLoad<E, T>>>,
}

#[derive(Debug)]
struct RunningLoad<E, T> {
    epoch: E,
    outcome: watch::Receiver<Option<T>>,
}

impl<E, T> Default for JoinedLoads<E, T> {
    fn default() -> Self {
        Self { running: Mutex::default() }
    }
}

/// What a caller does.
enum LoadTurn<'a, E, T> {
    Load(ActiveLoad<'a, E, T>),
    Wait(watch::Receiver<Option<T>>),
}

/// A load by its caller, which ends when this is dropped.
struct ActiveLoad<'a, E, T> {
    loads: &'a JoinedLoads<E, T>,
    key: &'a str,
    outcome: watch::Sender<Option<T>>,
}

impl<E, T> Drop for ActiveLoad<'_, E, T> {
    fn drop(&mut self) {
        let mut running = self.loads.lock();
        // A load at a later epoch may have taken the place.
        let is_own =
            |load: &RunningLoad<E, T>| load.outcome.same_channel(&self.outcome.subscribe());
        if running.get(self.key).is_some_and(is_own) {
            running.remove(self.key);
        }
    }
}

impl<E: Ord, T: Clone> JoinedLoads<E, T> {
    /// Loads a value, or waits for a load of it that began at `epoch` or later.
    pub async fn run(&self, key: &str, epoch: E, load: impl AsyncFnOnce() -> T) -> T
    where
        E: Copy,
    {
        loop {
            match self.turn(key, epoch) {
                LoadTurn::Load(active) => {
                    let outcome = load().await;
                    active.outcome.send_replace(Some(outcome.clone()));
                    return outcome;
                }
                LoadTurn::Wait(mut others) => {
                    if let Ok(outcome) = others.wait_for(Option::is_some).await
                        && let Some(outcome) = outcome.as_ref()
                    {
                        return outcome.clone();
                    }
                }
            }
        }
    }

    fn turn<'a>(&'a self, key: &'a str, epoch: E) -> LoadTurn<'a, E, T> {
        let mut running = self.lock();
        if let Some(load) = running.get(key).filter(|load| load.epoch >= epoch) {
            return LoadTurn::Wait(load.outcome.clone());
        }
        let (sender, outcome) = watch::channel(None);
        running.insert(key.to_owned(), RunningLoad { epoch, outcome });
        LoadTurn::Load(ActiveLoad { loads: self, key, outcome: sender })
    }
}

impl<E, T> JoinedLoads<E, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, RunningLoad<E, T>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
