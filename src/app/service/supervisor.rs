//! Notifications to a supervisor that follows the protocol of `sd_notify`, such as systemd with
//! `Type=notify`. Without `NOTIFY_SOCKET` nothing is sent.
//!
//! `READY` is sent when the listeners are open, not when the database is: the service also starts
//! without one, and a supervisor that waited for it would end the process in an outage. Whether it
//! is ready for requests says `/health/ready`.

use std::time::Duration;

use sd_notify::NotifyState;
use slog::Logger;

/// How many notifications are sent in the time after which the supervisor ends the process.
const WATCHDOG_MARGIN: u32 = 3;

/// Reports that the listeners are open, and at which address.
pub(super) fn notify_ready(address: &str, logger: &Logger) {
    notify(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {address}"))], logger);
}

/// Reports that the service stops.
pub(super) fn notify_stopping(logger: &Logger) {
    notify(&[NotifyState::Stopping, NotifyState::Status("finishing requests")], logger);
}

/// Reports again and again that the main thread works, as long as the process lives, if the
/// supervisor wants that (`WatchdogSec=`). The actors run on that thread, too.
pub(super) fn spawn_watchdog(logger: &Logger) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let (pause, logger) = (watchdog_interval(limit), logger.clone());
    actix_web::rt::spawn(async move {
        loop {
            notify(&[NotifyState::Watchdog], &logger);
            tokio::time::sleep(pause).await;
        }
    });
}

/// Returns the time between two notifications for a watchdog with this limit.
fn watchdog_interval(limit: Duration) -> Duration {
    (limit / WATCHDOG_MARGIN).max(Duration::from_millis(1))
}

fn notify(states: &[NotifyState<'_>], logger: &Logger) {
    if let Err(error) = sd_notify::notify(states) {
        slog::warn!(logger, "failed to notify supervisor"; "error" => %error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchdog_is_notified_three_times_within_its_limit() {
        assert_eq!(watchdog_interval(Duration::from_secs(30)), Duration::from_secs(10));
        assert_eq!(watchdog_interval(Duration::ZERO), Duration::from_millis(1));
    }
}
