"""From a request's target to the page that it asks for. Targets are bytes: that is what was sent."""

import re

# The longest request target: a phrase of 8 KiB fits even when every byte of it is percent-encoded.
TARGET_BYTES_MAX = 32 * 1024

_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Unstoppable Echo</title></head>
<body><p>{} right back at ya!</p></body>
</html>
"""

_ENCODED_BYTE = re.compile(rb"%([0-9A-Fa-f]{2})")

# HTML has no NUL, not even as a reference. (`html.escape` writes `'` in another way than the other four services.)
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\0": "\ufffd"})


def path_of(target):
    """Everything before the first `?`."""
    return target.partition(b"?")[0]


def page(target):
    """The page for a target that begins with `/`. The phrase is the path after that first `/`."""
    # Python's decoder writes one U+FFFD per maximal subpart, as the WHATWG decoder does.
    phrase = _percent_decoded(path_of(target)[1:]).decode("utf-8", "replace")
    return _PAGE.format(phrase.translate(_ESCAPES)).encode()


def _percent_decoded(text):
    """Replaces `%` and two hexadecimal digits by their byte. Any other `%` stays, and so does `+`: this is a path."""
    return _ENCODED_BYTE.sub(lambda match: bytes([int(match[1], 16)]), text)
