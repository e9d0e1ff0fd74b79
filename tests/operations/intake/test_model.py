"""Any sequence of imports against a model of a few lines that knows nothing of pincli's."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pincli.operations import pins
from tests.operations.intake.files import FORMATS, Person
from tests.support.contract import call
from tests.support.desk import Desk, new_desk
from tests.support.driving import guess_wrong
from tests.support.turns import EVERYTHING

USERS = ["alice", "bob", "carol", "dave", "erin"]
ACCOUNTS = ["acme", "globex", "initech"]
WITHOUT = ("cloud-office", "datapipe")
KINDS = ["cloud", "dedicated", "federated", *WITHOUT]
NAMES = ["", "A", '"=x", y', "\u05d0\u05d1", "[red]"]


@dataclass(frozen=True)
class Known:
    """What the model knows of a user."""

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
    same_login: str
    missing: str | None


@dataclass
class Model:
    """Everybody, by account and name, as a few lines would have it."""

    users: dict[tuple[str, str], Known] = field(default_factory=dict)

    def take(self, step: Import) -> tuple[int, dict[str, int]]:
        """What an import does: its exit code and its figures."""
        names = [str(row["user"]).strip().casefold() for row in step.rows]
        accounts = [str(row["account"]).strip().casefold() for row in step.rows]
        pairs = list(zip(accounts, names, strict=True))
        try:
            before = [self._whose(pair, pairs, step.same_login) for pair in pairs]
        except LookupError:
            return 2, {}
        if len(set(pairs)) < len(pairs):
            return 2, {}
        known = {account for account, _ in self.users}
        if step.missing and step.missing not in {*known, *accounts}:
            return 6, {}
        active = [p for p, user in self.users.items() if p[0] == step.missing and user.active]
        gone = [pair for pair in active if pair not in pairs and pair not in before]
        if step.missing and len(gone) == len(active) and step.missing not in accounts:
            return 7, {}
        figures = {"rows": len(names), "added": 0, "updated": 0, "unchanged": 0}
        for pair, was, row in zip(pairs, before, step.rows, strict=True):
            figures[self._take_row(pair, was, row)] += 1
        for pair in gone:
            self.users[pair] = replace(self.users[pair], active=False, has_pin=False)
        return 0, {**figures, "deactivated": len(gone)}

    def _whose(
        self, pair: tuple[str, str], pairs: list[tuple[str, str]], same_login: str
    ) -> tuple[str, str] | None:
        """Who a row is about so far; LookupError where that is refused."""
        others = [p for p in self.users if p[1] == pair[1] and p not in pairs]
        if pair in self.users or not others or same_login == "new":
            return pair if pair in self.users else None
        new = [p for p in pairs if p[1] == pair[1] and p not in self.users]
        if same_login != "move" or len(others) > 1 or len(new) > 1:
            raise LookupError
        return others[0]

    def _take_row(self, pair: tuple[str, str], was: tuple[str, str] | None, row: Person) -> str:
        said = row["active"] == "yes" if "active" in row else None
        kind, shown = str(row["type"]), str(row["name"]).strip()
        if was is None:
            self.users[pair] = Known(shown, kind, said is not False)
            return "added"
        before = self.users.pop(was)
        active = before.active if said is None else said
        after = replace(before, name=shown, kind=kind, active=active)
        if kind in WITHOUT or not active:
            after = replace(after, has_pin=False)
        self.users[pair] = after
        return "unchanged" if after == before and was == pair else "updated"


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
    same_login=st.sampled_from(["refuse", "new", "move"]),
    missing=st.none() | st.sampled_from(ACCOUNTS),
)
looks = st.tuples(st.sampled_from(USERS), st.sampled_from([0, 2, 6]))
steps = st.lists(st.tuples(imports, st.lists(looks, max_size=3)), min_size=1, max_size=3)


def _collect(desk: Desk, model: Model, looks: Sequence[tuple[str, int]]) -> None:
    """Some customers get a PIN, and somebody guesses at it."""
    for name, misses in looks:
        called = [pair for pair in model.users if pair[1] == name]
        user = model.users[called[0]] if len(called) == 1 else None
        if user is None or user.state != "uncollected" or user.misses:
            continue
        with desk.session() as session:
            pins.show(session, name)
        guess_wrong(desk, name, misses)
        model.users[called[0]] = replace(user, has_pin=True, misses=misses)


def _deactivating(account: str) -> list[str]:
    return ["--deactivate-missing", "--account", account, "--at-most", str(len(USERS))]


def _compare(desk: Desk, model: Model) -> None:
    listed = call(desk, "user list --json").answer["users"]
    assert {
        (user["account"], user["user"]): (user["name"], user["type"], user["active"], user["state"])
        for user in listed
    } == {p: (user.name, user.kind, user.active, user.state) for p, user in model.users.items()}
    with desk.session() as session:
        for (account, name), user in model.users.items():
            (record,) = session.store.people.find(name, account)
            assert record.failed_attempts == user.misses
            assert (record.question is not None) == user.has_pin


def _bob(*accounts: str) -> list[Person]:
    return [{"user": "bob", "account": each, "name": "", "type": "cloud"} for each in accounts]


@settings(max_examples=40 if EVERYTHING else 12)
@given(steps=steps)
@example(  # one person, moved by two rows
    steps=[
        (Import(_bob("globex", "initech"), "array", "new", None), []),
        (Import(_bob("acme", "acme", "globex"), "array", "move", None), []),
    ]
)
def test_imports_do_what_the_model_does(
    steps: Sequence[tuple[Import, Sequence[tuple[str, int]]]],
) -> None:
    """Rows are added, updated, unchanged, moved or deactivated; twice is the same as once."""
    with tempfile.TemporaryDirectory() as folder:
        desk, model = new_desk(Path(folder)), Model()
        for step, looks in steps:
            path = Path(folder) / "people"
            path.write_bytes(FORMATS[step.kind](step.rows))
            words = ["import", str(path), "--json", "--yes"]
            words += ["--same-login", step.same_login]
            words += _deactivating(step.missing) if step.missing else []
            for time in ("once", "twice"):
                ran = call(desk, words)
                code, figures = model.take(step)
                assert ran.code == code, (time, ran)
                assert {word: ran.answer[word] for word in figures} == figures
                assert time == "once" or not figures or figures["unchanged"] == figures["rows"]
                _compare(desk, model)
            _collect(desk, model, looks)
