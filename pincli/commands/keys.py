"""`pincli keys`: list the keys and replace them."""

from __future__ import annotations

from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption, option
from pincli.commands.prompts import confirm, require_confirmable
from pincli.errors import UsageProblem
from pincli.operations import keys as operation
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.views import keys as view
from pincli.views.answer import Answer
from pincli.views.progress import progress_bar

_QUESTIONS = {
    KeyKind.VERIFY: "Make a new verify key, and withdraw every PIN that was made under another?",
    KeyKind.AUDIT: "Make a new audit key, and make older backups useless?",
}


def list_keys(invocation: Invocation) -> Answer:
    """List the keys.

    Fingerprints, ages, and how many users' records still need each.

    Example:
      pincli keys list
    """
    return view.listing(operation.list_keys(invocation.open()))


def rotate(
    invocation: Invocation,
    verify: Annotated[bool, option("--verify", "The key that PINs are checked with.")] = False,
    portal: Annotated[
        bool, option("--portal", "The pair that PINs are sealed to; takes a while.")
    ] = False,
    audit: Annotated[bool, option("--audit", "The key that seals the audit trail.")] = False,
    compromised: Annotated[
        bool, option("--compromised", "Others may have it: trust nothing made with it.")
    ] = False,
    yes: YesOption = False,
) -> Answer:
    """Replace a key with a new one.

    Example:
      pincli keys rotate --verify
      pincli keys rotate --verify --compromised

    No PIN changes, and agents go on verifying. The old key is kept; `pincli keys list` says
    when nothing needs it any more.

    With --compromised, old keys of that kind are never loaded again. --verify also withdraws
    every PIN that was made under one: each customer opens a new PIN in the portal. --audit
    also seals every record again; older backups can't be restored afterwards.
    """
    given = {KeyKind.VERIFY: verify, KeyKind.PORTAL: portal, KeyKind.AUDIT: audit}
    chosen = [kind for kind, wanted in given.items() if wanted]
    if len(chosen) != 1:
        raise UsageProblem("one key at a time", "give one of --verify, --portal and --audit")
    kind = chosen[0]
    if compromised:
        return _distrust(invocation, kind, yes=yes)
    if kind is not KeyKind.PORTAL:
        return view.rotated(kind.value, operation.rotate(invocation.open(Need.WRITE), kind), 0)
    session = invocation.open(Need.WRITE, Need.SHOW_PIN)
    fingerprint = None if operation.is_resealing(session) else operation.rotate(session, kind)
    # Opened again, to seal to the new key.
    session = invocation.open(Need.WRITE, Need.SHOW_PIN)
    with progress_bar("resealing") as progress:
        resealed = operation.reseal(session, progress=progress)
    return view.rotated(kind.value, fingerprint, resealed)


def _distrust(invocation: Invocation, kind: KeyKind, *, yes: bool) -> Answer:
    """Replace a key that others may have, or finish a run that was cut short."""
    if kind is KeyKind.PORTAL:
        raise UsageProblem(
            "somebody with portal.key and the store has every PIN",
            "pincli keys rotate --portal, then pincli reset --all",
        )
    require_confirmable(yes=yes)
    if not yes:
        confirm(_QUESTIONS[kind])
    session = invocation.open(Need.WRITE)
    if kind is KeyKind.AUDIT:
        new = operation.rotate(session, kind)
        with progress_bar("sealing") as progress:
            operation.distrust(session, progress=progress)
        return view.rotated(kind.value, new, 0, compromised=True)
    fingerprint = None
    if not operation.is_withdrawing(session):
        fingerprint = operation.rotate(session, kind, compromised=True)
    with progress_bar("withdrawing") as progress:
        withdrawn = operation.withdraw_compromised(session, progress=progress)
    return view.rotated(kind.value, fingerprint, 0, withdrawn=withdrawn, compromised=True)
