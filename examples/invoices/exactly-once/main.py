"""Shows that every invoice is paid exactly once while instances of both services are killed in the middle of it.

With SQLite, and with PostgreSQL where `TEST_POSTGRES_URL` names a server for tests.
"""

import argparse
import contextlib
import http.client
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from books import verify
from world import Instance, migrate

APPS, PROVIDERS, CALLERS = 3, 2, 8
INVOICES = 300
# Between two kills, in seconds: at random, so that they hit every moment.
KILL_PAUSE = (0.02, 0.3)
# The provider books and answers so much later, so that many a kill falls between the two.
ANSWER_DELAY_MS = "25"
DEADLINE_SECONDS = 180.0
REPLAYED = b"a repeated order got its first answer"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            sqlite = {name: f"sqlite://{folder}/{name}.db" for name in ("invoices", "payments")}
            run("SQLite", Path(folder), sqlite, options.seed)
            if server := os.environ.get("TEST_POSTGRES_URL"):
                run("PostgreSQL", Path(folder), new_databases(server), options.seed)
            else:
                print("PostgreSQL: NOT RUN, `TEST_POSTGRES_URL` is not set")
    except AssertionError as error:
        sys.exit(f"FAILED: {error}\nagain with: --seed {options.seed}")


def new_databases(server):
    urls = {}
    for name in ("invoices", "payments"):
        database = f"exactly_once_{name}_{os.getpid()}"
        subprocess.run(["psql", "-qX", server, "-c", f"CREATE DATABASE {database}"], check=True)
        urls[name] = urlunsplit(urlsplit(server)._replace(path=f"/{database}"))
    return urls


def run(kind, folder, databases, seed):
    migrate("invoice-app", {"DATABASE_URL": databases["invoices"], "INVOICES_SEED": str(INVOICES)})
    migrate("payment-provider", {"DATABASE_URL": databases["payments"]})
    log = folder / f"{kind}-providers.log"
    with contextlib.ExitStack() as stack:
        apps, providers = start(stack, folder, kind, databases, log)
        calls, kills = pay_and_kill(apps, providers, random.Random(seed))
        for instance in apps + providers:
            instance.wait_until_healthy()
        verify(apps[0], providers[0], INVOICES)
        replays = log.read_bytes().count(REPLAYED)
        assert replays, "no kill fell between a payment and its answer: this run has shown nothing"
        notices_a_double_payment(apps[0], providers[0])
        codes = [instance.stop() for instance in apps + providers]
        assert codes == [0] * len(codes), f"exit codes {codes}"
    print(f"{kind}: {INVOICES} invoices paid exactly once, by {calls} calls, with {kills} kills and {replays} replays")


def start(stack, folder, kind, databases, log):
    provider_log = stack.enter_context(open(log, "ab"))
    app_log = stack.enter_context(open(folder / f"{kind}-apps.log", "ab"))

    def instance(*arguments):
        started = Instance(*arguments)
        stack.callback(started.destroy)
        return started

    provider_settings = {"DATABASE_URL": databases["payments"], "ANSWER_DELAY_MS": ANSWER_DELAY_MS}
    providers = [instance("payment-provider", provider_settings, provider_log) for _ in range(PROVIDERS)]
    apps = []
    for number in range(APPS):
        provider_url = f"http://127.0.0.1:{providers[number % PROVIDERS].port}"
        settings = {"DATABASE_URL": databases["invoices"], "PAYMENT_PROVIDER_URL": provider_url, "CLAIM_SECONDS": "1"}
        apps.append(instance("invoice-app", settings, app_log))
    for started in apps + providers:
        started.wait_until_healthy()
    return apps, providers


def pay_and_kill(apps, providers, rng):
    """Calls `POST /invoices/pay` from many threads until nothing is left to pay, and kills meanwhile."""
    done = threading.Event()
    calls = [0] * CALLERS

    def caller(number):
        while not done.is_set():
            # A call that is cut off says nothing: the next one goes to another replica.
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, report = apps[(number + calls[number]) % APPS].send("POST", "/invoices/pay")
                if status == 200 and report["remaining"] == 0:
                    done.set()
            calls[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(CALLERS)]
    deadline = time.monotonic() + DEADLINE_SECONDS
    for thread in threads:
        thread.start()
    kills = 0
    try:
        while not done.wait(rng.uniform(*KILL_PAUSE)):
            assert time.monotonic() < deadline, "not all invoices were paid in time"
            rng.choice(apps + providers).kill_and_restart()
            kills += 1
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return sum(calls), kills


def notices_a_double_payment(app, provider):
    """The proof is worth something only if it fails when an invoice was paid twice."""
    _, page = app.send("GET", "/invoices")
    order = {name: page["invoices"][0][name] for name in ("id", "value", "currency")}
    status, _ = provider.send("POST", "/payments/pay", order, {"idempotency-key": "another-key"})
    assert status == 200, status
    try:
        verify(app, provider, INVOICES)
    except AssertionError as error:
        assert "paid more than once" in str(error), error
    else:
        raise AssertionError("a double payment went unnoticed")


if __name__ == "__main__":
    main()
