"""A client that sends exactly the bytes that it is given, over one connection after another."""

import socket
from typing import NamedTuple

DEADLINE_SECONDS = 15.0


class Answer(NamedTuple):
    status: int
    fields: dict
    body: bytes


class Client:
    """One connection to 127.0.0.1. Anything that is not an answer in time raises OSError or ValueError."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stream.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def get(self, target, fields=b""):
        self.send(b"GET " + target + b" HTTP/1.1\r\nHost: echo.localhost\r\n" + fields + b"\r\n")
        return self.answer()

    def answer(self, without_body=False):
        version, status, _ = self._line().split(" ", 2)
        if version != "HTTP/1.1":
            raise ValueError(f"not HTTP/1.1: {version}")
        fields = {}
        while line := self._line():
            name, value = line.split(":", 1)
            if name.lower() in fields:
                raise ValueError(f"`{name}` comes twice")
            fields[name.lower()] = value.strip()
        length = int(fields["content-length"])
        body = b"" if without_body else self._stream.read(length)
        if not without_body and len(body) != length:
            raise ValueError(f"{len(body)} bytes of {length}")
        return Answer(int(status), fields, body)

    def ended(self):
        """Whether the other side closes the connection, with nothing more to say."""
        try:
            return self._stream.read(1) == b""
        except ConnectionResetError:
            return True

    def _line(self):
        line = self._stream.readline(64 * 1024)
        if not line.endswith(b"\r\n"):
            raise ValueError(f"no answer, or not all of it: {line!r}")
        return line[:-2].decode("latin-1")
