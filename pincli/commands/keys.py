"""`pincli keys`: what keys there are, and changing them."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.errors import UsageProblem
from pincli.operations import keys as operation
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.views import keys as view
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar


def list_keys(invocation: Invocation) -> Answer:
    """List the keys.

    Fingerprints, ages, and how many users' records still need each.

    Example:
      pincli keys list
    """
    return view.listing(operation.list_keys(invocation.open()))


def rotate(
    invocation: Invocation,
    verify: Annotated[
        bool, typer.Option("--verify", help="The key that PINs are checked with.")
    ] = False,
    portal: Annotated[
        bool, typer.Option("--portal", help="The pair that PINs are sealed to; takes a while.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="The key that signs the audit trail.")
    ] = False,
) -> Answer:
    """Put a new key in the place of one.

    Example:
      pincli keys rotate --verify

    Nobody's PIN changes, and agents go on verifying. The old key stays beside the new
    one; `pincli keys list` says when nothing needs it any more.
    """
    given = {KeyKind.VERIFY: verify, KeyKind.PORTAL: portal, KeyKind.AUDIT: audit}
    chosen = [kind for kind, wanted in given.items() if wanted]
    if len(chosen) != 1:
        raise UsageProblem("one key at a time", "give one of --verify, --portal and --audit")
    kind = chosen[0]
    if kind is not KeyKind.PORTAL:
        fingerprint: str | None = operation.rotate(invocation.open(Need.WRITE), kind)
        return view.rotated(kind.value, fingerprint, 0)
    session = invocation.open(Need.WRITE, Need.SHOW_PIN)
    fingerprint = None if operation.is_resealing(session) else operation.rotate(session, kind)
    # Opened again: what is sealed from here on is sealed to the new key.
    session = invocation.open(Need.WRITE, Need.SHOW_PIN)
    with progress_bar("resealing") as progress:
        resealed = operation.reseal(session, progress=progress)
    return view.rotated(kind.value, fingerprint, resealed)
