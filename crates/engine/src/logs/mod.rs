//! What instances say: lines with time and stream, in files that rotate by size.
//!
//! A line of a file is `TIME STREAM TAG TEXT`: RFC 3339 with microseconds, `stdout` or `stderr`, `F` or `P` (more of
//! the same line follows), and the bytes as the program wrote them. It is the format of the Kubernetes CRI.

mod entry;
mod follow;
mod split;
mod tail;
mod writer;

pub use entry::{Entry, Stream, shown};
pub use follow::Follower;
pub use split::{LineSplitter, TEXT_BYTES_MAX, Tag};
pub use tail::{LINES_MAX, tail};
pub use writer::{LogLimits, LogWriter};

use std::path::{Path, PathBuf};

/// The files of one log, the current one first: `PATH`, `PATH.1`, … whether they are there or not.
fn files_of(path: &Path, files: u32) -> impl DoubleEndedIterator<Item = PathBuf> + '_ {
    (0..files).map(|number| numbered(path, number))
}

/// The file that has been rotated `number` times.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}
