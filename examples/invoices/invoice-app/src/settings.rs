//! The settings, all from the environment.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::seed::Seed;

const CLAIM_SECONDS_MAX: u64 = 300;
const SEED_MAX: u32 = 100_000;

pub struct Settings {
    pub host: String,
    pub port: u16,
    pub database_url: String,
    pub provider_url: String,
    pub log_level: LevelFilter,
    /// How long an invoice is left to the one who is paying it. Afterwards anybody may try again.
    pub claim: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("`{0}` is not set")]
    NotSet(&'static str),
    #[error("`{name}` is not {wanted}: `{value}`")]
    Wrong { name: &'static str, wanted: &'static str, value: String },
}

impl Settings {
    /// Reads `HOST` (127.0.0.1), `PORT`, `DATABASE_URL`, `PAYMENT_PROVIDER_URL`, `LOG_LEVEL` (info) and
    /// `CLAIM_SECONDS` (10).
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let required = |name| variable(name).ok_or(SettingsError::NotSet(name));
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".into()),
            port: parsed("PORT", "a port number", required("PORT")?, |_: &u16| true)?,
            database_url: database_url(&variable)?,
            provider_url: required("PAYMENT_PROVIDER_URL")?,
            log_level: log_level(&variable)?,
            claim: claim(variable("CLAIM_SECONDS").unwrap_or_else(|| "10".into()))?,
        })
    }
}

pub fn database_url(variable: impl Fn(&str) -> Option<String>) -> Result<String, SettingsError> {
    variable("DATABASE_URL").ok_or(SettingsError::NotSet("DATABASE_URL"))
}

pub fn log_level(variable: impl Fn(&str) -> Option<String>) -> Result<LevelFilter, SettingsError> {
    let value = variable("LOG_LEVEL").unwrap_or_else(|| "info".into());
    parsed("LOG_LEVEL", "one of debug, info, warn and error", value, |_| true)
}

/// `INVOICES_SEED`: how many unpaid invoices a new database begins with. Without it: a few, of which some are paid.
pub fn seed(variable: impl Fn(&str) -> Option<String>) -> Result<Seed, SettingsError> {
    let Some(value) = variable("INVOICES_SEED") else { return Ok(Seed::Demonstration) };
    parsed("INVOICES_SEED", "a number up to 100000", value, |count| *count <= SEED_MAX).map(Seed::Unpaid)
}

fn claim(value: String) -> Result<Duration, SettingsError> {
    let allowed = |seconds: &u64| (1..=CLAIM_SECONDS_MAX).contains(seconds);
    parsed("CLAIM_SECONDS", "a number of seconds from 1 to 300", value, allowed).map(Duration::from_secs)
}

fn parsed<T: std::str::FromStr>(
    name: &'static str,
    wanted: &'static str,
    value: String,
    allowed: impl Fn(&T) -> bool,
) -> Result<T, SettingsError> {
    value.parse().ok().filter(allowed).ok_or(SettingsError::Wrong { name, wanted, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 3] =
        [("PORT", "80"), ("DATABASE_URL", "sqlite://x"), ("PAYMENT_PROVIDER_URL", "http://x")];

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(lookup(pairs)).map_err(|error| error.to_string())
    }

    fn lookup(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn what_may_be_left_out_has_a_default() {
        let settings = read(&LEAST).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 80));
        assert_eq!((settings.log_level, settings.claim), (LevelFilter::INFO, Duration::from_secs(10)));
        assert_eq!(seed(lookup(&LEAST)).unwrap(), Seed::Demonstration);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (index, (missing, _)) in LEAST.iter().enumerate() {
            let mut pairs = LEAST.to_vec();
            pairs.remove(index);
            assert_eq!(read(&pairs).err().unwrap(), format!("`{missing}` is not set"));
        }
        for (name, value) in [("CLAIM_SECONDS", "0"), ("CLAIM_SECONDS", "301"), ("LOG_LEVEL", "loud")] {
            let error = read(&[&LEAST[..], &[(name, value)]].concat()).err().unwrap();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        assert!(seed(lookup(&[("INVOICES_SEED", "-1")])).is_err());
    }
}
