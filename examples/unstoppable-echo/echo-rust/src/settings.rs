//! The settings, all from the environment.

use crate::log::Level;

#[derive(Debug, PartialEq)]
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub log_level: Level,
}

impl Settings {
    /// Reads `HOST` (127.0.0.1), `PORT` (required) and `LOG_LEVEL` (info).
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let port = variable("PORT").ok_or("`PORT` is not set")?;
        let log_level = variable("LOG_LEVEL").unwrap_or_else(|| "info".into());
        Ok(Self {
            host: variable("HOST").unwrap_or_else(|| "127.0.0.1".into()),
            port: port.parse().map_err(|_| format!("`PORT` is not a port number: `{port}`"))?,
            log_level: Level::named(&log_level)
                .ok_or_else(|| format!("`LOG_LEVEL` is none of debug, info, warn, error: `{log_level}`"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn host_and_level_have_defaults() {
        let expected = Settings { host: "127.0.0.1".into(), port: 80, log_level: Level::Info };
        assert_eq!(read(&[("PORT", "80")]), Ok(expected));
    }

    #[test]
    fn a_missing_or_bad_value_is_named() {
        assert!(read(&[]).unwrap_err().contains("PORT"));
        assert!(read(&[("PORT", "65536")]).unwrap_err().contains("65536"));
        assert!(read(&[("PORT", "80"), ("LOG_LEVEL", "loud")]).unwrap_err().contains("loud"));
    }
}
