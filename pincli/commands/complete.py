"""`pincli complete`: the candidates at the cursor, for the completion scripts.

It prints one candidate a line, its help after a tab. A line that begins with a tab says what
the shell itself completes: files or folders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pincli.commands.command_tree import Place, root
from pincli.commands.invocation import Invocation
from pincli.commands.options import argument
from pincli.commands.registry import front_page
from pincli.errors import PincliError
from pincli.operations.find import accounts_with, names_beginning
from pincli.store.opening import open_store
from pincli.views.answer import Answer
from pincli.views.manual.topics import ABOUT

FILES, FOLDERS = "\tfiles", "\tfolders"
_BY_THE_SHELL = {"file": (FILES,), "dir": (FOLDERS,), "location": (FOLDERS,)}
_COLUMNS: dict[str, Literal["login", "account"]] = {"user": "login", "account": "account"}
_NAMES_SOMEBODY_NEW = ("user", "add")


def complete(
    invocation: Invocation,
    words: Annotated[list[str] | None, argument("[WORD...]", "The words up to the cursor.")] = None,
) -> Answer:
    """Print the candidates at the cursor. Errors are silent: it runs at a Tab.

    Example:
      pincli complete -- verify al
    """
    *before, word = words or [""]
    try:
        found = list(_Line(invocation, before).candidates(word))
    except Exception:  # the person is typing another command, and wants no error of this one
        found = []
    return Answer({"candidates": found}, text="".join(f"{each}\n" for each in found))


class _Line:
    """A command line up to the word at the cursor."""

    def __init__(self, invocation: Invocation, before: Iterable[str]) -> None:
        self._invocation = invocation
        self._place = root(invocation.program)
        self._waiting: Any = None
        """The option whose value is next."""
        self._literal = False
        """After `--`."""
        self._given = 0
        """The number of arguments."""
        self._users: list[str] = []
        """The named users."""
        self._options_given: set[str] = set()
        for word in before:
            self._read(word)

    def candidates(self, word: str) -> Iterable[str]:
        """The candidates for the word at the cursor, of which this much is typed."""
        if self._waiting is not None:
            return self._values(self._waiting, word)
        if word.startswith("-") and not self._literal:
            name, equals, value = word.partition("=")
            option = self._option(name)
            if not equals:
                return _beginning(word, self._options())
            values = () if option is None else self._values(option, value)
            return (each if each in (FILES, FOLDERS) else f"{name}={each}" for each in values)
        if self._place.is_group:
            return _beginning(word, _commands(self._place))
        argument = self._argument()
        if argument is not None:
            return self._values(argument, word)
        return () if word or self._literal else self._following()

    def _following(self) -> Iterable[str]:
        """The options; if several accounts have the login, only `--account`."""
        several = self._accounts()[1:] and "account" not in self._options_given
        return _beginning("--account", self._options()) if several else self._options()

    def _read(self, word: str) -> None:
        if self._waiting is not None:
            self._take(self._waiting, word)
            self._waiting = None
        elif word.startswith("-") and not self._literal:
            self._literal = word == "--"
            name, equals, value = word.partition("=")
            option = self._option(name)
            if option is not None and equals:
                self._take(option, value)
            else:
                self._waiting = option
        elif self._place.is_group:
            place = self._place.child(word)
            if place is None:
                raise LookupError(word)
            self._place = place
        else:
            place = self._argument()
            if place is not None and _word_for(place) == "user":
                self._users.append(word)
            self._given += 1

    def _argument(self) -> Any:
        """The argument at the cursor, if there may be one."""
        arguments = self._parameters("argument")
        if self._given < len(arguments) or (arguments and arguments[-1].nargs == -1):
            return arguments[min(self._given, len(arguments) - 1)]
        return None

    def _accounts(self) -> list[str]:
        """The accounts that have one of the named users."""
        if self._users and self._place.path != _NAMES_SOMEBODY_NEW:
            with suppress(PincliError):  # options are completed without a store, too
                return _names(self._invocation, lambda store: accounts_with(store, self._users))
        return []

    def _take(self, option: Any, value: str) -> None:
        """Note an option's value: the store that the line names is asked for names."""
        self._options_given.add(option.name)
        if _word_for(option) == "user":
            self._users.append(value)
        if option.name in ("store", "keys"):
            setattr(self._invocation, option.name, Path(value).expanduser())

    def _parameters(self, kind: str) -> list[Any]:
        return [each for each in self._place.parameters if each.param_type_name == kind]

    def _option(self, name: str) -> Any:
        """The option of that name, if it takes a value."""
        options = (each for each in self._parameters("option") if name in each.opts)
        return next((each for each in options if not each.is_flag), None)

    def _options(self) -> Iterator[str]:
        for each in self._parameters("option"):
            yield _described(max(each.opts, key=len), each.help or "")

    def _values(self, parameter: Any, begun: str) -> Iterable[str]:
        """The values of a parameter, by its type and its word in the help."""
        choices = getattr(parameter.type, "choices", None)
        word = _word_for(parameter)
        if choices:
            return _beginning(begun, map(str, choices))
        if word == "topic":
            commands = (name for section in front_page().values() for name in section)
            topics = (_described(topic, text) for topic, text in ABOUT.items())
            return _beginning(begun, [*commands, *topics])
        if word == "user" and self._place.path == _NAMES_SOMEBODY_NEW:
            return ()
        if word == "account" and parameter.name == "account" and (found := self._accounts()):
            return _beginning(begun, found)
        if word in _COLUMNS:
            column = _COLUMNS[word]
            return _names(self._invocation, lambda store: names_beginning(store, column, begun))
        return _BY_THE_SHELL.get(word, ())


def _commands(place: Place) -> Iterator[str]:
    if place.path:
        for each in place.below():
            yield _described(each.path[-1], each.command.get_short_help_str(limit=200))
        return
    for section in front_page().values():  # without importing every command
        for name, summary in section.items():
            yield _described(name, summary)


def _described(word: str, text: str) -> str:
    return f"{word}\t{text.rstrip('.')}"


def _word_for(parameter: Any) -> str:
    """The help's word for a parameter's value."""
    return (parameter.metavar or "").strip("[].").lower()


def _names(invocation: Invocation, names: Callable[[Any], list[str]]) -> list[str]:
    """Names from the store. There is no session: completion needs no key and never writes."""
    if not invocation.may_run(f"pincli {invocation.command}"):
        return []
    config = invocation.config
    store = open_store(config.store, config.keys, origin=invocation.origin, read_only=True)
    try:
        return names(store)
    finally:
        store.close()


def _beginning(text: str, candidates: Iterable[str]) -> Iterator[str]:
    return (each for each in candidates if each.startswith(text.lower()))
