//! `ar` archives, as much of them as Debian packages use (deb(5)).

use std::io::{self, Read};

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// It is none.
    #[error("it is no `ar` archive")]
    NoArchive,
    /// A member's header is not as it should be.
    #[error("the header of its member {0} is damaged")]
    Header(usize),
    /// It ends too early, or could not be read.
    #[error("it could not be read to its end")]
    Read(#[from] io::Error),
}

/// An archive that is read from its beginning to its end.
#[derive(Debug)]
pub struct Archive<R> {
    reader: R,
    members: usize,
    /// Bytes of the current member that were not read, and whether one byte fills it up to an even number.
    left: u64,
    padded: bool,
}

impl<R: Read> Archive<R> {
    /// Begins.
    ///
    /// # Errors
    /// [`ArError`] when the first eight bytes are not an archive's.
    pub fn new(mut reader: R) -> Result<Self, ArError> {
        let mut magic = [0; 8];
        let length = fill(&mut reader, &mut magic)?;
        if length < magic.len() || &magic != b"!<arch>\n" {
            return Err(ArError::NoArchive);
        }
        Ok(Self { reader, members: 0, left: 0, padded: false })
    }

    /// The name and size of the next member; its bytes are read from [`Archive::member`]. What is left of the one
    /// before is skipped.
    ///
    /// # Errors
    /// [`ArError`].
    pub fn next_member(&mut self) -> Result<Option<(String, u64)>, ArError> {
        let skip = self.left + u64::from(self.padded);
        let skipped = io::copy(&mut (&mut self.reader).take(skip), &mut io::sink())?;
        if skipped < self.left {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        (self.left, self.padded) = (0, false);
        let mut header = [0; 60];
        let length = fill(&mut self.reader, &mut header)?;
        if length == 0 {
            return Ok(None);
        }
        self.members += 1;
        let damaged = ArError::Header(self.members);
        if length < header.len() || &header[58..] != b"`\n" || self.members > 64 {
            return Err(damaged);
        }
        let field = |range: std::ops::Range<usize>| std::str::from_utf8(&header[range]).ok().map(str::trim_end);
        let name = field(0..16).map(|name| name.trim_end_matches('/')).filter(|name| !name.is_empty());
        let digits = field(48..58).filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
        let size = digits.and_then(|size| size.parse::<u64>().ok());
        let (Some(name), Some(size)) = (name, size) else { return Err(damaged) };
        (self.left, self.padded) = (size, size % 2 == 1);
        Ok(Some((name.to_owned(), size)))
    }

    /// The bytes of the current member.
    pub fn member(&mut self) -> Member<'_, R> {
        Member { archive: self }
    }
}

/// The bytes of one member; an archive that ends within it is an error.
#[derive(Debug)]
pub struct Member<'a, R> {
    archive: &'a mut Archive<R>,
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.archive.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let length = self.archive.reader.read(&mut buffer[..most])?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.archive.left -= length as u64;
        Ok(length)
    }
}

/// Reads as much as there is, at most the whole buffer.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(members: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"!<arch>\n".to_vec();
        for (name, content) in members {
            bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
            bytes.extend(content);
            bytes.extend(vec![b'\n'; content.len() % 2]);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArError> {
        let mut archive = Archive::new(bytes)?;
        let mut members = Vec::new();
        while let Some((name, _)) = archive.next_member()? {
            let mut content = Vec::new();
            archive.member().read_to_end(&mut content)?;
            members.push((name, content));
        }
        Ok(members)
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let bytes = written(&[("debian-binary".into(), b"2.0\n".to_vec()), ("data.tar".into(), vec![7; 11])]);
        assert_eq!(read(&bytes).unwrap().len(), 2);
        for length in (0..bytes.len() - 1).filter(|length| ![8, 72].contains(length)) {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            members in prop::collection::vec(("[a-z.]{1,15}", prop::collection::vec(any::<u8>(), 0..40)), 0..6)
        ) {
            prop_assert_eq!(read(&written(&members)).unwrap(), members);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            bytes.splice(0..0, *b"!<arch>\n");
            let _ = read(&bytes);
        }
    }
}
