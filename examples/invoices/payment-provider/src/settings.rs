//! The settings, all from the environment.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

const ANSWER_DELAY_MS_MAX: u64 = 10_000;

pub struct Settings {
    pub host: String,
    pub port: u16,
    pub database_url: String,
    pub log_level: LevelFilter,
    /// For tests: the time between booking a payment and answering, so that a kill can be aimed between them.
    pub answer_delay: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("`{0}` is not set")]
    NotSet(&'static str),
    #[error("`{name}` is not {wanted}: `{value}`")]
    Wrong { name: &'static str, wanted: &'static str, value: String },
}

impl Settings {
    /// Reads `HOST` (127.0.0.1), `PORT`, `DATABASE_URL`, `LOG_LEVEL` (info) and `ANSWER_DELAY_MS` (0).
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".into()),
            port: parsed("PORT", "a port number", variable("PORT").ok_or(SettingsError::NotSet("PORT"))?)?,
            database_url: database_url(&variable)?,
            log_level: log_level(&variable)?,
            answer_delay: answer_delay(variable("ANSWER_DELAY_MS"))?,
        })
    }
}

pub fn database_url(variable: impl Fn(&str) -> Option<String>) -> Result<String, SettingsError> {
    variable("DATABASE_URL").ok_or(SettingsError::NotSet("DATABASE_URL"))
}

pub fn log_level(variable: impl Fn(&str) -> Option<String>) -> Result<LevelFilter, SettingsError> {
    variable("LOG_LEVEL")
        .map_or(Ok(LevelFilter::INFO), |value| parsed("LOG_LEVEL", "one of debug, info, warn and error", value))
}

fn answer_delay(value: Option<String>) -> Result<Duration, SettingsError> {
    let Some(value) = value else { return Ok(Duration::ZERO) };
    let wanted = "a number of milliseconds up to 10000";
    let milliseconds = parsed("ANSWER_DELAY_MS", wanted, value.clone())?;
    if milliseconds > ANSWER_DELAY_MS_MAX {
        return Err(SettingsError::Wrong { name: "ANSWER_DELAY_MS", wanted, value });
    }
    Ok(Duration::from_millis(milliseconds))
}

fn parsed<T: std::str::FromStr>(name: &'static str, wanted: &'static str, value: String) -> Result<T, SettingsError> {
    value.parse().map_err(|_| SettingsError::Wrong { name, wanted, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_may_be_left_out_has_a_default() {
        let settings = read(&[("PORT", "80"), ("DATABASE_URL", "sqlite://x")]).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 80));
        assert_eq!((settings.log_level, settings.answer_delay), (LevelFilter::INFO, Duration::ZERO));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = |pairs: &[(&str, &str)]| read(pairs).err().unwrap();
        assert_eq!(error(&[("DATABASE_URL", "x")]), "`PORT` is not set");
        assert_eq!(error(&[("PORT", "80")]), "`DATABASE_URL` is not set");
        assert_eq!(error(&[("PORT", "x")]), "`PORT` is not a port number: `x`");
        let late = [("PORT", "80"), ("DATABASE_URL", "x"), ("ANSWER_DELAY_MS", "10001")];
        assert!(error(&late).contains("10001"));
    }
}
