"""A line about a caller: the ticket in it, and whom it may name."""

from __future__ import annotations

import pytest

from pincli.rules.caller_line import names_in, read_line

TICKETS = {
    "alice smith T-4711": "T-4711",
    "alice REQ-2026/11": "REQ-2026/11",
    "alice SD:4711": "SD:4711",
    "alice INC0012345": "INC0012345",
    "alice 4711": "4711",
    "alice 0012345678": "0012345678",
    "alice #4": "4",
    "alice #CASE-ABC": "CASE-ABC",
    "alice\tacme gmbh\tT-4711": "T-4711",
    "T-4711 | alice | acme": "T-4711",
}
NO_TICKETS = [
    "alice smith",
    "T-4711",
    "#4711",
    "alice 444159",
    "alice 2",
    "alice 1234567890123",
    "alice smith3",
    "bob x5",
    "alice CASE-ABC",
    "alice iv",
    "bob 2nd",
    "alice AB123",
    "alice #",
    "",
]
NAMES = {
    "alice": (["alice"], "alice"),
    "alice smith": ([], "alice smith"),
    "Alice Smith <a@x.example>": (["a@x.example"], "Alice Smith"),
    "<a@x.example>": (["<a@x.example>", "a@x.example"], "<a@x.example>"),
    "mailto:a@x.example": (["a@x.example"], "a@x.example"),
    "alice (a@x.example)": (["a@x.example"], "alice (a@x.example)"),
    "alice\tacme gmbh\ta@x.example": (["alice", "a@x.example"], "alice\tacme gmbh\ta@x.example"),
}


@pytest.mark.parametrize("line", TICKETS)
def test_the_ticket_is_separated_from_the_words(line: str) -> None:
    """It is the last of several words, or a cell; the rest is left."""
    ticket, words = read_line(line)
    assert ticket == TICKETS[line]
    assert "alice" in words
    assert ticket not in words


@pytest.mark.parametrize("line", NO_TICKETS)
def test_what_may_be_a_name_or_a_pin_is_no_ticket(line: str) -> None:
    """A word that comes alone is no ticket either."""
    assert read_line(line) == (None, line)


def test_the_site_s_pattern_alone_says_what_a_ticket_is() -> None:
    """What has a # before it is a ticket too."""
    assert read_line("alice 444159", pattern="[0-9]{6}").ticket == "444159"
    assert read_line("alice T-4711", pattern="[0-9]{6}").ticket is None
    assert read_line("alice #T-4711", pattern="[0-9]{6}").ticket == "T-4711"


@pytest.mark.parametrize("line", NAMES)
def test_whom_a_line_names(line: str) -> None:
    """A single word, every cell and every address may be a login or an e-mail address."""
    assert names_in(line) == NAMES[line]
