"""Starts a service on a port that it chooses itself, and reads its log."""

import json
import os
import queue
import re
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEADLINE_SECONDS = 15.0

COMMANDS = {
    "echo-rust": ["target/release/echo-rust"],
    "echo-go": ["./echo-go"],
    "echo-python": ["python3", "-B", "uecho.py"],
    "echo-node": ["node", "main.mjs"],
    "echo-ruby": ["ruby", "echo.rb"],
}


class Service:
    def __init__(self, name, folder=None, command=None):
        self.name = name
        self._log = queue.Queue()
        folder = folder or HERE.parent / name
        program, *arguments = command or COMMANDS[name]
        if "/" in program:
            program = str(folder / program)
        # As an instance has it: nothing from our own environment but the path.
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "PORT": "0"}
        self._process = subprocess.Popen(
            [program, *arguments], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read_log, daemon=True).start()
        try:
            listening = self.log_line(lambda line: line["message"].startswith("listening on "))
            self.port = int(re.search(r":(\d+)$", listening["message"])[1])
        except BaseException:
            self.kill()
            raise

    def _read_log(self):
        for line in self._process.stdout:
            self._log.put(line)
        self._log.put(None)

    def log_line(self, wanted):
        """The next line of the log that is wanted. A line that is not JSON, or the log's end, is an error."""
        while (line := self._log.get(timeout=DEADLINE_SECONDS)) is not None:
            parsed = json.loads(line)
            if wanted(parsed):
                return parsed
        raise ValueError(f"{self.name}: the log ended (exit code {self._process.wait(DEADLINE_SECONDS)})")

    def terminate(self):
        self._process.terminate()

    def exit_code(self, seconds=DEADLINE_SECONDS):
        return self._process.wait(seconds)

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
