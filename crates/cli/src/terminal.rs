//! The terminal that this program was started in.

use nix::libc;
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use seaworthy_api::wire::TerminalSize;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// Whoever started this program wants its end: Ctrl-C, SIGTERM, or a terminal that is gone. Once somebody has listened
/// for them, none of these ends this program by itself any more: whatever takes long after a build listens, too.
pub(crate) async fn asked_to_end() -> std::io::Result<()> {
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
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
