"""What of a ticket is kept: all of it, unless it holds a PIN or could hold one."""

from __future__ import annotations

import re
import unicodedata

from pincli.errors import MalformedPin
from pincli.rules.names import mask_pins
from pincli.rules.pins import GAP, require_well_formed


def kept(ticket: str, answer: str | None, allowed: re.Pattern[str] | None) -> str:
    """A ticket as it may be recorded and shown.

    Args:
        ticket: As typed, cleaned.
        answer: The PIN that was given with it. Where it is six digits, the ticket may hold any
            others; without one, any six digits could be the PIN.
        allowed: What the tickets of this site look like.
    """
    try:
        require_well_formed(answer or "")
    except MalformedPin:
        is_ticket = allowed is not None and allowed.fullmatch(ticket.removeprefix("#"))
        return ticket if is_ticket else mask_pins(ticket)
    digits = "".join(str(unicodedata.decimal(each, each)) for each in ticket)
    for found in re.finditer(f"{GAP}{{0,3}}".join(answer or ""), digits):
        ticket = ticket[: found.start()] + "*" * len(found[0]) + ticket[found.end() :]
    return ticket
