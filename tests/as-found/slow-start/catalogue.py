# Flaw: takes its time to start, and nothing answers until it is done.
import http.server
import os
import time

time.sleep(2.5)  # "loading the catalogue"


class Catalogue(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"apples\npears\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Catalogue).serve_forever()
