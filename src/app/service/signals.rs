//! The signals that end the service.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::command_error::CommandError;

/// A signal that ends the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopSignal {
    /// SIGTERM, from a supervisor: load balancers may still send requests.
    Terminate,
    /// SIGINT, from a terminal.
    Interrupt,
}

impl StopSignal {
    /// Returns its name, for the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// Returns the exit code of a process that it ended, as shells report it.
    pub(super) fn exit_code(self) -> i32 {
        match self {
            Self::Terminate => 143,
            Self::Interrupt => 130,
        }
    }
}

/// Receives the signals from its creation on.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Starts to listen; from then on the signals no longer end the process by themselves.
    pub(super) fn listen() -> Result<Self, CommandError> {
        let listen = |kind| signal(kind).map_err(CommandError::failed);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}
