"""Who uses which command, and each command in a sentence: what `pincli --help` shows.

The sentences are the first ones of the commands' own help, and a test holds them equal:
importing every command to read them takes longer than a verify.
"""

from __future__ import annotations

SECTIONS = {
    "Support agents": {
        "verify": "Check a caller's support PIN.",
        "desk": "Check caller after caller, all shift, in one screen.",
        "status": "Show one user, a list, or the totals.",
        "alerts": "Show signs of an attack.",
    },
    "The customer portal": {
        "pin": "Show, change or check a PIN: the customer's own actions.",
        "unlock": "Release a locked PIN; the PIN itself stays.",
    },
    "Admins": {
        "user": "Add, list and show users; switch them off and on.",
        "import": "Add and update users from a file.",
        "reset": "Withdraw PINs: of users, of an attacked account, of everybody.",
        "audit": "Read and check the audit trail.",
    },
    "Upkeep": {
        "doctor": "Check whether all is well, and say what to do.",
        "backup": "Copy the store into a file, while agents verify.",
        "restore": "Bring a backup back; the replaced store is kept aside.",
        "keys": "List keys and change them.",
    },
    "Getting started": {
        "init": "Make a new store and its keys; never over existing ones.",
        "demo": "Tell the whole story on a throw-away store.",
        "completion": "Print a shell's completion script.",
        "help": "Show the help of a command, or about a topic.",
    },
}
"""By who uses them, in the order of the help; what is in none stands last."""

OTHERS = "Others"


def commands() -> list[str]:
    """Every command's first word, in the order of the help."""
    return [name for section in SECTIONS.values() for name in section]


def audience_of(words: list[str]) -> str:
    """Who uses a command, by its words; nobody in particular for pincli itself."""
    if not words:
        return ""
    return next((heading for heading, told in SECTIONS.items() if words[0] in told), OTHERS)
