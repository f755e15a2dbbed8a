"""Shows that the five echo services agree, byte for byte, and that this test would notice if one did not."""

import argparse
import contextlib
import random
import sys

import agreement
import lifecycle
import shapes
from agreement import Disagreement
from liar import LIES
from service import COMMANDS, HERE, Service


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--count", type=int, default=2000, help="random targets (default 2000)")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    try:
        five_agree(options.seed, options.count)
        lies_are_noticed(options.seed, options.count)
        services_live_and_end_well()
    except (AssertionError, Disagreement) as error:
        sys.exit(f"FAILED: {error}\nagain with: --seed {options.seed}")
    print("the five agree")


def five_agree(seed, count):
    with running(COMMANDS) as services:
        targets = agreement.check(services, seed, count)
        print(f"{targets} targets: {len(services)} services answer as the reference does")
        wrong = [sentence for service in services for sentence in shapes.check(service)]
        assert not wrong, "\n".join(wrong)
        print(f"{len(shapes.SHAPES)} other shapes of requests: the same answers")


def lies_are_noticed(seed, count):
    for lie in LIES:
        liar = Service(lie, folder=HERE, command=["python3", "-B", "liar.py", lie])
        try:
            agreement.check([liar], seed, count)
        except Disagreement:
            continue
        finally:
            liar.kill()
        raise AssertionError(f"the lie `{lie}` went unnoticed")
    print(f"{len(LIES)} lies: all noticed")


def services_live_and_end_well():
    for name in COMMANDS:
        lifecycle.check_settings(name)
    checks = [lifecycle.check_log, lifecycle.check_quickness, lifecycle.check_stop]
    with running(COMMANDS) as services:
        for service in services:
            for check in checks:
                named(check, service)
    with running(COMMANDS) as services:
        for service in services:
            named(lifecycle.check_stop_with_a_stuck_client, service)
    print("settings, logs, quickness, stopping: as promised")


def named(check, service):
    """Runs a check so that a failure of any kind says whose it is."""
    try:
        check(service)
    except Exception as error:
        raise AssertionError(f"{service.name}: {check.__name__}: {error!r}") from error


@contextlib.contextmanager
def running(names):
    services = []
    try:
        for name in names:
            services.append(Service(name))
        yield services
    finally:
        for service in services:
            service.kill()


if __name__ == "__main__":
    main()
