"""Echo services that are wrong in one small way each: the test must notice every one of them.

Each is the service in Python with one function replaced.
"""

import html
import os
import posixpath
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "echo-python"))

import phrase  # noqa: E402
import response  # noqa: E402
import uecho  # noqa: E402

honest = response.page


def _page_by(decode):
    """Pages whose phrase is decoded and escaped in another way."""

    def page(target):
        text = decode(phrase.path_of(target)[1:])
        body = f"<body><p>{text} right back at ya!</p></body>".encode("utf-8", "surrogatepass")
        return honest(b"/").replace(b"<body><p> right back at ya!</p></body>", body)

    return page


def _bytes_of(data):
    return urllib.parse.unquote_to_bytes(data)


def _escaped(text):
    return text.translate(phrase._ESCAPES)


LIES = {
    "plus-is-space": _page_by(lambda data: _escaped(_bytes_of(data.replace(b"+", b" ")).decode("utf-8", "replace"))),
    "nul-stays": _page_by(lambda data: _escaped(_bytes_of(data).decode("utf-8", "replace")).replace("\ufffd", "\0")),
    "library-quotes": _page_by(
        lambda data: html.escape(_bytes_of(data).decode("utf-8", "replace")).replace("\0", "\ufffd")
    ),
    "bad-bytes-dropped": _page_by(lambda data: _escaped(_bytes_of(data).decode("utf-8", "ignore"))),
    "surrogates-stay": _page_by(lambda data: _escaped(_bytes_of(data).decode("utf-8", "surrogatepass"))),
    "byte-order-mark-removed": _page_by(lambda data: _escaped(_bytes_of(data).decode("utf-8-sig", "replace"))),
    "decoded-twice": _page_by(lambda data: _escaped(_bytes_of(_bytes_of(data)).decode("utf-8", "replace"))),
    "query-is-phrase": lambda target: honest(target.replace(b"?", b"%3F")),
    "slashes-folded": lambda target: honest(b"/" + target.lstrip(b"/")),
    "path-cleaned": lambda target: honest(posixpath.normpath(target)),
    "fragment-cut": lambda target: honest(target.partition(b"#")[0]),
    "one-character-off": lambda target: honest(target).replace(b"right", b"Right"),
    "long-phrase-cut": lambda target: honest(target[: 8 * 1024]),
}


if __name__ == "__main__":
    response.page = LIES[sys.argv[1]]
    uecho.main(os.environ)
