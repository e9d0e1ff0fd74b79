"""The one sanitiser: text from data made safe for a terminal, and for a shell.

It stops escape sequences that retitle windows or write the clipboard (OSC 52), carriage
returns that overwrite a verdict, direction overrides that turn a name around, and names such as
`$(id)` in commands that a person copies.
"""

from __future__ import annotations

from pincli.rules.texts import all_printable, is_printable


def shown(text: str, *, unicode: bool = True) -> str:
    """The text with every unprintable character escaped, as in a Python literal.

    Args:
        text: Any text.
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


def command(*words: str) -> str:
    """`pincli` and these words, quoted for a shell."""
    import shlex

    return shlex.join(["pincli", *words])


def in_account(line: str, account: str) -> str:
    """A command line about a user, with their account."""
    import shlex

    return f"{line} {shlex.join(['--account', account])}"
