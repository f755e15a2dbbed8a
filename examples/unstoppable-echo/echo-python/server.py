"""Accepts connections, a thread for each, and stops without cutting off a request."""

import socket
import socketserver
import threading

from connection import Connection

# A connection beyond these is closed at once.
CONNECTIONS_MAX = 1024


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, log):
        self.log = log
        self._changed = threading.Condition()
        self._stopping = False
        self._resting = {}  # by socket: True while it waits for a request that has not begun
        super().__init__(address, Connection)

    @property
    def stopping(self):
        with self._changed:
            return self._stopping

    def process_request(self, request, client_address):
        with self._changed:
            refused = self._stopping or len(self._resting) >= CONNECTIONS_MAX
            if not refused:
                self._resting[request] = False
        if refused:
            request.close()
        else:
            super().process_request(request, client_address)

    def close_request(self, request):
        super().close_request(request)
        with self._changed:
            self._resting.pop(request, None)
            self._changed.notify_all()

    def handle_error(self, request, client_address):
        """Errors of the connection itself concern nobody but the client."""

    def rest(self, connection):
        """Marks a connection as between requests: from here on, a stopping service ends it."""
        with self._changed:
            self._resting[connection] = True
            if self._stopping:
                _end_input(connection)

    def work(self, connection):
        """Marks that a request has begun: it will be answered."""
        with self._changed:
            self._resting[connection] = False

    def stop(self, grace_seconds):
        """Stops accepting, closes what is idle, waits for the rest, and returns how many connections did not end."""
        with self._changed:
            self._stopping = True
            for connection, resting in self._resting.items():
                if resting:
                    _end_input(connection)
        self.shutdown()
        self.server_close()
        with self._changed:
            self._changed.wait_for(lambda: not self._resting, grace_seconds)
            return len(self._resting)


def _end_input(connection):
    """What the kernel already holds can still be read, and is served; then comes the end."""
    try:
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # it has just ended by itself
