"""The life of a service: what it logs, how quickly it answers, how it ends, and what it refuses to start with."""

import os
import re
import subprocess
import time

from client import Client
from service import COMMANDS, DEADLINE_SECONDS, HERE

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# An answer that waits for a delayed acknowledgement takes 40 ms, each time.
QUICK_SECONDS = 0.02
# The services allow 5 seconds for what is under way.
STOP_SECONDS = 8.0


def check_log(service):
    with Client(service.port) as client:
        client.get(b'/log"%C3%BC?secret', f"traceparent: {TRACEPARENT}\r\n".encode())
        client.get(b"/log-2", b"traceparent: <b>\r\n")
    line = service.log_line(lambda line: line.get("path", "").startswith("/log"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time")), line
    assert line.pop("duration_ms") >= 0, line
    expected = {
        "level": "info", "message": "request", "method": "GET", "path": '/log"%C3%BC', "status": 200,
        "traceparent": TRACEPARENT,
    }  # fmt: skip
    assert line == expected, line
    line = service.log_line(lambda line: line.get("path", "").startswith("/log"))
    assert "traceparent" not in line, line


def check_quickness(service):
    with Client(service.port) as client:
        durations = []
        for _ in range(50):
            started = time.monotonic()
            client.get(b"/quick")
            durations.append(time.monotonic() - started)
    assert min(durations) < QUICK_SECONDS, durations


def check_stop(service):
    """Idle connections end, what has begun is finished, new ones are refused, and the exit code is 0."""
    idle, fresh, begun = Client(service.port), Client(service.port), Client(service.port)
    idle.get(b"/idle")
    begun.get(b"/before")
    begun.send(b"GET /in-flight HTT")
    _wait_until_read(service)
    service.terminate()
    assert idle.ended(), "an idle connection stays open"
    assert fresh.ended(), "a connection without a request stays open"
    _wait_until_refused(service.port)
    begun.send(b"P/1.1\r\nHost: echo.localhost\r\n\r\n")
    answer = begun.answer()
    assert answer.status == 200 and b"in-flight right back" in answer.body, answer
    assert answer.fields["connection"] == "close" and begun.ended(), answer
    assert service.exit_code(STOP_SECONDS) == 0
    for client in (idle, fresh, begun):
        client.close()


def check_stop_with_a_stuck_client(service):
    """A request that never ends does not keep the service from ending."""
    with Client(service.port) as stuck:
        stuck.send(b"GET /never-ends")
        _wait_until_read(service)
        service.terminate()
        assert service.exit_code(STOP_SECONDS) == 0


def check_settings(name):
    """Without its port, or with one that is none, a service says so and exits at once."""
    program, *arguments = COMMANDS[name]
    folder = HERE.parent / name
    program = str(folder / program) if "/" in program else program
    for settings in ({}, {"PORT": "http"}, {"PORT": "0", "LOG_LEVEL": "loud"}):
        ended = subprocess.run(
            [program, *arguments], cwd=folder, env={"PATH": os.environ["PATH"], **settings},
            capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
        )  # fmt: skip
        named = "LOG_LEVEL" if "LOG_LEVEL" in settings else "PORT"
        assert ended.returncode == 1 and named in ended.stderr, (settings, ended)


def _wait_until_read(service):
    """Bytes sent earlier on other connections have been read once later ones were answered."""
    for _ in range(3):
        with Client(service.port) as client:
            client.get(b"/later")


def _wait_until_refused(port):
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            with Client(port) as client:
                client.ended()
        except ConnectionRefusedError:
            return
        except OSError:
            pass
    raise AssertionError("new connections are still accepted")
