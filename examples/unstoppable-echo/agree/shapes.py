"""Requests beside the plain GET: methods, versions, limits, and what is no HTTP at all."""

from typing import NamedTuple

from client import Client
from reference import SECURITY_FIELDS, TEXT, expected_answer

HOST = b"Host: echo.localhost\r\n"
LIMIT = 32 * 1024


class Shape(NamedTuple):
    name: str
    request: bytes
    statuses: tuple
    closes: bool = False


def _get(target, fields=HOST, version=b"HTTP/1.1"):
    return b"GET " + target + b" " + version + b"\r\n" + fields + b"\r\n"


def _with_method(method, target=b"/hi!"):
    return method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"


SHAPES = [
    Shape("HTTP/1.0", _get(b"/hi!", b"", b"HTTP/1.0"), (200,), closes=True),
    Shape("the client closes", _get(b"/hi!", HOST + b"Connection: close\r\n"), (200,), closes=True),
    Shape("a name in lower case", _get(b"/hi!", b"host:x\r\n"), (200,)),
    Shape("POST", _with_method(b"POST"), (405,)),
    Shape("PUT", _with_method(b"PUT"), (405,)),
    Shape("DELETE", _with_method(b"DELETE"), (405,)),
    Shape("OPTIONS *", _with_method(b"OPTIONS", b"*"), (405,)),
    Shape("POST to the health page", _with_method(b"POST", b"/healthz"), (405,)),
    Shape("a whole address as the target", _get(b"http://echo.localhost/hi!"), (400,)),
    Shape("no Host", _get(b"/hi!", b""), (400,)),
    Shape("two Hosts", _get(b"/hi!", HOST + HOST), (400,)),
    Shape("a blank in the target", _get(b"/h i!"), (400,)),
    Shape("a tab in the target", _get(b"/h\ti!"), (400,)),
    Shape("a control byte in the target", _get(b"/h\x01i!"), (400,)),
    Shape("a NUL in the target", _get(b"/h\x00i!"), (400,)),
    Shape("a DEL in the target", _get(b"/h\x7fi!"), (400,)),
    Shape("a letter that is not encoded", _get("/grüezi".encode()), (400,)),
    Shape("a byte that is not UTF-8", _get(b"/\xa0\xff"), (400,)),
    Shape("no version", b"GET /hi!\r\n" + HOST + b"\r\n", (400,)),
    Shape("a blank before the colon", _get(b"/hi!", b"Host : x\r\n"), (400,)),
    Shape("the longest target", _get(b"/" + b"a" * (LIMIT - 1)), (200,)),
    Shape("one byte too long", _get(b"/" + b"a" * LIMIT), (414,)),
    Shape("a long query counts", _get(b"/hi!?" + b"a" * LIMIT), (414,)),
    Shape("far too long", _get(b"/" + b"a" * 60_000), (414,)),
    # Past 64 KiB a library may have stopped reading before it knows what is too long.
    Shape("beyond any buffer", _get(b"/" + b"a" * 100_000), (414, 431), closes=True),
    Shape("too many bytes of fields", _get(b"/hi!", HOST + b"X: " + b"a" * 100_000 + b"\r\n"), (431,), closes=True),
]


def check(service):
    """Tries every shape, and returns what went wrong as a list of sentences."""
    wrong = []
    for shape in SHAPES:
        try:
            with Client(service.port) as client:
                client.send(shape.request)
                wrong += [f"{service.name}: {shape.name}: {problem}" for problem in _problems(client, shape)]
        except (OSError, ValueError, KeyError) as error:
            wrong.append(f"{service.name}: {shape.name}: {error!r}")
    for sequence in (_head_then_get, _pipelined, _byte_by_byte):
        try:
            with Client(service.port) as client:
                sequence(client)
        except (AssertionError, OSError, ValueError, KeyError) as error:
            wrong.append(f"{service.name}: {sequence.__name__.strip('_')}: {error!r}")
    return wrong


def _problems(client, shape):
    answer = client.answer()
    if answer.status not in shape.statuses:
        yield f"status {answer.status}, not {shape.statuses}"
    if answer.status != 200 and answer.fields["content-type"] != TEXT:
        yield f"content-type {answer.fields['content-type']}"
    if answer.status == 405 and answer.fields.get("allow") != "GET, HEAD":
        yield f"allow {answer.fields.get('allow')}"
    for name, value in SECURITY_FIELDS.items():
        if answer.fields.get(name) != value:
            yield f"{name} {answer.fields.get(name)}"
    if shape.closes and not (answer.fields["connection"] == "close" and client.ended()):
        yield "the connection stays open"


def _head_then_get(client):
    """HEAD has the fields of GET and no body, and the connection goes on."""
    client.send(b"HEAD /hi! HTTP/1.1\r\n" + HOST + b"\r\n")
    head, get = client.answer(without_body=True), client.get(b"/hi!")
    drop_date = lambda answer: {name: value for name, value in answer.fields.items() if name != "date"}  # noqa: E731
    assert drop_date(head) == drop_date(get), (head, get)


def _pipelined(client):
    client.send(_get(b"/1") + _get(b"/2") + _get(b"/3"))
    for target in (b"/1", b"/2", b"/3"):
        assert client.answer().body == expected_answer(target).body, target


def _byte_by_byte(client):
    for byte in _get(b"/slow"):
        client.send(bytes([byte]))
    assert client.answer().body == expected_answer(b"/slow").body
