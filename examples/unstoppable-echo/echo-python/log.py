"""One JSON object per line on standard output."""

import json
import os
import threading
from datetime import datetime, timezone

LEVELS = ("debug", "info", "warn", "error")

# A path is cut to this many bytes in a log line.
PATH_BYTES_MAX = 512


class Log:
    def __init__(self, least_level, descriptor=1):
        self._least = LEVELS.index(least_level)
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def event(self, level, message):
        self._write(level, {"message": message})

    def request(self, method, path, status, duration_seconds, traceparent=None):
        """The line of one answered request; method and path are empty when it could not be read."""
        fields = {
            "message": "request",
            "method": method,
            "path": path[:PATH_BYTES_MAX].decode("utf-8", "replace"),
            "status": status,
            "duration_ms": round(duration_seconds * 1000, 3),
        }
        if traceparent is not None:
            fields["traceparent"] = traceparent
        self._write("info", fields)

    def _write(self, level, fields):
        if LEVELS.index(level) < self._least:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "level": level, **fields}, separators=(",", ":"), ensure_ascii=False)
        rest = line.encode() + b"\n"
        with self._lock:
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                pass  # a reader of the log that went away is no reason to stop serving
