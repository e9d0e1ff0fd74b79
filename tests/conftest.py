"""Signals, time limits of Hypothesis, the choice of tests, and the fixtures of a fresh store."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.as_sudo import Deploy, deploy, read_instead
from tests.support.desk import Desk, new_desk
from tests.support.floor import new_floor, one_copy, peopled
from tests.support.postgresql import Server
from tests.support.served import ServedDesk, make_schema, served_desk
from tests.support.turns import EVERYTHING, is_tried, todays

pytest_plugins = ["tests.support.postgresql_fixtures"]

settings.register_profile(
    "unhurried",
    max_examples=100 if EVERYTHING else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")

gc.disable()  # until the tests are collected

# Without bytecode files each of thousands of processes would compile pincli.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure() -> None:
    """Let no signal be ignored or blocked, as under nohup or in a background job."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Python itself ignores these two, but not in children.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Start three workers on two cores for `-n auto`, since many tests wait for processes."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what changes the machine unless it may, and what has its turn on other days.

    These are rotating tests, and of the scenarios, which run whole processes, cases of one test.
    """
    may_change = os.environ.get("PINCLI_TEST_SYSTEM") == "1"
    out = {item for item in items if item.get_closest_marker("system") and not may_change}
    if not any("::" in argument for argument in config.args):
        rotating = [item for item in items if item.get_closest_marker("rotating")]
        out |= {item for number, item in enumerate(rotating, 1) if not is_tried(number)}
        for cases in _cases_of_scenarios(items):
            out |= {*cases} - {*todays(cases)}
    if out:
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=[*out])


def _cases_of_scenarios(items: list[pytest.Item]) -> Iterable[list[pytest.Item]]:
    by_test = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if "scenarios" in item.path.parts and not item.get_closest_marker("rotating"):
            by_test[item.nodeid.partition("[")[0]].append(item)
    return by_test.values()


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make, and not at thousands of tests."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    """Begin with the usual umask."""
    os.umask(0o022)  # pincli, run in this process by an earlier test, leaves 077


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests marked `engines` on both, on the server perhaps in turn."""
    definition = metafunc.definition
    engines = definition.get_closest_marker("engines")
    if engines is None or definition.get_closest_marker("folder"):
        return
    marks = [pytest.mark.rotating] if engines.kwargs.get("in_turn") else []
    for fixture in ("desk", "floor"):  # a floor may be built on the desk
        if fixture in metafunc.fixturenames:
            both = ["sqlite", pytest.param("postgresql", marks=marks)]
            metafunc.parametrize(fixture, both, indirect=True)
            return


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The fresh store that tests get copies of."""
    return new_desk(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def served_empty(server: Server, tmp_path_factory: pytest.TempPathFactory) -> ServedDesk:
    """The fresh store on a server; tests get copies."""
    return served_desk(server.database(make_schema), tmp_path_factory.mktemp("served-empty"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The floor that tests get copies of; a module may have a template of its own."""
    return new_floor(tmp_path_factory.mktemp("floor"))


@pytest.fixture(scope="session")
def served_template(
    served_empty: ServedDesk, tmp_path_factory: pytest.TempPathFactory
) -> ServedDesk:
    """The floor on a server; tests get copies."""
    desk = served_empty.copied(tmp_path_factory.mktemp("served-floor"))
    peopled(desk)
    return desk


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A fresh, empty store with its keys: in a folder, or on a server for `engines`."""
    yield from _copy(request, "empty", tmp_path)


@pytest.fixture
def floor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A store with a user in every state, for one test alone: in a folder, or as `engines` asks."""
    yield from _copy(request, "template", tmp_path)


@pytest.fixture
def give(floor: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """Called with roles, deploys the floor and gives them to `nobody`."""
    path = tmp_path / "pincli.toml"
    read_instead(path, monkeypatch)
    return partial(deploy, floor, path)


def _copy(request: pytest.FixtureRequest, original: str, folder: Path) -> Iterator[Desk]:
    if getattr(request, "param", "sqlite") == "postgresql":
        original = f"served_{original}"
    with one_copy(request.getfixturevalue(original), folder) as copy:
        yield copy
