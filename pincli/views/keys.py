"""Keys: what there is, and what was changed."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.results import KeyInfo
from pincli.views.blocks import Answer, Block, Headline, Note, Table, Tone
from pincli.views.times import said


def listing(keys: Sequence[KeyInfo]) -> Answer:
    """The answer of `keys list`."""
    rows = [
        (key.file, key.fingerprint, "present" if key.present else _old(key), said(key.made_at))
        for key in keys
    ]
    return Answer(
        {"keys": [key._asdict() for key in keys]},
        lambda: [
            Table(
                ("file", "fingerprint", "use", "made"),
                [rows],
                "no keys here",
                folding=("file", "use"),
            )
        ],
    )


def rotated(kind: str, fingerprint: str | None, resealed: int) -> Answer:
    """The answer of `keys rotate`.

    Args:
        kind: Which key.
        fingerprint: The new one's; None where only an earlier rotation was finished.
        resealed: How many PINs were sealed to it.
    """
    return Answer(
        {"kind": kind, "fingerprint": fingerprint, "resealed": resealed},
        lambda: _screen(kind, fingerprint, resealed),
    )


def _screen(kind: str, fingerprint: str | None, resealed: int) -> list[Block]:
    if fingerprint is None:
        blocks: list[Block] = [
            Headline(Tone.GOOD, "rotation finished", f"{resealed} PINs resealed"),
            Note("no new key was made: run it again for one"),
        ]
        return blocks
    about = f"new {kind} key {fingerprint}"
    blocks = [
        Headline(Tone.GOOD, "rotated", about + (f", {resealed} PINs resealed" * (resealed > 0)))
    ]
    if kind == "verify":
        blocks.append(Note("each PIN moves to it at its next correct answer"))
    return [*blocks, Note("back the keys up again")]


def _old(key: KeyInfo) -> str:
    if not key.usable:
        return "holds no key, and nothing needs it: remove it"
    if key.kind == "audit":
        return "needed to check older events"
    return f"needed by {key.users} users" if key.users else "unused, but for backups"
