"""Problems: every error that can be raised has a sentence, a hint and a code."""

from __future__ import annotations

import errno
import inspect
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pincli import errors
from pincli.errors import (
    ConfigUnavailable,
    Interrupted,
    KeysUnavailable,
    MalformedName,
    NoPinPossible,
    PincliError,
    Refused,
    Rule,
    StoreUnavailable,
    Unavailable,
    UnknownAccount,
    UnknownUser,
)
from pincli.models import Fault, State
from pincli.store.location import Server
from pincli.views.answer import Problem
from pincli.views.exit_codes import EXIT_OF
from pincli.views.problems import describe, unforeseen

SAMPLES: dict[str, Any] = {
    "str": "something",
    "Location": Path("/some/where"),
    "Sequence[str]": ["someone"],
    "State": State.INACTIVE,
    "Rule": Rule.LOCKED,
    "Fault": Fault.MISSING,
    "bool": True,
    "int": 3,
    "int | None": os.getpid(),
}
"""A value for each type of argument that an error takes."""
OF_FILES = (Fault.NO_LOCK_FILE, Fault.NO_INODES, Fault.OLD_SQLITE, Fault.LINK, Fault.EXPOSED)
"""Faults that no server has."""


def raisable() -> list[type[PincliError]]:
    """Every kind of error that is raised, and not only there to be inherited from."""
    found = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, PincliError)
    ]
    return [each for each in found if not each.__subclasses__()]


def sample(error: type[PincliError]) -> PincliError:
    """An error of this kind, with some value for each argument."""
    if error.__init__ is Exception.__init__:
        return error()
    parameters = inspect.signature(error).parameters.values()
    by_name = {each.name: SAMPLES[str(each.annotation)] for each in parameters}
    keyword_only = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    return error(
        *(value for name, value in by_name.items() if name not in keyword_only),
        **{name: by_name[name] for name in keyword_only},
    )


def require_words(problem: Problem) -> None:
    """Fail unless a problem has a sentence and a hint of one line, without a full stop."""
    assert problem.code in EXIT_OF
    for text in (problem.message, problem.hint):
        assert text.strip() == text
        assert text
        assert "\n" not in text
        assert not text.endswith(".")
        assert "{" not in text
        assert "None" not in text


@pytest.mark.parametrize("error", raisable(), ids=lambda error: error.__name__)
def test_every_error_has_a_sentence_and_a_hint(error: type[PincliError]) -> None:
    """No error of errors.py ends with a traceback or with another code than its own."""
    raised = sample(error)
    problem = describe(raised)
    require_words(problem)
    if not isinstance(raised, NoPinPossible):
        assert problem.code == raised.code


def test_there_are_errors_to_describe() -> None:
    """The test above looks at real errors and not at base classes."""
    assert len(raisable()) >= 17
    assert {PincliError, Unavailable}.isdisjoint(raisable())


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_sentence_of_its_own(rule: Rule) -> None:
    """A refusal says which rule it broke."""
    problem = describe(Refused(rule, "subject-7"))
    require_words(problem)
    assert problem.code == "refused"
    others = {describe(Refused(each, "subject-7")).message for each in Rule if each is not rule}
    assert problem.message not in others


@pytest.mark.parametrize("kind", [StoreUnavailable, KeysUnavailable, ConfigUnavailable])
@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence(fault: Fault, kind: type[Unavailable]) -> None:
    """The sentence names the place of the store, key or configuration."""
    problem = describe(kind(fault, Path("/srv/pincli/file-7"), "detail-7"))
    require_words(problem)
    assert problem.code == "unavailable"
    assert "/srv/pincli/file-7" in problem.message or fault is Fault.OLD_SQLITE


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_of_a_server_has_a_sentence(fault: Fault) -> None:
    """A fault of a server is never answered with advice about files."""
    server = Server("postgresql://desk1@db/pincli")
    problem = describe(StoreUnavailable(fault, server, "detail-7"))
    require_words(problem)
    if fault not in OF_FILES:
        assert str(server) in problem.message
        assert not re.search("folder|chmod|file", problem.message + problem.hint)


@pytest.mark.parametrize("state", [State.INACTIVE, State.INELIGIBLE])
def test_the_code_is_the_state_of_a_user_who_can_have_no_pin(state: State) -> None:
    """So that scripts can tell the two states apart."""
    problem = describe(NoPinPossible("alice", state))
    require_words(problem)
    assert problem.code == state.value
    assert "alice" in problem.message


def test_a_pin_typed_as_a_name_is_not_repeated() -> None:
    """An unknown name is masked, and the hint says what went wrong."""
    for error in (UnknownUser(["444159"]), UnknownUser(["alice", "444159"])):
        problem = describe(error)
        assert "444159" not in problem.message + problem.hint
        assert "******" in problem.message
    assert "could be a PIN" in describe(UnknownUser(["444159"])).hint
    assert "444159" not in describe(UnknownAccount("444159")).message


def test_similar_names_are_suggested() -> None:
    """A typing error gets the names that were perhaps meant."""
    hint = describe(UnknownUser(["alixe"], ["alice", "alina"])).hint
    assert "alice" in hint
    assert "alina" in hint
    assert "acme" in describe(UnknownAccount("acne", ["acme"])).hint


def test_all_unknown_names_are_listed() -> None:
    """Not just the first."""
    message = describe(UnknownUser(["nobody", "nemo"])).message
    assert "nobody" in message
    assert "nemo" in message


def test_a_malformed_name_is_not_repeated() -> None:
    """The sentence says what is wrong and what is allowed, not what was typed."""
    problem = describe(MalformedName("user name", "it can't hold *"))
    assert problem.message == "not a valid user name: it can't hold *"
    assert "254" in problem.hint


def test_an_interrupted_bulk_command_says_how_far_it_got() -> None:
    """The hint says that the same command finishes the rest."""
    problem = describe(Interrupted(3, 10))
    assert "3 of 10" in problem.message
    assert "again" in problem.hint


def test_a_bug_is_reported_without_the_text_of_the_exception() -> None:
    """The text may hold anything, even a PIN; the place in the code is enough."""

    def fail() -> None:
        raise ValueError("the PIN was 444159")

    try:
        fail()
    except ValueError as error:
        problem = unforeseen(error)
    require_words(problem)
    assert problem.code == "internal"
    assert "444159" not in problem.message + problem.hint
    assert "ValueError" in problem.message
    assert __name__ in problem.message


@pytest.mark.parametrize("error", [OSError(errno.EIO, "the PIN was 444159"), MemoryError()])
def test_a_failure_of_the_machine_is_not_a_bug(error: Exception) -> None:
    """Exit 8 with the system's own words, without the text of the exception."""
    problem = unforeseen(error)
    require_words(problem)
    assert problem.code == "unavailable"
    assert "Input/output error" in problem.message or "memory" in problem.message
    assert "444159" not in problem.message
