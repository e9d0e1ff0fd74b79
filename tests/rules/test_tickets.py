"""Tickets are kept, unless they hold a PIN or could hold one."""

from __future__ import annotations

import re

import pytest

from pincli.rules.tickets import kept

ALLOWED = re.compile("[0-9]{6}|T[0-9]{6}")


@pytest.mark.parametrize(
    ("ticket", "masked"),
    [
        ("444159", "******"),
        ("444 159 and 444-159", "******* and *******"),
        ("T-4441591", "T-******1"),
        ("4 4\u20114 - 159", "*" * 11),
        ("\uff14\uff14\uff14159", "******"),
        ("234811", "234811"),
        ("T-4711", "T-4711"),
    ],
)
def test_with_an_answer_only_what_holds_it_is_masked(ticket: str, masked: str) -> None:
    """In groups and within longer numbers too; other six digits stay, allowed or not."""
    assert kept(ticket, "444159", None) == masked
    assert kept(ticket, "444159", ALLOWED) == masked


@pytest.mark.parametrize("answer", [None, "", "44415", "a"])
@pytest.mark.parametrize(
    ("ticket", "masked", "on_this_site"),
    [
        ("444159", "******", "444159"),
        ("#444159", "#******", "#444159"),
        ("T444159", "T******", "T444159"),
        ("444-159", "*******", "*******"),
        ("T444159 444159", "T****** ******", "T****** ******"),
        ("4441590", "4441590", "4441590"),
    ],
)
def test_without_an_answer_six_digits_are_masked(
    ticket: str, masked: str, on_this_site: str, answer: str | None
) -> None:
    """Unless all of the ticket is as the site says that tickets are; a slip is no answer."""
    assert kept(ticket, answer, None) == masked
    assert kept(ticket, answer, ALLOWED) == on_this_site
