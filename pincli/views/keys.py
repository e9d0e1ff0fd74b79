"""The answers of `keys list` and `keys rotate`."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.results import KeyInfo
from pincli.views.answer import Answer
from pincli.views.blocks import Block, Headline, Next, Note, Table, Tone, counted
from pincli.views.times import relative_time


def listing(keys: Sequence[KeyInfo]) -> Answer:
    """The answer of `keys list`."""
    rows = [
        (
            key.file,
            key.fingerprint,
            "present" if key.present else _old(key),
            relative_time(key.made_at),
            counted(key.age_days, "day"),
        )
        for key in keys
    ]
    return Answer(
        {"keys": [key._asdict() for key in keys]},
        lambda: [
            Table(
                ("file", "fingerprint", "use", "made", "age"),
                [rows],
                "no keys here",
                folding=("file", "use"),
            )
        ],
    )


def rotated(
    kind: str,
    fingerprint: str | None,
    resealed: int,
    *,
    withdrawn: int = 0,
    compromised: bool = False,
) -> Answer:
    """The answer of `keys rotate`.

    Args:
        kind: `verify`, `audit` or `portal`.
        fingerprint: The new key's; None if only an earlier rotation was finished.
        resealed: How many PINs were sealed to the new key.
        withdrawn: How many PINs were withdrawn.
        compromised: Whether the old key is no longer trusted.
    """
    facts = {"kind": kind, "fingerprint": fingerprint, "resealed": resealed}
    return Answer(
        {**facts, "withdrawn": withdrawn},
        lambda: _screen(kind, fingerprint, resealed, withdrawn, compromised),
    )


def _screen(
    kind: str, fingerprint: str | None, resealed: int, withdrawn: int, compromised: bool
) -> list[Block]:
    done = f"{counted(resealed, 'PIN')} resealed"
    if compromised:
        done = f"{counted(withdrawn, 'PIN')} withdrawn"
    if fingerprint is None:
        blocks: list[Block] = [
            Headline(Tone.GOOD, "rotation finished", done),
            Note("no new key was made: run it again for one"),
        ]
        return blocks
    about = f"new {kind} key {fingerprint}"
    more = f", {done}" * (resealed > 0 or withdrawn > 0)
    blocks = [Headline(Tone.GOOD, "rotated", about + more)]
    if withdrawn:
        blocks.append(Next("pincli pin show USER", "each opens a new PIN in the portal"))
    if compromised:
        blocks.append(Note("back the store up again: backups from before need the old key"))
    elif kind == "verify":
        blocks.append(Note("each PIN moves to it at its next correct answer"))
    return [*blocks, Note("back the keys up again")]


def _old(key: KeyInfo) -> str:
    if key.compromised:
        again = f"needed by {counted(key.users, 'user')}: run it again"
        what = again if key.users else "not used any more"
        return f"compromised; {what}"
    if not key.usable:
        return "holds no key, and nothing needs it: remove it"
    if key.kind == "audit":
        return "needed to check older events"
    return f"needed by {counted(key.users, 'user')}" if key.users else "unused, but for backups"
