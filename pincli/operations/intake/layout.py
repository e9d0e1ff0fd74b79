"""Which column of a file holds which field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pincli.errors import UsageProblem
from pincli.rules.profiles import FALLING_BACK, FIELDS, REQUIRED, Choices, Profile, profile_of

_NAMED_AT_MOST = 10
_LONGEST_LABEL = 40
_SAID = {"account", "type"}
"""Fields that an option can set for everybody."""


class Unfit(UsageProblem):
    """A file, or a row of JSON, has the wrong columns; `column` is one of them."""

    def __init__(self, message: str, hint: str, column: str) -> None:
        super().__init__(message, hint)
        self.column = column


_OURS: dict[str, Choices] = {field: ((field,),) for field in FIELDS}


class Plan(NamedTuple):
    """How to read rows with certain columns.

    Attributes:
        picks: Each field that a row has, and the columns that it comes from.
        constants: The fields that are the same in every row.
    """

    picks: list[tuple[str, Choices]]
    constants: dict[str, str]


class Layout(NamedTuple):
    """How a file is to be read.

    Attributes:
        columns: The columns of each field, as the file spells them.
        required: The fields that the file must have.
        fixed: What a profile sets for everybody, even if the file has a column for it.
        lacking: What the options set for fields that the file lacks.
        ignore_unknown: Whether other columns are left out, not refused.
        yes: More words for active users.
        no: More words for users who are not.
        profiles: Those that a file may be recognised by.
        mixed: Whether an account in the file overrides the one in `lacking`.
    """

    columns: Mapping[str, Choices] = _OURS
    required: Sequence[str] = REQUIRED
    fixed: Mapping[str, str] = {}
    lacking: Mapping[str, str] = {}
    ignore_unknown: bool = False
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    profiles: Mapping[str, Profile] = {}
    mixed: bool = False

    def plan(self, names: Sequence[str], *, nested: bool = False) -> Plan:
        """How to read rows with these columns.

        Args:
            names: The columns, in lower case.
            nested: Whether they are keys of JSON; a path may begin with one.

        Raises:
            Unfit: One is missing, there twice, or unknown.
        """
        have = set(names)
        key = _top if nested else str.casefold
        picks: list[tuple[str, Choices]] = []
        constants = dict(self.fixed)
        for field, choices in self.columns.items():
            there = [tuple(name for name in each if key(name) in have) for each in choices]
            present = tuple(filter(None, there))
            given = field in self.lacking
            if field in self.fixed:
                continue
            if present and given and not (field == "account" and self.mixed):
                raise Unfit(
                    f"the file has a column {label(present[0][0])!r}",
                    f"--{field} is for files that have none",
                    field,
                )
            if present:
                picks.append((field, present))
            elif given:
                constants[field] = self.lacking[field]
        found = {field for field, _ in picks} | set(constants)
        used = {key(name) for _, choices in picks for choice in choices for name in choice}
        self._require_all(found, names, "it" if nested else "the header")
        for name, times in Counter(names).items():
            if times > 1 and name in used:
                raise Unfit(f"the header has {label(name)!r} twice", "remove one of them", name)
        if not self.ignore_unknown:
            self._require_known(used, names)
        return Plan(picks, constants)

    def label(self, field: str) -> str:
        """The column that a field comes from."""
        return self.columns[field][0][0]

    def _require_all(self, found: set[str], names: Sequence[str], what: str) -> None:
        missing = [self.label(field) for field in self.required if field not in found]
        if missing:
            # What it has instead is not shown: without a header it is the first person's row.
            wanted = ", ".join(map(self.label, self.required))
            hint = (
                f"it needs {wanted}; --map says what it calls them: `--map user=userPrincipalName`"
            )
            if set(missing) <= _SAID:
                options = " ".join(f"--{name} {name.upper()}" for name in missing)
                hint = f"give it for all rows: {options}"
            raise Unfit(
                f"{what} lacks {_list(missing)}", self._recognised(names) or hint, missing[0]
            )

    def _require_known(self, known: set[str], names: Sequence[str]) -> None:
        unknown = [name for name in dict.fromkeys(names) if name not in known]
        if unknown:
            raise Unfit(
                f"unknown column{'s' if len(unknown) > 1 else ''} {_list(unknown)}",
                self._recognised(names) or _about_unknown(unknown),
                unknown[0],
            )

    def _recognised(self, names: Sequence[str]) -> str:
        """The hint for a file that looks like one profile's, and no other's."""
        fitting = [
            name
            for name, profile in self.profiles.items()
            if profile.known_by and {*map(_top, profile.known_by)} <= {*map(_top, names)}
        ]
        return f"it looks like --profile {fitting[0]}" if len(fitting) == 1 else ""


def layout_of(
    *,
    profile: str | None = None,
    maps: Sequence[str] = (),
    lacking: Mapping[str, str] | None = None,
    ignore_unknown: bool = False,
    mixed: bool = False,
    site: Mapping[str, Profile] | None = None,
) -> Layout:
    """The layout of a file, from options and configuration.

    Args:
        profile: Its name.
        maps: `field=column` each; `name` and `email` may come several times.
        lacking: Account and type for a file without them, by field.
        ignore_unknown: Whether other columns are left out.
        mixed: Whether an account in the file overrides the one in `lacking`.
        site: The profiles of the deployment.
    """
    profiles = {**shipped_profiles(), **(site or {})}
    chosen = profiles.get(profile or "")
    if profile and chosen is None:
        raise UsageProblem("unknown profile", f"the profiles are {', '.join(profiles)}")
    given = _mapped(maps)
    said = lacking or {}
    for field in {*given} & {*said}:
        raise UsageProblem(f"--map {field} and --{field} contradict each other", "give one of them")
    own = chosen or Profile({}, frozenset())
    # An export may call something else a type: the profile's counts, and the options before it.
    fixed = {"type": said.get("type", own.type)} if own.type and "type" not in given else {}
    # Without the column, everybody would become active.
    musts = {*REQUIRED, *given, *({"active"} & set(own.columns))}
    return Layout(
        {**_OURS, **own.columns, **given},
        [field for field in FIELDS if field in musts],
        fixed,
        {field: value for field, value in said.items() if field not in fixed},
        ignore_unknown or chosen is not None,
        own.yes,
        own.no,
        {} if chosen else profiles,
        mixed,
    )


@cache
def shipped_profiles() -> dict[str, Profile]:
    """The profiles that come with pincli, by name."""
    import tomllib

    tables = tomllib.loads(Path(__file__).with_name("profiles.toml").read_text(encoding="utf-8"))
    return {name: profile_of(table) for name, table in tables.items()}


def label(name: str) -> str:
    """A column's name as it can be shown: cut short, and valid text."""
    return name[:_LONGEST_LABEL].encode("utf-8", "backslashreplace").decode()


def _mapped(maps: Sequence[str]) -> dict[str, Choices]:
    found: dict[str, Choices] = {}
    for each in maps:
        field, _, column = (part.strip() for part in each.partition("="))
        if field not in FIELDS or not column:
            raise UsageProblem("--map takes FIELD=COLUMN", f"the fields are {', '.join(FIELDS)}")
        if field in found and field not in FALLING_BACK:
            raise UsageProblem(f"--map {field} is given twice", "give one of them")
        found[field] = (*found.get(field, ()), (column,))
    return found


def _top(path: str) -> str:
    """The column that a path into JSON begins with, in lower case."""
    return path.casefold().partition(".")[0]


def _about_unknown(names: Sequence[str]) -> str:
    """The hint about columns that pincli doesn't know."""
    leave = f"--ignore-unknown leaves {'it' if len(names) == 1 else 'them'} out"
    if "pin" not in names:
        return leave
    return f"imports carry no PINs, `pincli reset --issue` hands out new ones; {leave}"


def _list(names: Sequence[str]) -> str:
    shown = [repr(label(name)) for name in names[:_NAMED_AT_MOST]]
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
