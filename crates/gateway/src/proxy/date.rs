//! The `Date` of answers that come without one (RFC 9110 section 6.6.1).

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
const LENGTH: usize = 29;

thread_local! {
    static LAST: RefCell<Option<(Instant, [u8; LENGTH])>> = const { RefCell::new(None) };
}

/// The current date. Written at most four times a second in each thread, so at most a quarter of a second late.
pub(super) fn now() -> [u8; LENGTH] {
    LAST.with_borrow_mut(|last| match last {
        Some((since, text)) if since.elapsed() < Duration::from_millis(250) => *text,
        _ => {
            let text = format(seaworthy_host::clock::now());
            *last = Some((Instant::now(), text));
            text
        }
    })
}

fn format(time: std::time::SystemTime) -> [u8; LENGTH] {
    let mut text = [b' '; LENGTH];
    let written = httpdate::fmt_http_date(time);
    if written.len() == LENGTH {
        text.copy_from_slice(written.as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn is_an_imf_fixdate() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(&super::format(time), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(super::now().ends_with(b" GMT"));
    }
}
