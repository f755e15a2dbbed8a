"""The property: any service answers any target as the reference does, byte for byte."""

import random

from client import Client
from reference import expected_answer
from targets import KNOWN, random_target, shorter

SHRINK_TRIES_MAX = 2000


class Disagreement(Exception):
    """Says which service answered which target in which other way."""


def check(services, seed, count):
    """Sends the known targets and `count` random ones to every service, over one connection each."""
    rng = random.Random(seed)
    targets = KNOWN + [random_target(rng) for _ in range(count)]
    clients = {service.name: Client(service.port) for service in services}
    try:
        for number, target in enumerate(targets):
            for service in services:
                if difference(clients[service.name], target):
                    raise Disagreement(_report(service, target, seed, number))
    finally:
        for client in clients.values():
            client.close()
    return len(targets)


def difference(client, target):
    """What is wrong with the answer, or None."""
    expected = expected_answer(target)
    try:
        answer = client.get(target)
    except (OSError, ValueError, KeyError) as error:
        return f"no answer: {error!r}"
    if answer.status != expected.status:
        return f"status {answer.status}, not {expected.status}"
    for name, value in expected.fields.items():
        if answer.fields.get(name) != value:
            return f"`{name}: {answer.fields.get(name)}`, not `{value}`"
    if answer.body != expected.body:
        return f"body\n    {answer.body!r}\n  not\n    {expected.body!r}"
    if answer.fields.get("connection", "keep-alive").lower() != "keep-alive":
        return "the connection was closed"
    return None


def _report(service, target, seed, number):
    target = _shrunk(service, target)
    with Client(service.port) as client:
        wrong = difference(client, target) or "nothing any more: it was wrong only after the targets before it"
    return f"{service.name} disagrees (seed {seed}, target {number})\n  target {target!r}\n  {wrong}"


def _shrunk(service, target):
    """The simplest target found that is still answered wrongly."""
    tries = 0
    simpler = True
    while simpler:
        simpler = False
        for candidate in shorter(target):
            tries += 1
            if tries > SHRINK_TRIES_MAX:
                return target
            with Client(service.port) as client:
                if difference(client, candidate):
                    target, simpler = candidate, True
                    break
    return target
