"""`pincli keys`: what keys there are, and changing them."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import deliver, new_app, opened
from pincli.errors import UsageProblem
from pincli.operations import keys as operation
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.views import keys as view
from pincli.views.exit_codes import ExitCode
from pincli.views.progress import progress_bar

GROUP = True
app = new_app(group=True)


@app.callback(epilog=example("pincli keys list"))
def keys() -> None:
    """List keys and change them."""


@app.command("list", epilog=example("pincli keys list"), exits=(ExitCode.REFUSED,))
def list_keys(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the keys.

    Fingerprints, ages, and how many users' records still need each.
    """
    with opened(ctx) as session:
        result = operation.list_keys(session)
    deliver(ctx, view.listing(result), as_json=as_json)


@app.command(
    epilog=example("pincli keys rotate --verify")
    + "\n\nNobody's PIN changes, and agents go on verifying. The old key stays beside the new"
    " one; `pincli keys list` says when nothing needs it any more.",
    exits=(ExitCode.REFUSED,),
)
def rotate(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="The key that PINs are checked with.")
    ] = False,
    portal: Annotated[
        bool, typer.Option("--portal", help="The pair that PINs are sealed to; takes a while.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="The key that signs the audit trail.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a new key in the place of one."""
    chosen = [
        kind
        for kind, wanted in (
            (KeyKind.VERIFY, verify),
            (KeyKind.PORTAL, portal),
            (KeyKind.AUDIT, audit),
        )
        if wanted
    ]
    if len(chosen) != 1:
        raise UsageProblem("one key at a time", "give one of --verify, --portal and --audit")
    kind = chosen[0]
    needs = (Need.WRITE, Need.SHOW_PIN) if kind is KeyKind.PORTAL else (Need.WRITE,)
    with opened(ctx, *needs) as session:
        unfinished = kind is KeyKind.PORTAL and operation.is_resealing(session)
        fingerprint = None if unfinished else operation.rotate(session, kind)
    resealed = 0
    if kind is KeyKind.PORTAL:
        with opened(ctx, *needs) as session, progress_bar("sealing anew") as progress:
            resealed = operation.reseal(session, progress=progress)
    deliver(ctx, view.rotated(kind.value, fingerprint, resealed), as_json=as_json)
