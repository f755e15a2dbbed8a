"""Unstoppable Echo, in Python: `GET /hi!` answers a page that says `hi! right back at ya!`.

What all five services promise is written in ../README.md.
"""

import signal
import sys
import threading

from log import Log
from server import Server
from settings import Settings, SettingsError

# How long a request that is under way may take to end once we are told to stop.
GRACE_SECONDS = 5.0


def main(environment):
    try:
        settings = Settings.read(environment)
    except SettingsError as error:
        sys.exit(f"echo-python: {error}")
    log = Log(settings.log_level)
    # Blocked before any thread starts, so that only `sigwait` below ever receives them.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        server = Server((settings.host, settings.port), log)
    except OSError as error:
        sys.exit(f"echo-python: cannot listen on `{settings.host}:{settings.port}`: {error}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    log.event("info", "listening on {}:{}".format(*server.server_address[:2]))

    signal.sigwait(signals)
    log.event("info", "stopping")
    unfinished = server.stop(GRACE_SECONDS)
    if unfinished:
        log.event("warn", f"{unfinished} connections were still open after the grace time")
    log.event("info", "stopped")


if __name__ == "__main__":
    import os

    main(os.environ)
