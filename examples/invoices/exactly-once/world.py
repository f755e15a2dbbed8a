"""Instances of the two services as real programs that share their databases and nothing else."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

INVOICES = Path(__file__).resolve().parent.parent
DEADLINE_SECONDS = 30.0
HTTP_TIMEOUT_SECONDS = 40.0


class Instance:
    """One running copy of a service, which can be killed and comes back at the same port."""

    def __init__(self, service, settings, log):
        self._program = INVOICES / service / "target/release" / service
        self.port = free_port()
        self._environment = {"PATH": os.environ["PATH"], "PORT": str(self.port), **settings}
        self._log = log
        self._start()

    def _start(self):
        self._process = subprocess.Popen([self._program], env=self._environment, stdout=self._log, stderr=self._log)

    def wait_until_healthy(self):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.send("GET", "/healthz")[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                if self._process.poll() is not None:
                    raise AssertionError(f"ended with {self._process.returncode}, see {self._log.name}") from None
        raise AssertionError("it never became healthy")

    def send(self, method, path, body=None, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HTTP_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), fields or {})
            response = connection.getresponse()
            content = response.read()
            is_json = response.getheader("content-type") == "application/json"
            return response.status, json.loads(content) if is_json else content
        finally:
            connection.close()

    def kill_and_restart(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._start()

    def stop(self):
        """Asks it to end, and returns its exit code."""
        self._process.terminate()
        return self._process.wait(DEADLINE_SECONDS)

    def destroy(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def migrate(service, settings):
    program = INVOICES / service / "target/release" / service
    environment = {"PATH": os.environ["PATH"], **settings}
    subprocess.run([program, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
