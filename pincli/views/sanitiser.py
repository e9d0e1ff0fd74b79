"""The one sanitiser: nothing that came from data reaches a terminal as a control character.

It stops escape sequences that retitle windows or write the clipboard (OSC 52), carriage
returns that overwrite a verdict, and direction overrides that turn a name around.
"""

from __future__ import annotations

from pincli.rules.texts import all_printable, is_printable


def shown(text: str, *, unicode: bool = True) -> str:
    """The text with every unprintable character escaped, as in a Python literal.

    Args:
        text: Anything.
        unicode: False to escape everything outside ASCII too.
    """
    if all_printable(text) and (unicode or text.isascii()):
        return text
    return "".join(
        character
        if is_printable(character) and (unicode or character.isascii())
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )
