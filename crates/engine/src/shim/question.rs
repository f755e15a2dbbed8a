//! A question of a program's resolver and the answer to it, without IO (RFC 1035 section 4). Nothing is asked of
//! anybody: what is not in the list of names does not exist.

use std::net::Ipv4Addr;

/// The longest question that is read; resolvers ask in far less.
pub(super) const BYTES_MAX: usize = 512;

const HEAD_BYTES: usize = 12;
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 253;
const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question<'a> {
    /// Head and question, without what else came with them.
    bytes: &'a [u8],
    /// In lower case, without the dot at the end.
    pub(super) name: String,
    kind: u16,
}

impl<'a> Question<'a> {
    /// `None`: it is no question, or not one, or not of the internet.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        // No response, an ordinary query, one question.
        if bytes.get(2)? & 0xf8 != 0 || number(bytes, 4)? != 1 {
            return None;
        }
        let (mut at, mut labels) = (HEAD_BYTES, Vec::new());
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            if length > LABEL_BYTES_MAX {
                return None;
            }
            labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_lowercase());
            at += length;
        }
        let (name, kind, class) = (labels.join("."), number(bytes, at)?, number(bytes, at + 2)?);
        let is_sound = class == INTERNET && name.len() <= NAME_BYTES_MAX;
        is_sound.then(|| Self { bytes: &bytes[..at + 4], name, kind })
    }

    /// Whether an address was asked for, of a name that a host can have: what has no other characters needs no care
    /// wherever it is shown.
    pub(super) fn is_for_a_host(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_host = !self.name.is_empty() && self.name.bytes().all(is_plain);
        matches!(self.kind, A | AAAA) && is_host
    }

    /// That there is no such name, or for a name that there is, its address if it was asked for that.
    pub(super) fn answer(&self, known: Option<Option<Ipv4Addr>>) -> Vec<u8> {
        let address = known.flatten().filter(|_| self.kind == A);
        let code = if known.is_some() { NO_ERROR } else { NO_SUCH_NAME };
        let mut answer = self.bytes.to_vec();
        // A response of who is asked for the whole answer, who says it for good.
        answer[2] = 0x84 | (self.bytes[2] & 0x01);
        answer[3] = 0x80 | code;
        answer[6..HEAD_BYTES].copy_from_slice(&[0, u8::from(address.is_some()), 0, 0, 0, 0]);
        if let Some(address) = address {
            // The name of the question, A, IN, to be kept for no time.
            answer.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend_from_slice(&address.octets());
        }
        answer
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As glibc asks, with an additional record.
    fn asked(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.').filter(|label| !label.is_empty()) {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 1, 0, 0, 41, 4, 0xb0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_name_that_is_not_known_does_not_exist() {
        let bytes = asked("Payment-Provider", A);
        let question = Question::parse(&bytes).unwrap();
        assert_eq!((question.name.as_str(), question.is_for_a_host()), ("payment-provider", true));
        let answer = question.answer(None);
        assert_eq!(answer[..HEAD_BYTES], [0xab, 0xcd, 0x85, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer.len(), HEAD_BYTES + 18 + 4, "the question comes back, and nothing with it");
    }

    #[test]
    fn a_name_that_is_known_has_its_address_and_nothing_else() {
        let address = Ipv4Addr::new(127, 1, 0, 1);
        let bytes = asked("pay", A);
        let answer = Question::parse(&bytes).unwrap().answer(Some(Some(address)));
        assert_eq!((answer[3], answer[7], &answer[answer.len() - 4..]), (0x80, 1, &address.octets()[..]));
        let bytes = asked("pay", AAAA);
        let answer = Question::parse(&bytes).unwrap().answer(Some(Some(address)));
        assert_eq!((answer[3], answer[7]), (0x80, 0));
    }

    #[test]
    fn what_is_no_host_is_not_shown_to_anybody() {
        let is_for_a_host = |name: &str, kind| Question::parse(&asked(name, kind)).unwrap().is_for_a_host();
        assert!(is_for_a_host("payment_provider.internal", AAAA));
        assert!(!is_for_a_host("pay\u{1b}[2J", A) && !is_for_a_host("", A) && !is_for_a_host("_x._tcp.pay", 33));
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let whole = asked("pay", A);
        assert!((0..HEAD_BYTES + 9).all(|length| Question::parse(&whole[..length]).is_none()));
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            Question::parse(&bytes).is_none()
        };
        // A response; another operation; two questions; a pointer in place of a name; another class.
        assert!(changed(2, 0x80) && changed(2, 0x28) && changed(5, 2) && changed(HEAD_BYTES, 0xc0) && changed(20, 3));
    }

    proptest! {
        #[test]
        fn no_answer_is_longer_than_its_question_and_an_address(
            bytes in prop::collection::vec(any::<u8>(), 0..BYTES_MAX),
        ) {
            if let Some(question) = Question::parse(&bytes) {
                prop_assert!(question.answer(Some(Some(Ipv4Addr::LOCALHOST))).len() <= bytes.len() + 16);
            }
        }
    }
}
