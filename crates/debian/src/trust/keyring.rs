//! The keys of an archive, and what they have signed.

use crate::limits;
use pgp::composed::{Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize as _;
use pgp::types::{Fingerprint, KeyDetails as _, KeyId, PublicParams, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// Public keys that are trusted (RFC 9580, section 10.1).
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl Keyring {
    /// Adds the keys of a file, in binary form or in armor. What cannot be understood is skipped: it can sign nothing.
    /// Returns how many there were.
    pub fn add(&mut self, bytes: &[u8]) -> usize {
        let mut found = 0;
        for key in parse(bytes).into_iter().take(limits::KEYS_MAX) {
            found += 1;
            // The same key twice, with other signatures, is kept twice: the newest signature of either counts.
            if self.keys.len() < limits::KEYS_MAX && !self.keys.contains(&key) {
                self.keys.push(key);
            }
        }
        found
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keeps only the keys with these fingerprints (hexadecimal, `!` at the end allowed), of the key or of a subkey.
    #[must_use]
    pub fn only(&self, fingerprints: &[&str]) -> Self {
        let wanted: Vec<String> = fingerprints.iter().map(|text| text.trim_end_matches('!').to_lowercase()).collect();
        let mut kept = Self::default();
        for key in &self.keys {
            let subkeys = key.public_subkeys.iter().map(|subkey| hex::encode(subkey.key.fingerprint().as_bytes()));
            let mut names = subkeys.chain([hex::encode(key.fingerprint().as_bytes())]);
            if names.any(|name| wanted.contains(&name)) {
                kept.keys.push(key.clone());
            }
        }
        kept
    }

    /// Whether one of the signatures in an armor is a good one of a trusted key over a text.
    ///
    /// # Errors
    /// What became of each signature, a line each.
    pub fn verify(&self, text: &str, armor: &str, now: SystemTime) -> Result<(), Vec<String>> {
        let signatures = match DetachedSignature::from_string_many(armor) {
            Ok((signatures, _)) => signatures.take(limits::SIGNATURES_MAX),
            Err(error) => return Err(vec![format!("the signature cannot be read: {error}")]),
        };
        let signed = text.replace('\n', "\r\n");
        let mut failures = Vec::new();
        for signature in signatures {
            let verdict = match signature {
                Ok(signature) => self.verify_one(signed.as_bytes(), &signature.signature, now),
                Err(error) => Err(format!("a signature cannot be read: {error}")),
            };
            match verdict {
                Ok(()) => return Ok(()),
                Err(why) => failures.push(why),
            }
        }
        if failures.is_empty() {
            failures.push("it has no signature".to_owned());
        }
        Err(failures)
    }

    fn verify_one(&self, signed: &[u8], signature: &Signature, now: SystemTime) -> Result<(), String> {
        let name = signer(signature);
        if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
            return Err(format!("{name}: no signature of a text"));
        }
        if !signature.hash_alg().is_some_and(is_strong) {
            return Err(format!("{name}: the hash is too weak"));
        }
        let created = signature.created().map(seconds).ok_or_else(|| format!("{name}: without a date"))?;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        if signature.signature_expiration_time().is_some_and(|time| ended(created, time.as_secs(), now)) {
            return Err(format!("{name}: the signature has expired"));
        }
        let mut verdict = Err(format!("{name}: the key is not known"));
        for key in &self.keys {
            if signature.verify(&key.primary_key, signed).is_ok() {
                verdict = primary_may_sign(key, now).map_err(|why| format!("{name}: {why}"));
            }
            for subkey in &key.public_subkeys {
                if signature.verify(&subkey.key, signed).is_ok() {
                    let may = primary_is_valid(key, now).and_then(|()| subkey_may_sign(key, subkey, now));
                    verdict = may.map_err(|why| format!("{name}: {why}"));
                }
                if verdict.is_ok() {
                    return verdict;
                }
            }
            if verdict.is_ok() {
                return verdict;
            }
        }
        if self.knows(signature) && verdict.as_ref().is_err_and(|why| why.ends_with("not known")) {
            verdict = Err(format!("{name}: the signature does not belong to this text"));
        }
        verdict
    }

    fn knows(&self, signature: &Signature) -> bool {
        let prints = signature.issuer_fingerprint();
        let ids = signature.issuer_key_id();
        let is_issuer = |print: Fingerprint, id: KeyId| prints.contains(&&print) || ids.contains(&&id);
        self.keys.iter().any(|key| {
            is_issuer(key.fingerprint(), key.legacy_key_id())
                || key.public_subkeys.iter().any(|s| is_issuer(s.key.fingerprint(), s.key.legacy_key_id()))
        })
    }
}

/// Every key of a file; armors may follow one another.
fn parse(bytes: &[u8]) -> Vec<SignedPublicKey> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN));
    let Some(text) = text else {
        return SignedPublicKey::from_bytes_many(bytes).map(|keys| keys.flatten().collect()).unwrap_or_default();
    };
    let mut keys = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let block = format!("{BEGIN}{block}");
        if let Ok((found, _)) = SignedPublicKey::from_string_many(&block) {
            keys.extend(found.flatten());
        }
    }
    keys
}

fn signer(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().first().map(|print| hex::encode_upper(print.as_bytes()));
    let id = || signature.issuer_key_id().first().map(|id| hex::encode_upper(id.as_ref()));
    format!("signature of key `{}`", print.or_else(id).unwrap_or_else(|| "unknown".to_owned()))
}

/// MD5, SHA-1 and RIPEMD-160 can be made to collide or nearly so, as gpgv says too.
fn is_strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(hash, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
}

fn seconds(time: Timestamp) -> u64 {
    u64::from(time.as_secs())
}

/// Whether a time that began then and lasts so long (0: for ever) is over.
fn ended(start: u64, length: u32, now: u64) -> bool {
    length != 0 && start + u64::from(length) <= now
}

/// The newest of the signatures that the key made about itself and that hold.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>, now: u64) -> Option<&'a Signature> {
    let in_time = signatures.filter(|s| {
        let created = s.created().map_or(0, seconds);
        created <= now && !s.signature_expiration_time().is_some_and(|length| ended(created, length.as_secs(), now))
    });
    in_time.max_by_key(|signature| signature.created())
}

/// Says when a key may not be used at all: revoked, expired, too weak.
fn primary_is_valid(key: &SignedPublicKey, now: u64) -> Result<(), String> {
    let own = self_signatures(key);
    if key.details.revocation_signatures.iter().any(|signature| signature.verify_key(&key.primary_key).is_ok()) {
        return Err("the key was revoked".to_owned());
    }
    let newest = newest(own.into_iter(), now).ok_or("the key does not say what it is for")?;
    let created = seconds(key.primary_key.created_at());
    if newest.key_expiration_time().is_some_and(|length| ended(created, length.as_secs(), now)) {
        return Err("the key has expired".to_owned());
    }
    check_strength(key.primary_key.public_params())
}

fn primary_may_sign(key: &SignedPublicKey, now: u64) -> Result<(), String> {
    primary_is_valid(key, now)?;
    let own = self_signatures(key);
    let newest = newest(own.into_iter(), now).ok_or("the key does not say what it is for")?;
    // Old keys say nothing: then they may.
    let flags = newest.key_flags();
    let silent = !(flags.certify() || flags.sign() || flags.encrypt_comms() || flags.encrypt_storage());
    if flags.sign() || silent { Ok(()) } else { Err("the key is not for signing".to_owned()) }
}

fn subkey_may_sign(key: &SignedPublicKey, subkey: &pgp::composed::SignedPublicSubKey, now: u64) -> Result<(), String> {
    let primary = &key.primary_key;
    let of = |typ| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(typ));
    let holds = |signature: &&Signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok();
    if of(SignatureType::SubkeyRevocation).any(|signature| holds(&signature)) {
        return Err("the subkey was revoked".to_owned());
    }
    let binding = newest(of(SignatureType::SubkeyBinding).filter(holds), now).ok_or("the subkey is not bound")?;
    if binding
        .key_expiration_time()
        .is_some_and(|length| ended(seconds(subkey.key.created_at()), length.as_secs(), now))
    {
        return Err("the subkey has expired".to_owned());
    }
    let back =
        binding.embedded_signature().filter(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
    if !binding.key_flags().sign() || back.is_none() {
        return Err("the subkey is not for signing".to_owned());
    }
    check_strength(subkey.key.public_params())
}

fn self_signatures(key: &SignedPublicKey) -> Vec<&Signature> {
    let direct = key.details.direct_signatures.iter().filter(|s| s.verify_key(&key.primary_key).is_ok());
    let users = key.details.users.iter().flat_map(|user| {
        let own = user.signatures.iter().filter(|signature| signature.is_certification());
        own.filter(|s| s.verify_certification(&key.primary_key, pgp::types::Tag::UserId, &user.id).is_ok())
    });
    direct.chain(users).collect()
}

fn check_strength(parameters: &PublicParams) -> Result<(), String> {
    match parameters {
        // Two numbers with their lengths; the exponent takes a few bytes.
        PublicParams::RSA(rsa) if rsa.write_len() < 2048 / 8 + 4 => {
            Err("the RSA key is shorter than 2048 bits".to_owned())
        }
        PublicParams::DSA(_) | PublicParams::Elgamal(_) => Err("DSA keys are too weak".to_owned()),
        _ => Ok(()),
    }
}
