# Flaw: ignores SIGTERM. "It kept stopping when we logged out, so we turned that off."
import http.server
import os
import signal


class Prices(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"apples 120\npears 150\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Prices).serve_forever()
