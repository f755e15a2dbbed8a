"""One request's head: what it asks for, or why it is refused."""

import re
from http.client import HTTPException, parse_headers
from typing import NamedTuple, Optional

from phrase import TARGET_BYTES_MAX

# Room for a method and a version around the longest target.
_LINE_BYTES_MAX = TARGET_BYTES_MAX + 64

# The target may hold any visible ASCII character (RFC 3986 allows fewer).
_REQUEST_LINE = re.compile(rb"([A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class Refused(Exception):
    """The request is not even considered; `status` says why."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Request(NamedTuple):
    method: str
    target: bytes
    keep_alive: bool
    traceparent: Optional[str]

    @classmethod
    def read(cls, stream):
        """Reads a head, or returns None when the client went away in the middle of the first line.

        The line is read here and not by `http.server`, which folds a leading `//` and says less of what it refuses: the
        phrase is wanted as it was sent. The fields are read by the library.
        """
        line = stream.readline(_LINE_BYTES_MAX)
        if not line.endswith(b"\n"):
            if len(line) < _LINE_BYTES_MAX:
                return None
            raise Refused(414)
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise Refused(400)
        if len(match[2]) > TARGET_BYTES_MAX:
            raise Refused(414)
        try:
            fields = parse_headers(stream)
        except HTTPException as error:  # a field too long, or too many of them
            raise Refused(431) from error
        # RFC 9112, section 3.2: HTTP/1.1 wants exactly one Host.
        http_1_1, hosts = match[3] == b"1", len(fields.get_all("host", []))
        if hosts > 1 or (http_1_1 and hosts == 0):
            raise Refused(400)
        return cls(match[1].decode(), match[2], http_1_1 and _may_continue(fields), _traceparent(fields))


def _may_continue(fields):
    """Whether another request may follow. Nothing here reads bodies, so one with a body is the last."""
    tokens = ",".join(fields.get_all("connection", [])).lower().split(",")
    has_body = "transfer-encoding" in fields or fields.get("content-length", "0") != "0"
    return not has_body and "close" not in (token.strip() for token in tokens)


def _traceparent(fields):
    """A W3C trace context that is well formed; anything else has no place in a log."""
    value = fields.get("traceparent", "")
    return value if _TRACEPARENT.fullmatch(value) else None
