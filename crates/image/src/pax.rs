//! Extended headers of POSIX.1-2001 (`pax`): records `LENGTH KEY=VALUE\n`, the length counting itself.

/// A record.
pub(crate) fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

/// The records of an extended header; `None` when it is damaged.
pub(crate) fn records(mut bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
        let digits = bytes[..space].iter().all(u8::is_ascii_digit);
        let length: usize = std::str::from_utf8(&bytes[..space]).ok().filter(|_| digits)?.parse().ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        bytes = &bytes[length..];
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_itself_also_where_it_grows_by_a_digit() {
        for length in 0..1200 {
            let value = "x".repeat(length);
            let record = record("path", &value);
            assert!(record.starts_with(&format!("{} ", record.len())));
            assert_eq!(records(record.as_bytes()).unwrap(), [(b"path".as_slice(), value.as_bytes())]);
        }
    }

    #[test]
    fn what_is_damaged_is_no_record() {
        for damaged in ["8 path=x\n", "1 ", "x path=y\n", "11 path=abc", "6 path\n", "99999999999999999999999 a=b\n"] {
            assert_eq!(records(damaged.as_bytes()), None, "{damaged}");
        }
    }
}
