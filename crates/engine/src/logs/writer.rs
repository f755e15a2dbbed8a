//! The file that grows, turns and never stops a program.

use super::{Entry, Stream, Tag, files_of, numbered};
use seaworthy_host::clock;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// How much of an instance's log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLimits {
    /// The size at which a file is put aside.
    pub file_bytes_max: u64,
    /// How many files there are, the current one included; at least 1.
    pub files: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { file_bytes_max: 8 * 1024 * 1024, files: 4 }
    }
}

/// Writes one log. When the disk is full it drops lines, counts them, and says so when there is space again.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    limits: LogLimits,
    file: Option<File>,
    length: u64,
    /// Lines dropped since the last one that was written, and why.
    dropped: Option<(u64, io::Error)>,
}

impl LogWriter {
    /// A log that goes on where the file ends; the file is made when something is written.
    #[must_use]
    pub fn new(path: PathBuf, limits: LogLimits) -> Self {
        Self { path, limits, file: None, length: 0, dropped: None }
    }

    /// Appends whole entries, each with its line feed.
    pub fn append(&mut self, entries: &[u8]) {
        let mut left = entries;
        while !left.is_empty() {
            let (now, later) = left.split_at(self.fitting(left));
            if let Err(error) = self.try_append(now) {
                self.file = None;
                let lines = now.iter().filter(|byte| **byte == b'\n').count() as u64;
                let count = self.dropped.take().map_or(0, |(count, _)| count);
                self.dropped = Some((count + lines, error));
            }
            left = later;
        }
    }

    /// How many bytes of these go into one file: whole entries that fit, at least one.
    fn fitting(&self, entries: &[u8]) -> usize {
        let free = self.limits.file_bytes_max.saturating_sub(self.length);
        let free = usize::try_from(free).unwrap_or(usize::MAX).min(entries.len());
        let fits = entries[..free].iter().rposition(|byte| *byte == b'\n');
        let first = || entries.iter().position(|byte| *byte == b'\n').unwrap_or(entries.len() - 1);
        fits.unwrap_or_else(first) + 1
    }

    /// How many lines have been dropped since the last one that was written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.as_ref().map_or(0, |(count, _)| *count)
    }

    fn try_append(&mut self, entries: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + entries.len() as u64 > self.limits.file_bytes_max {
            self.rotate()?;
        }
        self.open()?;
        if let Some((count, error)) = &self.dropped {
            let mut note = Vec::new();
            let text = format!("seaworthy: {count} lines before this one could not be written: {error}");
            Entry::write(&mut note, &clock::rfc3339(clock::now()), Stream::Stderr, Tag::Full, text.as_bytes());
            self.write(&note)?;
            self.dropped = None;
        }
        self.write(entries)
    }

    /// Whole or not at all: half an entry is cut off again.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = self.file.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        if let Err(error) = file.write_all(bytes) {
            let _ = file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        self.length = file.metadata()?.len();
        if self.length > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?; // whoever wrote before died in the middle of a line
                self.length += 1;
            }
        }
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        self.length = 0;
        if self.limits.files <= 1 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.limits.files).rev() {
            match fs::rename(numbered(&self.path, number - 1), numbered(&self.path, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes every file of a log.
    ///
    /// # Errors
    /// When one is there and cannot be removed.
    pub fn remove(path: &std::path::Path, limits: LogLimits) -> Result<(), seaworthy_host::files::FileError> {
        files_of(path, limits.files).try_for_each(|file| seaworthy_host::files::remove_tree(&file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> Vec<u8> {
        format!("2025-01-01T00:00:00.{number:06}Z stdout F line {number}\n").into_bytes()
    }

    #[test]
    fn a_flood_takes_no_more_than_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let limits = LogLimits { file_bytes_max: 1_000, files: 3 };
        let mut writer = LogWriter::new(path.clone(), limits);
        let flood: Vec<u8> = (0..1_000).flat_map(line).collect();
        writer.append(&flood);
        let sizes: Vec<u64> = files_of(&path, 5).filter_map(|f| fs::metadata(f).ok()).map(|m| m.len()).collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|size| *size <= 1_000), "{sizes:?}");
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 999\n"));
    }

    #[test]
    fn half_a_line_of_a_dead_writer_does_not_spoil_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        seaworthy_host::files::write_atomic(&path, b"2025-01-01T00:00:00.0", 0o640).unwrap();
        LogWriter::new(path.clone(), LogLimits::default()).append(&line(7));
        assert!(fs::read_to_string(&path).unwrap().ends_with(".0\n2025-01-01T00:00:00.000007Z stdout F line 7\n"));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_told_of_later() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("logs");
        let mut writer = LogWriter::new(folder.join("log"), LogLimits::default());
        writer.append(&line(1));
        writer.append(&line(2));
        assert_eq!(writer.dropped(), 2);
        fs::create_dir(&folder).unwrap();
        writer.append(&line(3));
        assert_eq!(writer.dropped(), 0);
        let text = fs::read_to_string(folder.join("log")).unwrap();
        assert!(text.contains("seaworthy: 2 lines before this one could not be written"), "{text}");
        assert!(text.ends_with("line 3\n"));
    }
}
