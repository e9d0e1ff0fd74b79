"""The answers of `keys list` and `keys rotate`."""

from __future__ import annotations

import pytest

from pincli.results import KeyInfo
from pincli.views.exit_codes import ExitCode
from pincli.views.keys import listing, rotated
from pincli.views.times import relative_time
from tests.views.screens import piped

AT = "2026-11-24T11:30:00Z"
KEYS = [
    KeyInfo("verify.key", "verify", "aa", True, AT, 0),
    KeyInfo("verify-bb.key", "verify", "bb", False, AT, 1),
    KeyInfo("portal-cc.pub", "portal", "cc", False, AT, 0),
    KeyInfo("audit-dd.key", "audit", "dd", False, AT, 0),
    KeyInfo("audit-ee.key", "audit", "ee", False, AT, 0, usable=False, age_days=1),
    KeyInfo("verify-ff.compromised", "verify", "ff", False, AT, 2, age_days=9, compromised=True),
]


def test_json_has_the_facts_of_each_key() -> None:
    """All that is known of each key, but not the key itself."""
    assert listing(KEYS).facts == {"keys": [key._asdict() for key in KEYS]}


def test_the_screen_shows_which_keys_are_needed() -> None:
    """Present, needed by some users, or unused; an old audit key is always needed."""
    at = relative_time(AT)
    lines = [" ".join(line.split()) for line in piped(listing(KEYS).screen()).splitlines()]
    assert lines[1:] == [
        f"verify.key aa present {at} 0 days",
        f"verify-bb.key bb needed by 1 user {at} 0 days",
        f"portal-cc.pub cc unused, but for backups {at} 0 days",
        f"audit-dd.key dd needed to check older events {at} 0 days",
        f"audit-ee.key ee holds no key, and nothing needs it: remove it {at} 1 day",
        f"verify-ff.compromised ff compromised; needed by 2 users: run it again {at} 9 days",
    ]
    assert piped(listing([]).screen()) == "no keys here\n"


@pytest.mark.parametrize(
    ("kind", "fingerprint", "resealed", "words", "absent"),
    [
        ("verify", "ee", 0, ["rotated new verify key ee", "next correct answer"], "sealed"),
        ("portal", "ee", 7, ["rotated new portal key ee, 7 PINs resealed"], "next correct"),
        ("portal", "ee", 1, ["rotated new portal key ee, 1 PIN resealed"], "PINs"),
        ("audit", "ee", 0, ["rotated new audit key ee", "back the keys up"], "next correct"),
        ("portal", None, 7, ["rotation finished", "7 PINs resealed", "run it again"], "back"),
    ],
)
def test_a_rotation_says_what_to_do_next(
    kind: str, fingerprint: str | None, resealed: int, words: list[str], absent: str
) -> None:
    """What was made, and what to do now."""
    answer = rotated(kind, fingerprint, resealed)
    facts = {"kind": kind, "fingerprint": fingerprint, "resealed": resealed, "withdrawn": 0}
    assert answer.facts == facts
    assert answer.exit_code is ExitCode.DONE
    text = " ".join(piped(answer.screen()).split())
    assert all(each in text for each in words)
    assert absent not in text
