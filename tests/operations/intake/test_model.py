"""Any sequence of imports against a model of a few lines that knows nothing of pincli's."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pincli.operations import pins
from tests.operations.intake.files import FORMATS, Person
from tests.support.contract import call
from tests.support.desk import Desk, new_desk
from tests.support.driving import guess_wrong

USERS = ["alice", "bob", "carol", "dave", "erin"]
ACCOUNTS = ["acme", "globex"]
WITHOUT = ("cloud-office", "datapipe")
KINDS = ["cloud", "dedicated", "federated", *WITHOUT]
NAMES = ["", "A", '"=x", y', "\u05d0\u05d1", "[red]"]


@dataclass(frozen=True)
class Known:
    """What the model knows of a user."""

    account: str
    name: str
    kind: str
    active: bool = True
    has_pin: bool = False
    misses: int = 0

    @property
    def state(self) -> str:
        """DESIGN.md, 2.3, written down again."""
        if not self.active:
            return "inactive"
        if self.kind in WITHOUT:
            return "ineligible"
        if self.misses == 6:
            return "locked"
        return "active" if self.has_pin else "uncollected"


@dataclass(frozen=True)
class Import:
    """One import: a file, its format, and how it is called."""

    rows: Sequence[Person]
    kind: str
    allow_move: bool
    missing: str | None


@dataclass
class Model:
    """Everybody, by name, as a few lines would have it."""

    users: dict[str, Known] = field(default_factory=dict)

    def take(self, step: Import) -> tuple[int, dict[str, int]]:
        """What an import does: its exit code and its figures."""
        if step.missing and all(user.account != step.missing for user in self.users.values()):
            accounts_known = False
        else:
            accounts_known = True
        names = [str(row["user"]).strip().casefold() for row in step.rows]
        accounts = [str(row["account"]).strip().casefold() for row in step.rows]
        moves = any(
            name in self.users and self.users[name].account != account
            for name, account in zip(names, accounts, strict=True)
        )
        if len(set(names)) < len(names) or (moves and not step.allow_move):
            return 2, {}
        if not accounts_known:
            return 6, {}
        gone = [
            name
            for name, user in self.users.items()
            if user.account == step.missing and user.active and name not in names
        ]
        active = [u for u in self.users.values() if u.account == step.missing and u.active]
        if step.missing and len(gone) == len(active) and step.missing not in accounts:
            return 7, {}
        figures = {"rows": len(names), "added": 0, "updated": 0, "unchanged": 0}
        for name, account, row in zip(names, accounts, step.rows, strict=True):
            figures[self._take_row(name, account, row)] += 1
        for name in gone:
            self.users[name] = replace(self.users[name], active=False, has_pin=False)
        return 0, {**figures, "deactivated": len(gone)}

    def _take_row(self, name: str, account: str, row: Person) -> str:
        before = self.users.get(name)
        said = row["active"] == "yes" if "active" in row else None
        kind, shown = str(row["type"]), str(row["name"]).strip()
        if before is None:
            self.users[name] = Known(account, shown, kind, said is not False)
            return "added"
        active = before.active if said is None else said
        after = replace(before, account=account, name=shown, kind=kind, active=active)
        if kind in WITHOUT or not active:
            after = replace(after, has_pin=False)
        self.users[name] = after
        return "unchanged" if after == before else "updated"


fields = {
    "user": st.sampled_from([*USERS, "ALICE", " Bob "]),
    "account": st.sampled_from([*ACCOUNTS, " ACME"]),
    "name": st.sampled_from(NAMES),
    "type": st.sampled_from(KINDS),
}
silent = st.fixed_dictionaries(fields)
saying = st.fixed_dictionaries({**fields, "active": st.sampled_from(["yes", "yes", "no"])})


def lists(rows: st.SearchStrategy[Person]) -> st.SearchStrategy[list[Person]]:
    """Files of rows that all have the same columns; in half of them nobody twice."""
    return st.lists(
        rows, min_size=1, max_size=5, unique_by=lambda row: str(row["user"]).strip().casefold()
    ) | st.lists(rows, min_size=1, max_size=4)


imports = st.builds(
    Import,
    rows=lists(silent) | lists(saying),
    kind=st.sampled_from(sorted(FORMATS)),
    allow_move=st.booleans() | st.just(True),
    missing=st.none() | st.sampled_from(ACCOUNTS),
)
looks = st.tuples(st.sampled_from(USERS), st.sampled_from([0, 2, 6]))
steps = st.lists(st.tuples(imports, st.lists(looks, max_size=3)), min_size=1, max_size=3)


def _collect(desk: Desk, model: Model, looks: Sequence[tuple[str, int]]) -> None:
    """Some customers get a PIN, and somebody guesses at it."""
    for name, misses in looks:
        user = model.users.get(name)
        if user is None or user.state != "uncollected" or user.misses:
            continue
        with desk.session() as session:
            pins.show(session, name)
        guess_wrong(desk, name, misses)
        model.users[name] = replace(user, has_pin=True, misses=misses)


def _deactivating(account: str) -> list[str]:
    return ["--deactivate-missing", "--account", account, "--at-most", str(len(USERS))]


def _compare(desk: Desk, model: Model) -> None:
    listed = call(desk, "user list --json").answer["users"]
    assert {
        user["user"]: (user["account"], user["name"], user["type"], user["active"], user["state"])
        for user in listed
    } == {
        name: (user.account, user.name, user.kind, user.active, user.state)
        for name, user in model.users.items()
    }
    for name, user in model.users.items():
        record = desk.user(name)
        assert (record.failed_attempts, record.question is not None) == (user.misses, user.has_pin)


@settings(max_examples=40)
@given(steps=steps)
def test_imports_do_what_the_model_does(
    steps: Sequence[tuple[Import, Sequence[tuple[str, int]]]],
) -> None:
    """Added, updated, unchanged, moved, switched off, type changed; and twice is once."""
    with tempfile.TemporaryDirectory() as folder:
        desk, model = new_desk(Path(folder)), Model()
        for step, looks in steps:
            path = Path(folder) / "people"
            path.write_bytes(FORMATS[step.kind](step.rows))
            words = ["import", str(path), "--json", "--yes"]
            words += ["--allow-move"] if step.allow_move else []
            words += _deactivating(step.missing) if step.missing else []
            for time in ("once", "twice"):
                ran = call(desk, words)
                code, figures = model.take(step)
                assert ran.code == code, (time, ran)
                assert {word: ran.answer[word] for word in figures} == figures
                assert time == "once" or not figures or figures["unchanged"] == figures["rows"]
                _compare(desk, model)
            _collect(desk, model, looks)
