//! The terminal that this program was started in.

use crate::exit::Ended;
use crate::output::Output;
use nix::libc;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use seaworthy_api::wire::TerminalSize;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whoever started this program wants its end: Ctrl-C, SIGTERM, or a terminal that is gone. Once somebody has listened
/// for them, none of these ends this program by itself any more: whatever takes long after a build listens, too.
pub(crate) async fn asked_to_end() -> std::io::Result<()> {
    Asked::listen()?.wait().await;
    Ok(())
}

/// Listens for [`asked_to_end`] from one moment on: what comes while nobody waits is heard later.
pub(crate) struct Asked {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Asked {
    /// From now on.
    pub(crate) fn listen() -> io::Result<Self> {
        let [interrupt, terminate, hang_up] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate?, hang_up: hang_up? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Works, unless somebody asks to end or has asked already; then says so, and nothing more is done.
    pub(crate) async fn or<T>(
        &mut self,
        output: Output,
        words: &str,
        work: impl Future<Output = Result<T, Ended>>,
    ) -> Result<T, Ended> {
        tokio::select! {
            biased;
            () = self.wait() => {
                output.note(words);
                Err(Ended::Code(130))
            }
            done = work => done,
        }
    }
}

/// Its size, if standard input and output are one.
pub(crate) fn size() -> Option<TerminalSize> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return None;
    }
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the call fills a structure that lives longer than it.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    // A terminal that does not know its size is one of the usual size.
    let is_known = result == 0 && size.ws_row > 0 && size.ws_col > 0;
    let (rows, columns) = if is_known { (size.ws_row, size.ws_col) } else { (24, 80) };
    Some(TerminalSize { rows, columns })
}

/// What kind it is.
pub(crate) fn kind() -> String {
    std::env::var("TERM").ok().filter(|kind| !kind.is_empty()).unwrap_or_else(|| "dumb".to_owned())
}

/// The terminal without its own line editing and signals: what is typed goes to somebody else. Dropping it, and a
/// panic, bring back what was.
pub(crate) struct Raw {
    before: Termios,
}

impl Raw {
    /// From now on.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        restore_in_panic(&before);
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // What the program has printed comes out first.
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.before);
    }
}

/// A program that aborts drops nothing.
fn restore_in_panic(before: &Termios) {
    let (before, previous) = (Mutex::new(before.clone()), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        let before = before.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &before);
        previous(info);
    }));
}
