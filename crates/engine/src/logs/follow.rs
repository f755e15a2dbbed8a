//! New lines of a log as they come.

use super::{Entry, files_of};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The most bytes that one call of [`Follower::read`] takes from a file: a flood comes in portions.
const PORTION_BYTES: u64 = 1024 * 1024;

/// Reads what is appended to a log, through rotations.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    files: u32,
    /// The file that is being read, and its inode: rotation renames it.
    current: Option<(File, u64)>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
}

impl Follower {
    /// Starts at the log's end: only what is written from now on comes.
    #[must_use]
    pub fn at_end(path: &Path, files: u32) -> Self {
        let mut follower = Self::at_start(path, files);
        if let Some(Ok((mut file, inode))) = open(path).transpose() {
            let _ = file.seek(SeekFrom::End(0));
            follower.current = Some((file, inode));
        }
        follower
    }

    /// Starts at the beginning of the oldest file that is there.
    #[must_use]
    pub fn at_start(path: &Path, files: u32) -> Self {
        Self { path: path.to_owned(), files, current: None, rest: Vec::new() }
    }

    /// Everything that was written since the last call (or a portion of it), oldest first; empty when there is nothing.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn read(&mut self) -> io::Result<Vec<Entry>> {
        loop {
            if self.current.is_none() && !self.open_next(None)? {
                return Ok(Vec::new());
            }
            let Some((file, inode)) = self.current.as_mut() else { return Ok(Vec::new()) };
            let inode = *inode;
            let entries = take_entries(file, &mut self.rest)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            let rotated = fs::metadata(&self.path).map_or(true, |metadata| metadata.ino() != inode);
            // Something may have come between reading to the end and the rotation.
            let Some((file, _)) = self.current.as_mut() else { return Ok(Vec::new()) };
            let entries = take_entries(file, &mut self.rest)?;
            if !entries.is_empty() || !rotated || !self.open_next(Some(inode))? {
                return Ok(entries);
            }
        }
    }

    /// Opens the file that was begun after the one with this inode (or the oldest one); false when there is none.
    fn open_next(&mut self, after: Option<u64>) -> io::Result<bool> {
        let mut next = None;
        for path in files_of(&self.path, self.files) {
            match open(&path)? {
                Some((_, inode)) if Some(inode) == after => break,
                Some(found) => next = Some(found),
                None => {}
            }
        }
        let found = next.is_some();
        if found {
            self.rest.clear();
            self.current = next;
        }
        Ok(found)
    }
}

fn open(path: &Path) -> io::Result<Option<(File, u64)>> {
    match File::open(path) {
        Ok(file) => {
            let inode = file.metadata()?.ino();
            Ok(Some((file, inode)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn take_entries(file: &mut File, rest: &mut Vec<u8>) -> io::Result<Vec<Entry>> {
    file.take(PORTION_BYTES).read_to_end(rest)?;
    let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
    let entries = rest[..end].split(|byte| *byte == b'\n').filter_map(Entry::parse).collect();
    rest.drain(..=end);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::{LogLimits, LogWriter};
    use super::*;
    use std::io::Write as _;

    fn append(writer: &mut LogWriter, number: usize) {
        writer.append(format!("2025-01-01T00:00:00.{number:06}Z stdout F {number}\n").as_bytes());
    }

    fn read_all(follower: &mut Follower) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            let entries = follower.read().unwrap();
            if entries.is_empty() {
                return texts;
            }
            texts.extend(entries.into_iter().map(|entry| entry.text));
        }
    }

    #[test]
    fn sees_every_line_through_rotations() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let limits = LogLimits { file_bytes_max: 500, files: 4 };
        let mut writer = LogWriter::new(path.clone(), limits);
        let mut follower = Follower::at_start(&path, limits.files);
        let mut seen = read_all(&mut follower);
        assert!(seen.is_empty());
        for number in 0..200 {
            append(&mut writer, number);
            if number % 23 == 0 {
                seen.extend(read_all(&mut follower));
            }
        }
        seen.extend(read_all(&mut follower));
        assert_eq!(seen, (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn starts_at_the_end_when_asked_to_and_waits_for_whole_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut writer = LogWriter::new(path.clone(), LogLimits::default());
        append(&mut writer, 1);
        let mut follower = Follower::at_end(&path, 4);
        assert!(read_all(&mut follower).is_empty());
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"2025-01-01T00:00:00.000002Z std").unwrap();
        assert!(read_all(&mut follower).is_empty());
        file.write_all(b"out F 2\n").unwrap();
        assert_eq!(read_all(&mut follower), ["2"]);
    }
}
