"""The answers of `init`, `backup`, `restore`, `doctor` and `store`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pincli.results import Check, Moved, Restored, Upgraded
from pincli.views.answer import Answer, Problem
from pincli.views.blocks import Block, Fields, Headline, Next, Note, Tone, counted
from pincli.views.exit_codes import ExitCode


def backed_up(path: Path, size: int) -> Answer:
    """The answer of `backup`."""
    return Answer(
        {"file": str(path), "bytes": size},
        lambda: [
            Headline(Tone.GOOD, "backed up", f"{path} ({size:,} bytes)"),
            Note("the keys are not in it; keep a copy of them elsewhere"),
        ],
    )


def restored(result: Restored) -> Answer:
    """The answer of `restore`."""
    return Answer(result._asdict(), lambda: _restored_screen(result))


def upgraded(result: Upgraded | None, users: int) -> Answer:
    """The answer of `store upgrade`.

    Args:
        result: What was done; None if the store was up to date.
        users: How many users the store has.
    """
    if result is None:
        return Answer(
            {"upgraded": False, "users": users},
            lambda: [Headline(Tone.GOOD, "up to date", counted(users, "user"))],
        )
    return Answer(
        {
            "upgraded": True,
            "users": result.users,
            "events": result.events,
            "withdrawn": result.withdrawn,
            "locked": result.locked,
        },
        lambda: _upgraded_screen(result),
    )


def moved(result: Moved) -> Answer:
    """The answer of `store move`."""
    word = "moved" if result.moved else "moved before"
    return Answer(
        result._asdict(),
        lambda: [
            Headline(Tone.GOOD, word, _content(result)),
            Fields([("store", result.location)]),
            Note("the old store refuses all work from now on"),
            Note("each host needs a login of its own there, in PINCLI_STORE or the deployment"),
        ],
    )


def server_upgraded(users: int, *, changed: bool) -> Answer:
    """The answer of `store upgrade` for a server.

    Args:
        users: How many users the store has.
        changed: Whether the schema was old.
    """
    return Answer(
        {"upgraded": changed, "users": users},
        lambda: [
            Headline(Tone.GOOD, "upgraded" if changed else "up to date", counted(users, "user")),
            Note("the database's functions are those of this version"),
        ],
    )


def examined(checks: Sequence[Check]) -> Answer:
    """The answer of `doctor`."""
    failed = sum(check.finding is not None for check in checks)
    message = f"{failed} of {len(checks)} checks failed"
    problem = Problem("unavailable", message, "each says what to do")
    return Answer(
        {"healthy": not failed, "checks": [check._asdict() for check in checks]},
        lambda: _examined_screen(checks, message if failed else ""),
        problem=problem if failed else None,
        exit_code=ExitCode.UNAVAILABLE if failed else ExitCode.DONE,
    )


def _restored_screen(result: Restored) -> list[Block]:
    because = ", since something happened after the backup" if result.withdrawn else ""
    pairs = [("withdrawn", f"{counted(result.withdrawn, 'PIN')}{because}")]
    if result.gone_users:
        pairs.append(
            ("gone", f"{counted(result.gone_users, 'user')} that only the replaced store has")
        )
    if result.aside is not None:
        pairs.append(("replaced", f"the old store is now {result.aside}"))
    blocks: list[Block] = [Headline(Tone.GOOD, "restored"), Fields(pairs)]
    if result.changed:
        blocks.append(Next("pincli audit list --kind restored", "whose records changed"))
    if result.withdrawn:
        blocks.append(Next("pincli pin show USER", "each opens a new PIN in the portal"))
    return blocks


def _content(store: Upgraded | Moved) -> str:
    return f"{counted(store.users, 'user')}, {counted(store.events, 'event')}"


def _upgraded_screen(result: Upgraded) -> list[Block]:
    blocks: list[Block] = [Headline(Tone.GOOD, "upgraded", _content(result))]
    if result.locked:
        blocks.append(Note(f"{result.locked} locked: their sixth attempt had been left open"))
    if result.withdrawn:
        text = f"{counted(result.withdrawn, 'PIN')} withdrawn, as the trail contradicts the record"
        blocks.append(Note(text, Tone.WARNING))
        blocks.append(Next("pincli audit list --kind pin_withdrawn", "whose they were"))
    return [
        *blocks,
        Note("earlier backups keep the old format: `pincli backup FILE` makes a new one"),
    ]


def _examined_screen(checks: Sequence[Check], failed: str) -> list[Block]:
    not_made = sum(not check.checked for check in checks)
    made = counted(len(checks) - not_made, "check") + (f", {not_made} not made" if not_made else "")
    headline = Headline(Tone.BAD, failed) if failed else Headline(Tone.GOOD, "all well", made)
    # What needs attention comes first.
    order = sorted(checks, key=lambda check: (check.finding is None, check.checked))
    return [headline, Fields([(check.what, _result_of(check)) for check in order])]


def _result_of(check: Check) -> str:
    if not check.checked:
        return f"not checked: {check.hint}"
    return "fine" if check.finding is None else f"{check.finding}; {check.hint}"


def initialised(store: object, keys: Path) -> Answer:
    """The answer of `init`."""
    return Answer(
        {"store": str(store), "keys": str(keys)},
        lambda: [
            Headline(Tone.GOOD, "store made"),
            Fields(
                [("store", str(store)), ("keys", f"{keys}  (back them up apart from the store)")]
            ),
            Next("pincli user add USER --account ACCOUNT", "the first user"),
        ],
    )
