"""What is answered to what, and how it is written."""

from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from phrase import page, path_of

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

_REFUSALS = {
    400: b"the request is malformed\n",
    414: b"the request target is longer than 32 KiB\n",
    431: b"the request head is too large\n",
}


class Response(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @classmethod
    def to_request(cls, request):
        if request.method not in ("GET", "HEAD"):
            return cls(405, TEXT, b"only GET and HEAD are served here\n")
        if not request.target.startswith(b"/"):
            return cls.to_refusal(400)
        if path_of(request.target) == b"/healthz":
            return cls(200, TEXT, b"ok")
        return cls(200, HTML, page(request.target))

    @classmethod
    def to_refusal(cls, status):
        return cls(status, TEXT, _REFUSALS[status])

    def encode(self, without_body, keep_alive):
        """The bytes to send, in one piece so that they are sent at once."""
        lines = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            f"date: {formatdate(usegmt=True)}",
            f"content-type: {self.content_type}",
            f"content-length: {len(self.body)}",
            "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
            "connection: keep-alive" if keep_alive else "connection: close",
        ]
        if self.status == 405:
            lines.append("allow: GET, HEAD")
        head = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"
        return head if without_body else head + self.body


def _reason(status):
    return "URI Too Long" if status == 414 else HTTPStatus(status).phrase
