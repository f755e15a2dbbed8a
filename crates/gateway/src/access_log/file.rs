//! A log file of bounded size.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The size past which a file is put aside.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// How many files there are, the current one included.
const FILES_MAX: u32 = 4;

/// `NAME`, and older ones as `NAME.1` to `NAME.3`.
#[derive(Debug)]
pub(super) struct RotatedFile {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    bytes_max: u64,
}

impl RotatedFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::with_size(path, FILE_BYTES_MAX)
    }

    fn with_size(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = open(path)?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size_bytes, bytes_max })
    }

    /// Appends whole lines.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.size_bytes > 0 && self.size_bytes + lines.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(lines)?;
        self.size_bytes += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..FILES_MAX - 1).rev() {
            // One that is not there yet is no reason to stop.
            let _ = std::fs::rename(self.numbered(number), self.numbered(number + 1));
        }
        std::fs::rename(&self.path, self.numbered(1))?;
        self.file = open(&self.path)?;
        self.size_bytes = 0;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_lines_in_a_bounded_number_of_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let mut file = RotatedFile::with_size(&path, 20).unwrap();
        for line in 0..20 {
            file.append(format!("line {line:03}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("access.log"), "line 018\nline 019\n");
        assert_eq!(read("access.log.1"), "line 016\nline 017\n");
        assert_eq!(read("access.log.3"), "line 012\nline 013\n");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 4);
        let again = RotatedFile::with_size(&path, 20).unwrap();
        assert_eq!(again.size_bytes, 18);
    }
}
