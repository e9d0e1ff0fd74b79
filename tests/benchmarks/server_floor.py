"""A support floor on one PostgreSQL: 50 desks, and callers who arrive when they like.

A wait counts from the caller's arrival, also where the desk or a core is busy then. Each desk
is a process that is warm and stays: on few cores the start of as many programs would be all
that is measured, and even so the hashes, about 20 ms of CPU time each, are most of it. With
--elsewhere a desk sleeps for that time instead, as if its host had a core to hash on.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import statistics
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier

from pincli.models import Outcome
from pincli.operations import verify as operation
from pincli.operations.session import Need, Session
from pincli.vault.answers import PRODUCTION_COST, Answers, _Question
from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.on_server import host_on_a_server, server_cpu
from tests.benchmarks.population import CALLERS, PIN, Shape
from tests.support.postgresql import Server
from tests.support.served import ServedDesk

_FORKED = multiprocessing.get_context("fork")
Arrivals = Sequence[tuple[float, str]]
"""When a caller arrives, in seconds from the beginning, and who it is."""

_host: ServedDesk
_everybody_is_there: Barrier
_asleep: float


def waits(host: ServedDesk, days: Sequence[Arrivals], asleep: float = 0) -> list[float]:
    """How long each caller waits for the verdict, where each desk has these callers.

    With `asleep`, in seconds, a desk sleeps for so long instead of hashing.
    """
    everybody_is_there = _FORKED.Barrier(len(days))
    with _FORKED.Pool(len(days), _begin, (host, everybody_is_there, asleep)) as pool:
        found = pool.map(_day, days, chunksize=1)
        pool.close()
        pool.join()
    return [seconds for each in found for seconds in each]


def _begin(host: ServedDesk, everybody_is_there: Barrier, asleep: float) -> None:
    global _host, _everybody_is_there, _asleep
    _host, _everybody_is_there, _asleep = host, everybody_is_there, asleep


def _day(arrivals: Arrivals) -> list[float]:
    """A desk's day: the wait of each of its callers."""
    needs = (Need.ATTEMPT, Need.COMPARE)
    with _host.session(*needs, command="desk", cost=PRODUCTION_COST) as session:
        if _asleep:
            _hash_elsewhere(session.answers)
        for caller in CALLERS:
            _answered(session, caller)
        _everybody_is_there.wait()
        began = time.perf_counter()
        found = []
        for due, user in arrivals:
            time.sleep(max(began + due - time.perf_counter(), 0))
            _answered(session, user)
            found.append(time.perf_counter() - began - due)
    return found


def _hash_elsewhere(answers: Answers) -> None:
    """Hash each caller's answer once, and from then on sleep for that long."""
    hash_here = answers._hash
    known: dict[object, bytes] = {}

    def hashed(asked: _Question, secret: str) -> bytes:
        if (asked, secret) in known:
            time.sleep(_asleep)
        else:
            known[asked, secret] = hash_here(asked, secret)
        return known[asked, secret]

    answers._hash = hashed  # type: ignore[method-assign]


def _seconds_of_a_hash() -> float:
    """The median of some hashes, one after the other."""
    answers = Answers()
    answers.warm_up()
    found = []
    for _ in range(25):
        began = time.perf_counter()
        answers.warm_up()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def _answered(session: Session, user: str) -> None:
    verdict = operation.verify(session, user, PIN, None)
    if verdict.outcome is not Outcome.VERIFIED:
        raise SystemExit(f"{user}: {verdict}")


def days(desks: int, rate: float, seconds: float) -> list[Arrivals]:
    """Callers at this rate, each independent of the others, to one desk after the other."""
    rng = random.Random(1)
    shared: list[list[tuple[float, str]]] = [[] for _ in range(desks)]
    at = 0.0
    for number in range(round(rate * seconds)):
        at += rng.expovariate(rate)
        shared[number % desks].append((at, rng.choice(CALLERS)))
    return [day for day in shared if day]


def _cpu_of_desks() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure(
    name: str, host: ServedDesk, server: Server, callers: Sequence[Arrivals], asleep: float
) -> list[float]:
    before = _cpu_of_desks(), server_cpu(server)
    found = waits(host, callers, asleep)
    count = len(found) + len(CALLERS) * len(callers)
    desks = (_cpu_of_desks() - before[0]) * 1000 / count
    there = (server_cpu(server) - before[1]) * 1000 / count
    timing.print_times(name, found, f"CPU a verify: desk {desks:.0f} ms, server {there:.0f} ms")
    return found


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        runs=60,
        users=1000,
        desks=(50, "desks"),
        rate=(20.0, "callers a second"),
        seconds=(60.0, "so long"),
        elsewhere=(False, "hash on a core of each desk's own: its time passes asleep"),
    )
    asleep = _seconds_of_a_hash() if given.elsewhere else 0
    with host_on_a_server(Shape(given.users), given.cache) as (host, server):
        slowly = [[(0.5 * turn, CALLERS[turn % len(CALLERS)]) for turn in range(given.runs)]]
        alone = _measure("one desk alone", host, server, slowly, asleep)
        callers = days(given.desks, given.rate, given.seconds)
        floor = _measure(f"{given.desks} desks", host, server, callers, asleep)
    p99 = statistics.quantiles(floor, n=100, method="inclusive")[98]
    one = statistics.median(alone)
    print(f"  {len(floor)} callers, {given.rate:g} a second; {os.cpu_count()} cores")
    print(f"  p99 {p99 * 1000:.1f} ms; ratio to the median of one alone: {p99 / one:.2f}  goal 2")


if __name__ == "__main__":
    main()
