"""A server that tells what it was given: /pid, /env, /stdin, /user; /exit ends it, /spawn leaves children behind."""
import http.server
import json
import os
import select
import subprocess
import sys
import threading


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ANSWERS.get(self.path, lambda: "ok")()
        self.send_response(500 if self.path == "/broken" else 200)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *arguments):
        pass


def stdin():
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return "ended" if readable else "silent"


def spawn():
    # One child in the program's own session, one that leaves it.
    here = subprocess.Popen(["sleep", "1000"])
    away = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    return json.dumps([here.pid, away.pid])


def leave():
    threading.Timer(0.01, lambda: os._exit(7)).start()
    return "bye"


ANSWERS = {
    "/pid": lambda: str(os.getpid()),
    "/env": lambda: json.dumps(dict(os.environ)),
    "/stdin": stdin,
    "/user": lambda: json.dumps([os.getuid(), os.getgid(), os.getgroups(), os.getcwd()]),
    "/spawn": spawn,
    "/exit": leave,
}
host = os.environ.get("LISTEN", "127.0.0.1")
print("listening", flush=True)
http.server.ThreadingHTTPServer((host, int(os.environ["PORT"])), Server).serve_forever()
