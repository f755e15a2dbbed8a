"""The settings, all from the environment."""

from typing import NamedTuple

from log import LEVELS


class SettingsError(Exception):
    """Says which variable is missing or wrong."""


class Settings(NamedTuple):
    host: str
    port: int
    log_level: str

    @classmethod
    def read(cls, environment):
        """Reads `HOST` (127.0.0.1), `PORT` (required) and `LOG_LEVEL` (info)."""
        port = environment.get("PORT")
        if port is None:
            raise SettingsError("`PORT` is not set")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise SettingsError(f"`PORT` is not a port number: `{port}`")
        log_level = environment.get("LOG_LEVEL", "info")
        if log_level not in LEVELS:
            raise SettingsError(f"`LOG_LEVEL` is none of {', '.join(LEVELS)}: `{log_level}`")
        return cls(environment.get("HOST", "127.0.0.1"), int(port), log_level)
