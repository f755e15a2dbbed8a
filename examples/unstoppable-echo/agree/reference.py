"""What a page must be: written after the standards and not for speed, and sharing no code with any service."""

from typing import NamedTuple

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
HEX_DIGITS = b"0123456789abcdefABCDEF"
REPLACEMENT = "\ufffd"

SECURITY_FIELDS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Expected(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @property
    def fields(self):
        return {"content-type": self.content_type, "content-length": str(len(self.body)), **SECURITY_FIELDS}


def expected_answer(target):
    """The answer to `GET target` for a target that begins with `/` and is short enough."""
    path = target.split(b"?")[0]
    if path == b"/healthz":
        return Expected(200, TEXT, b"ok")
    phrase = escape(utf8_decode(percent_decode(path[1:])))
    page = (
        '<!doctype html>\n<html lang="en">\n'
        '<head><meta charset="utf-8"><title>Unstoppable Echo</title></head>\n'
        f"<body><p>{phrase} right back at ya!</p></body>\n</html>\n"
    )
    return Expected(200, HTML, page.encode())


def percent_decode(data):
    """https://url.spec.whatwg.org/#percent-decode"""
    output = bytearray()
    index = 0
    while index < len(data):
        digits = data[index + 1 : index + 3]
        if data[index] == 0x25 and len(digits) == 2 and all(digit in HEX_DIGITS for digit in digits):
            output.append(int(digits, 16))
            index += 2
        else:
            output.append(data[index])
        index += 1
    return bytes(output)


def utf8_decode(data):
    """https://encoding.spec.whatwg.org/#utf-8-decoder, without removing a byte order mark."""
    output = []
    code_point = seen = needed = 0
    lower, upper = 0x80, 0xBF
    index = 0
    while index < len(data):
        byte = data[index]
        index += 1
        if needed == 0:
            if byte <= 0x7F:
                output.append(chr(byte))
            elif 0xC2 <= byte <= 0xDF:
                needed, code_point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower = 0xA0 if byte == 0xE0 else lower
                upper = 0x9F if byte == 0xED else upper
                needed, code_point = 2, byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                lower = 0x90 if byte == 0xF0 else lower
                upper = 0x8F if byte == 0xF4 else upper
                needed, code_point = 3, byte & 0x7
            else:
                output.append(REPLACEMENT)
        elif not lower <= byte <= upper:
            code_point = seen = needed = 0
            lower, upper = 0x80, 0xBF
            index -= 1  # the byte is read again, as the first of a sequence
            output.append(REPLACEMENT)
        else:
            lower, upper = 0x80, 0xBF
            code_point = code_point << 6 | byte & 0x3F
            seen += 1
            if seen == needed:
                output.append(chr(code_point))
                code_point = seen = needed = 0
    if needed:
        output.append(REPLACEMENT)
    return "".join(output)


def escape(text):
    for character, escaped in [
        ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"), ("\0", REPLACEMENT),
    ]:
        text = text.replace(character, escaped)
    return text
