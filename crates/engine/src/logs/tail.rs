//! The last lines of a log.

use super::{Entry, files_of};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The most lines that [`tail`] gives.
pub const LINES_MAX: usize = 10_000;

const BLOCK_BYTES: u64 = 64 * 1024;

/// The last lines (at most `lines`, at most [`LINES_MAX`]) of a log with so many files, oldest first. A log that is not
/// there has none.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn tail(path: &Path, files: u32, lines: usize) -> io::Result<Vec<Entry>> {
    let lines = lines.min(LINES_MAX);
    let mut newest_first: Vec<Entry> = Vec::new();
    for file in files_of(path, files) {
        if newest_first.len() >= lines {
            break;
        }
        let bytes = match File::open(&file) {
            Ok(file) => last_lines(file, lines - newest_first.len())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        newest_first.extend(bytes.rsplit(|byte| *byte == b'\n').filter_map(Entry::parse));
    }
    newest_first.truncate(lines);
    newest_first.reverse();
    Ok(newest_first)
}

/// At least so many of the last lines of a file, whole, read from its end; all when there are fewer.
fn last_lines(mut file: File, lines: usize) -> io::Result<Vec<u8>> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut line_feeds = 0;
    while start > 0 && line_feeds <= lines {
        let length = start.min(BLOCK_BYTES);
        start -= length;
        file.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        (&mut file).take(length).read_to_end(&mut block)?;
        line_feeds += block.iter().filter(|byte| **byte == b'\n').count();
        blocks.push(block);
    }
    blocks.reverse();
    let mut bytes = blocks.concat();
    if start > 0 {
        let first_whole = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..first_whole);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{LogLimits, LogWriter};
    use super::*;

    #[test]
    fn gives_the_last_lines_across_files_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let limits = LogLimits { file_bytes_max: 200_000, files: 3 };
        let mut writer = LogWriter::new(path.clone(), limits);
        for number in 0..20_000 {
            writer.append(format!("2025-01-01T00:00:00.{number:06}Z stdout F line {number}\n").as_bytes());
        }
        for count in [0, 1, 10, 5_000] {
            let texts: Vec<String> = tail(&path, 3, count).unwrap().into_iter().map(|e| e.text).collect();
            let expected: Vec<String> = (20_000 - count..20_000).map(|number| format!("line {number}")).collect();
            assert_eq!(texts, expected);
        }
        assert!(tail(&directory.path().join("none"), 3, 10).unwrap().is_empty());
    }
}
