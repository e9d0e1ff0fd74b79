"""The ticket of a verify: kept unless it holds the answer, and the agent sees what was masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.as_sudo import call_by_sudo, deploy, read_instead
from tests.support.contract import answer_of, call
from tests.support.desk import Desk

WARNING = "pincli: warning: digits of the ticket were masked, as they could be a PIN\n"


@pytest.mark.engines
@pytest.mark.parametrize(
    ("ticket", "answer", "recorded"),
    [
        ("{pin}", "{pin}", "******"),
        ("T {half} {rest}", "{half} {rest}", "T *******"),
        ("{pin}", "000000", "{pin}"),
        ("471122", "{half}-{rest}", "471122"),
        ("T-4711", "{pin}", "T-4711"),
    ],
)
def test_a_ticket_with_the_answer_in_it_is_masked(
    desk: Desk, ticket: str, answer: str, recorded: str
) -> None:
    """Every event of the attempt has the same ticket; the answer may be given in groups."""
    pin = desk.collected("alice")
    known = {"pin": pin, "half": pin[:3], "rest": pin[3:]}
    line = ["verify", "alice", "--pin-stdin", "--json", "--ref", ticket.format(**known)]
    ran = answer_of(call(desk, line, answer.format(**known) + "\n"))
    assert ran["ticket_masked"] is ("*" in recorded)
    assert ran["outcome"] == ("incorrect" if answer == "000000" else "verified")
    attempts = [
        e for e in desk.events() if e.kind in (EventKind.ATTEMPT, EventKind(ran["outcome"]))
    ]
    assert [event.ticket for event in attempts] == [recorded.format(**known)] * 2


@pytest.mark.parametrize("line", ["verify nobody", "verify lara"])
def test_without_an_answer_six_digits_are_masked_with_a_warning(desk: Desk, line: str) -> None:
    """With a malformed answer, six digits in a ticket are masked, and a warning says so."""
    desk.collected("lara")
    call(desk, "lock lara --reason odd")
    ran = call(desk, f"{line} --ref 444159 --pin-stdin", "44415\n")
    assert desk.events()[-1].kind is EventKind.REFUSED
    assert desk.events()[-1].ticket == "******"
    assert WARNING in ran.err
    assert WARNING not in call(desk, f"{line} --ref T-4711 --pin-stdin", "44415\n").err


def test_a_sites_own_tickets_are_kept(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern in the deployment's file allows six digits, but never those of the answer."""
    pin = desk.collected("alice")
    path = tmp_path / "pincli.toml"
    deploy(desk, path, "agent")
    path.write_text(path.read_text() + "[tickets]\npattern = '[0-9]{6}'\n")
    read_instead(path, monkeypatch)
    call_by_sudo(desk, "verify nobody --ref 444159 --pin-stdin", "44415\n")
    assert desk.events()[-1].ticket == "444159"
    ran = call_by_sudo(desk, f"verify alice --ref {pin} --pin-stdin", f"{pin}\n")
    verified = [event for event in desk.events() if event.kind is EventKind.VERIFIED]
    assert [event.ticket for event in verified] == ["******"]
    assert WARNING in ran.err
