"""JSON: one object, on one line, all of it or nothing."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.views import json_output
from pincli.views.answer import Problem
from pincli.views.json_output import envelope, write

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def written(answer: dict[str, object]) -> str:
    """What is written for an answer."""
    stream = io.StringIO()
    write(answer, stream)
    return stream.getvalue()


@given(plain=st.dictionaries(st.text(), values, max_size=4), rows=st.lists(values, max_size=5))
def test_rows_that_come_one_by_one_are_written_as_an_array(
    plain: dict[str, Any], rows: list[Any]
) -> None:
    """The same object as from a list, valid JSON, ASCII, on one line."""
    answer: dict[str, object] = {**plain, "rows": iter(rows), "after": True}
    out = written(answer)
    assert json.loads(out) == {**plain, "rows": rows, "after": True}
    assert out == written({**plain, "rows": rows, "after": True})
    assert out.isascii()
    assert out.endswith("}\n")
    assert out.count("\n") == 1


def test_many_rows_go_through_a_file_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit of memory nothing is lost or reordered."""
    monkeypatch.setattr(json_output, "_IN_MEMORY", 100)
    out = written({"a": 1, "rows": ({"n": n} for n in range(5000)), "b": iter([])})
    assert json.loads(out) == {"a": 1, "rows": [{"n": n} for n in range(5000)], "b": []}


def test_pins_never_go_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if there are many: what was on a disk can be read later."""

    def on_disk(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(json_output, "_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "TemporaryFile", on_disk)
    stream = io.StringIO()
    write({"rows": ({"n": n} for n in range(5000))}, stream, secret=True)
    assert json.loads(stream.getvalue()) == {"rows": [{"n": n} for n in range(5000)]}
    with pytest.raises(AssertionError):
        written({"rows": ({"n": n} for n in range(5000))})


@pytest.mark.parametrize("good", [0, 1, 5000])
@pytest.mark.parametrize("in_memory", [100, 8 * 1024 * 1024])
def test_an_error_among_the_rows_leaves_nothing_written(
    monkeypatch: pytest.MonkeyPatch, good: int, in_memory: int
) -> None:
    """No half object on stdout: the error's own object follows."""

    def rows() -> Iterator[int]:
        yield from range(good)
        raise OSError("the store is gone")

    monkeypatch.setattr(json_output, "_IN_MEMORY", in_memory)
    stream = io.StringIO()
    with pytest.raises(OSError, match="the store is gone"):
        write({"a": 1, "rows": rows()}, stream)
    assert stream.getvalue() == ""


def test_rows_are_taken_one_by_one() -> None:
    """Memory stays flat: each row is written before the next is read."""
    alive: set[int] = set()
    most = 0

    class Row(dict[str, int]):
        def __init__(self, number: int) -> None:
            nonlocal most
            super().__init__(n=number)
            alive.add(number)
            most = max(most, len(alive))

        def __del__(self) -> None:
            alive.discard(self["n"])

    assert json.loads(written({"rows": (Row(n) for n in range(100))}))["rows"][99] == {"n": 99}
    assert most <= 3


def test_ok_is_false_exactly_where_there_is_an_error() -> None:
    """The envelope names contract and command first, then the facts, then the error."""
    fine = envelope("status", {"user": "alice"}, None)
    assert fine == {"pincli": 1, "command": "status", "ok": True, "user": "alice"}
    assert list(fine)[:3] == ["pincli", "command", "ok"]
    failed = envelope("verify", {"user": "alice"}, Problem("locked", "not verified", "unlock"))
    assert failed == {
        "pincli": 1,
        "command": "verify",
        "ok": False,
        "user": "alice",
        "error": {"code": "locked", "message": "not verified", "hint": "unlock"},
    }
    assert envelope(None, {}, None)["command"] is None
