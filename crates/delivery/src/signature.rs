//! Signatures of what comes in and goes out: HMAC-SHA-256 over the body (RFC 2104).

use hmac::{Hmac, Mac as _};
use seaworthy_diagnostics::Masked;
use sha2::Sha256;

/// The header of GitHub, Gitea and Forgejo: `sha256=` and 64 hexadecimal digits.
pub const GITHUB_HEADER: &str = "x-hub-signature-256";
/// The same of any other sender, and of what a node sends.
pub const OWN_HEADER: &str = "x-seaworthy-signature-256";

/// GitLab's, which signs nothing: it holds the secret itself.
pub const GITLAB_HEADER: &str = "x-gitlab-token";
/// A secret that is nearly empty protects nothing.
const SECRET_BYTES_MIN: usize = 16;

/// The signature of a body.
#[must_use]
pub fn sign(secret: &Masked<String>, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac(secret, body).finalize().into_bytes()))
}

/// Whether this is the signature of a body; takes a time that does not depend on where it is wrong.
#[must_use]
pub fn is_right(secret: &Masked<String>, body: &[u8], signature: &[u8]) -> bool {
    if secret.reveal().len() < SECRET_BYTES_MIN {
        return false;
    }
    let Some(digits) = signature.strip_prefix(b"sha256=") else { return false };
    let Ok(said) = hex::decode(digits) else { return false };
    mac(secret, body).verify_slice(&said).is_ok()
}

/// Whether this is the secret; takes a time that does not depend on where it is wrong, nor on how long the secret is.
#[must_use]
pub fn is_secret(secret: &Masked<String>, said: &[u8]) -> bool {
    if secret.reveal().len() < SECRET_BYTES_MIN {
        return false;
    }
    // Their codes are compared: these have one length, and say nothing of where the texts differ.
    mac(secret, said).verify_slice(&mac(secret, secret.reveal().as_bytes()).finalize().into_bytes()).is_ok()
}

fn mac(secret: &Masked<String>, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_githubs() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        let secret = Masked::new("It's a Secret to Everybody".to_owned());
        let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(sign(&secret, b"Hello, World!"), expected);
        assert!(is_right(&secret, b"Hello, World!", expected.as_bytes()));
    }

    #[test]
    fn a_short_secret_is_none() {
        let short = Masked::new("0123456789abcde".to_owned());
        assert!(!is_secret(&short, short.reveal().as_bytes()));
        assert!(!is_right(&short, b"x", sign(&short, b"x").as_bytes()));
    }

    proptest! {
        #[test]
        fn nothing_but_the_secret_is_the_secret(other: Vec<u8>, place in 0_usize..20) {
            let secret = Masked::new("0123456789abcdef0123".to_owned());
            let text = secret.reveal().as_bytes();
            prop_assert!(is_secret(&secret, text));
            prop_assert!(other == text || !is_secret(&secret, &other));
            let mut changed = text.to_vec();
            changed[place] ^= 1;
            prop_assert!(!is_secret(&secret, &changed));
            prop_assert!(!is_secret(&secret, &text[..place]));
            prop_assert!(!is_secret(&secret, &[text, &other, b"x"].concat()));
        }

        #[test]
        fn nothing_else_is_right(body: Vec<u8>, other: Vec<u8>, place in 0_usize..71) {
            let secret = Masked::new("0123456789abcdef0123".to_owned());
            let signature = sign(&secret, &body);
            prop_assert!(is_right(&secret, &body, signature.as_bytes()));
            prop_assert!(body == other || !is_right(&secret, &other, signature.as_bytes()));
            prop_assert!(!is_right(&secret, &body, &other));
            let mut changed = signature.clone().into_bytes();
            changed[place] ^= 1;
            prop_assert!(!is_right(&secret, &body, &changed));
            prop_assert!(!is_right(&secret, &body, &signature.as_bytes()[..place]));
            prop_assert!(!is_right(&Masked::new("0123456789abcdef0124".to_owned()), &body, signature.as_bytes()));
        }
    }
}
