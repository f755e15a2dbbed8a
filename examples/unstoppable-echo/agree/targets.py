"""Request targets to try: some that are known to divide HTTP libraries, and random ones made of such parts."""

# One by one, before any random one. `hi!` is the phrase that every page of this project promises.
KNOWN = [
    b"/hi!", b"/", b"//", b"///", b"/.", b"/..", b"/../..", b"/./a//b/../c", b"//evil.example/%2e%2e", b"/%2F%2f",
    b"/?", b"/??", b"/?a=b", b"/a?b?c", b"/a%3Fb", b"/#", b"/a#b?c#d", b"/a%23b", b"/a;b=c", b"/\\..\\", b"/*",
    b"/+", b"/a+b", b"/%2B", b"/%20", b"/%", b"/%%", b"/%%%", b"/%4", b"/%4g", b"/%g4", b"/%u0041", b"/%25%34%31",
    b"/%2541", b"/%%341", b"/<script>alert(1)</script>", b"/%3Cscript%3Ealert(%22%27%22)%3C/script%3E", b"/&amp;",
    b"/&#0;&nbsp", b'/"\'`', b"/{}|^~[]", b"/${7*7}{{7*7}}<%=7*7%>", b"/%s%n%d{0}\\1$1$&", b"/%00", b"/a%00b%00",
    b"/%01%08%09%0A%0B%0C%0D%1B%7F", b"/%0D%0AX-Injected:%20yes", b"/%C2%80%C2%85%C2%A0%E2%80%A8%E2%80%A9",
    b"/%EF%BB%BFbom", b"/a%EF%BB%BF", b"/%FE%FF", b"/%FF%FE", b"/%EF%BF%BD", b"/%EF%BF%BE%EF%BF%BF",
    b"/%F4%8F%BF%BF", b"/%80", b"/%BF%BF", b"/%C0%80", b"/%C1%BF", b"/%C2", b"/%C2%41", b"/%E0%80%80", b"/%E0%9F%BF",
    b"/%E0%A0", b"/%E2%82", b"/%E2%82%41", b"/%E2%82%E2%82%AC", b"/%ED%9F%BF", b"/%ED%A0%80", b"/%ED%A0%BD%ED%B8%80",
    b"/%ED%BF%BF", b"/%F0%80%80%80", b"/%F0%8F%BF%BF", b"/%F0%9F",
    b"/%F0%9F%98", b"/%F0%9F%98%80", b"/%F0%9F%98%41", b"/%F4%90%80%80",
    b"/%F5%80%80%80", b"/%F8%88%80%80%80", b"/%FC%84%80%80%80%80", b"/%F1%80%80%E1%80%C2%62%80%63%80%BF%64",
    b"/%e2%82%ac%E2%82%aC", b"/healthz", b"/healthz?a", b"/healthz/", b"//healthz", b"/%68ealthz", b"/Healthz",
    b"/healthz#", b"/http://x/y", b"/favicon.ico",
    b"/" + b"%41" * 8192, b"/" + b"%F0%9F%98%80" * 2048, b"/" + b"%FF" * 8192,
    b"/" + b"&" * 8192, b"/" + b"%" * 8192, b"/a?" + b"b" * 30000, b"/" + b"a" * (32 * 1024 - 1),
]

_VISIBLE = bytes(range(0x21, 0x7F))


def _encoded(data, rng):
    return b"".join((b"%%%02X" if rng.random() < 0.5 else b"%%%02x") % byte for byte in data)


def _character(rng):
    """Any code point, surrogates included, as UTF-8 would have it."""
    limit = rng.choice([0x80, 0x800, 0x3000, 0x10000, 0x110000])
    return chr(rng.randrange(limit)).encode("utf-8", "surrogatepass")


def _broken_character(rng):
    """A character that lost its end or its beginning, or has a byte changed."""
    data = bytearray(chr(rng.randrange(0x80, 0x110000)).encode("utf-8", "surrogatepass"))
    damage = rng.randrange(3)
    if damage == 0:
        return bytes(data[: rng.randrange(1, len(data))])
    if damage == 1:
        return bytes(data[rng.randrange(1, len(data)) :])
    data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _overlong(rng):
    point = rng.randrange(0x800)
    if rng.random() < 0.5:
        return bytes([0xE0, 0x80 | point >> 6, 0x80 | point & 0x3F])
    return bytes([0xF0, 0x80, 0x80 | point >> 6, 0x80 | point & 0x3F])


def _part(rng):
    kind = rng.randrange(10)
    if kind == 0:
        return bytes(rng.choices(_VISIBLE, k=rng.randrange(1, 8)))
    if kind == 1:
        return rng.choice(KNOWN[:-7])[1:]
    if kind == 2:
        return rng.choice([b"%", b"+", b"/", b"..", b"?", b"#", b"&", b"<", b">", b'"', b"'", b"%0", b"%G0", b"%%"])
    if kind == 3:
        return _encoded(_broken_character(rng), rng)
    if kind == 4:
        return _encoded(_overlong(rng), rng)
    if kind == 5:
        return _encoded(rng.randbytes(rng.randrange(1, 6)), rng)
    if kind == 6:
        return _encoded(_character(rng) + _broken_character(rng), rng)
    return _encoded(_character(rng), rng)


def random_target(rng):
    parts = rng.randrange(12) if rng.random() < 0.97 else rng.randrange(500, 1500)
    phrase = b"".join(_part(rng) for _ in range(parts))
    return b"/" + phrase[: 32 * 1024 - 1]


def shorter(target):
    """Simpler targets to try instead of one that failed: larger cuts first."""
    size = len(target) // 2
    while size:
        for start in range(1, len(target), size):
            yield target[:start] + target[start + size :]
        size //= 2
