"""Shows that each program has the flaw that it stands for, and serves nevertheless."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
import tomllib
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICES = tomllib.loads((HERE / "seaworthy.toml").read_text())["services"]
DEADLINE_SECONDS = 20.0


class Program:
    """One of the programs, in a folder of its own, with as little around it as an instance has."""

    def __init__(self, stack, name):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.port = SERVICES[name].get("port") or free_port()
        interpreter, file = SERVICES[name]["run"]
        (self.folder / file).write_bytes((HERE / name / file).read_bytes())
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [interpreter, file], cwd=self.folder, start_new_session=True,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PORT": str(self.port), "HOST": "127.0.0.1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(self._end)
        wait_until(lambda: accepts("127.0.0.1", self.port))

    def _end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def get(self, target):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode(), response.version


class FlawsTest(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def run_program(self, name):
        return Program(self.stack, name)

    def test_fixed_port(self):
        program = self.run_program("fixed-port")
        self.assertEqual(program.port, 18101)
        self.assertIn("apples", program.get("/")[1])
        # Anything in 127/8 reaches a program that listens everywhere; this one does not.
        self.assertFalse(accepts("127.0.0.2", program.port))

    def test_no_health_page(self):
        program = self.run_program("no-health-page")
        self.assertEqual(program.get("/hours")[0], 200)
        for page in ("/healthz", "/health", "/"):
            self.assertEqual(program.get(page)[0], 404)

    def test_ignores_sigterm(self):
        program = self.run_program("ignores-sigterm")
        program.process.terminate()
        with self.assertRaises(subprocess.TimeoutExpired):
            program.process.wait(1)
        self.assertEqual(program.get("/")[0], 200)

    def test_ends_with_stdin(self):
        program = self.run_program("ends-with-stdin")
        self.assertEqual(program.get("/")[1], "42\n")
        program.process.stdin.close()
        self.assertEqual(program.process.wait(DEADLINE_SECONDS), 0)

    def test_closes_connections(self):
        status, body, version = self.run_program("closes-connections").get("/")
        self.assertEqual((status, body, version), (200, "per aspera ad acta\n", 10))

    def test_calls_by_number(self):
        shop = self.run_program("calls-by-number")
        self.assertEqual(shop.get("/")[0], 502)
        self.run_program("fixed-port")
        self.assertEqual(shop.get("/")[:2], (200, '{"apples": 12, "pears": 7}\n'))

    def test_unescaped(self):
        body = self.run_program("unescaped").get("/?name=%3Cscript%3E")[1]
        self.assertEqual(body, "<h1>Hello <script></h1>\n")

    def test_slow_start(self):
        program = self.run_program("slow-start")
        self.assertGreaterEqual(time.monotonic() - program.started, 2.0)
        self.assertEqual(program.get("/")[0], 200)

    def test_logs_to_file(self):
        program = self.run_program("logs-to-file")
        self.assertEqual(program.get("/seen")[0], 200)
        log = program.folder / "logs/orders.log"
        wait_until(lambda: log.exists() and "GET /seen" in log.read_text())

    def test_forks_children(self):
        program = self.run_program("forks-children")
        program.process.terminate()
        program.process.wait(DEADLINE_SECONDS)
        self.assertRegex(program.get("/")[1], r"^ticket by \d+$")

    def test_every_program_is_declared_and_names_its_flaw(self):
        folders = {path.name for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
        self.assertEqual(folders, set(SERVICES))
        for name, service in SERVICES.items():
            first_line = (HERE / name / service["run"][1]).read_text().splitlines()[0]
            self.assertIn("Flaw: ", first_line)


def accepts(host, port):
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port), DEADLINE_SECONDS):
        return True
    return False


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    unittest.main()
