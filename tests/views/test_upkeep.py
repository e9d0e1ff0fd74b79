"""The answers of `backup`, `restore` and `doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pincli.results import Check, Moved, Restored, Upgraded, unchecked
from pincli.views.exit_codes import ExitCode
from pincli.views.upkeep import backed_up, examined, moved, restored, upgraded
from tests.views.records import HOSTILE
from tests.views.screens import ASCII, UNCOLOURED, piped

WELL = Check("integrity", None, "")


def test_a_backup() -> None:
    """The file, its size, and a reminder that the keys are not in it."""
    answer = backed_up(Path("/b/x.db"), 1234567)
    assert answer.facts == {"file": "/b/x.db", "bytes": 1234567}
    assert "/b/x.db (1,234,567 bytes)" in piped(answer.screen())
    assert "keys are not in it" in piped(answer.screen())


@pytest.mark.parametrize("aside", [None, "/s/pincli.db.before"])
def test_a_restore(aside: str | None) -> None:
    """All figures, and the folder of the replaced store, if there was one."""
    result = Restored(withdrawn=3, changed=4, aside=aside, gone_users=2)
    answer = restored(result)
    assert answer.facts == {
        "withdrawn": 3,
        "kept_users": 0,
        "kept_events": 0,
        "changed": 4,
        "aside": aside,
        "left_out": 0,
        "gone_users": 2,
    }
    text = piped(answer.screen())
    assert "3 PINs" in text
    assert "2 users that only the replaced store has" in text
    assert ("/s/pincli.db.before" in text) is (aside is not None)


def test_what_to_do_after_a_restore() -> None:
    """Who lost a PIN and how they get one, if any did."""
    nothing = Restored(withdrawn=0)
    assert "next:" not in piped(restored(nothing).screen())
    text = piped(restored(nothing._replace(withdrawn=2, changed=3)).screen())
    assert "pincli audit list --kind restored" in text
    assert "pincli pin show USER" in text
    assert "gone" not in text


def test_one_of_each_is_singular() -> None:
    """One user, event and PIN."""
    text = piped(upgraded(Upgraded(users=1, events=1, withdrawn=1, locked=0), 1).screen())
    assert "1 user, 1 event\n" in text
    assert "1 PIN withdrawn" in text
    assert "1 user, 1 event\n" in piped(moved(Moved("there", 1, 1, moved=True)).screen())


def test_a_skipped_check_is_not_called_fine() -> None:
    """It does not count as a failure either, and comes first."""
    answer = examined([WELL, unchecked("standby", "only a monitor sees it")])
    assert answer.exit_code is ExitCode.DONE
    text = piped(answer.screen())
    assert text.startswith("\u2714 all well  1 check, 1 not made\n")
    assert "not checked: only a monitor sees it" in text
    assert text.count("fine") == 1


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_hostile_paths_stay_on_their_line(text: str) -> None:
    """No path breaks a line."""
    answers = (
        backed_up(Path(text.replace("\0", "")), 1),
        restored(Restored(0, aside=text)),
        examined([Check(text, text, text)]),
    )
    for answer in answers:
        for display in (UNCOLOURED, ASCII):
            for line in piped(answer.screen(), display).split("\n"):
                assert line.isprintable()
