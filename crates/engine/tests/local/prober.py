"""A server that tells what it can reach from where it is: /connect?HOST=PORT, /abstract?NAME, /file?PATH."""
import http.server
import os
import socket
import sys
import urllib.parse


def reach(family, address):
    with socket.socket(family) as probe:
        probe.settimeout(10)
        try:
            probe.connect(address)
            return probe.recv(64).decode() if family != socket.AF_UNIX else "connected"
        except OSError as error:
            return error.strerror or str(error)


def connect(host, port):
    return reach(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port)))


ANSWERS = {
    "/connect": lambda query: connect(*query.rsplit("=", 1)),
    "/abstract": lambda query: reach(socket.AF_UNIX, "\0" + query),
    "/file": lambda query: reach(socket.AF_UNIX, query),
}


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        answer = ANSWERS.get(path, lambda query: "ok")(urllib.parse.unquote(query))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *arguments):
        pass


port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
http.server.ThreadingHTTPServer(("0.0.0.0", port), Server).serve_forever()
