"""One connection: request after request until either side has had enough."""

import socket
import time
from socketserver import StreamRequestHandler

from phrase import path_of
from request import Refused, Request
from response import Response

# Longer than a gateway keeps an idle connection, so that it is the gateway that closes it.
IDLE_SECONDS = 75.0
# For each reading or writing of a request that has begun.
REQUEST_SECONDS = 10.0
LINGER_SECONDS = 1.0
LINGER_BYTES_MAX = 64 * 1024


class Connection(StreamRequestHandler):
    # A small answer must not wait for the acknowledgement of the one before it.
    disable_nagle_algorithm = True

    def handle(self):
        try:
            while self._wait():
                if not self._exchange():
                    self._linger()
                    return
        except OSError:
            pass  # too slow, or gone: there is nobody to answer

    def _wait(self):
        """Waits for the first byte of a request and says whether it came."""
        self.server.rest(self.connection)
        self.connection.settimeout(IDLE_SECONDS)
        begun = bool(self.rfile.peek(1))
        self.server.work(self.connection)
        self.connection.settimeout(REQUEST_SECONDS)
        return begun

    def _exchange(self):
        """One request and its answer. Returns whether another may follow."""
        started = time.monotonic()
        request = None
        try:
            request = Request.read(self.rfile)
            if request is None:
                return False
            response = Response.to_request(request)
        except Refused as refused:
            response = Response.to_refusal(refused.status)
        keep_alive = request is not None and request.keep_alive and not self.server.stopping
        without_body = request is not None and request.method == "HEAD"
        try:
            self.connection.sendall(response.encode(without_body, keep_alive))
        finally:
            self._log(request, response.status, time.monotonic() - started)
        return keep_alive

    def _log(self, request, status, duration_seconds):
        if request is None:
            self.server.log.request("", b"", status, duration_seconds)
        else:
            path = path_of(request.target)
            self.server.log.request(request.method, path, status, duration_seconds, request.traceparent)

    def _linger(self):
        """Lets the client read the answer: closing with unread bytes in the buffer would reset the connection."""
        deadline = time.monotonic() + LINGER_SECONDS
        unread_bytes = 0
        self.connection.shutdown(socket.SHUT_WR)
        while unread_bytes < LINGER_BYTES_MAX and (remaining := deadline - time.monotonic()) > 0:
            self.connection.settimeout(remaining)
            chunk = self.connection.recv(4096)
            if not chunk:
                return
            unread_bytes += len(chunk)
