"""Archiving the oldest events: none is lost or doubled, and no record changes."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import PincliError
from pincli.models import EventKind
from pincli.operations import archive as operation
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.store.postgresql.engine import PostgresStore
from tests.operations.restoring import backed_up, restored
from tests.store.attempting import left_open
from tests.support.ageing import days_ago, long_ago
from tests.support.bulk_work import IN_PIECES
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk, new_desk
from tests.support.driving import RIGHT, WRONG, Forks, asked
from tests.support.floor import copy_of
from tests.support.kills import filled, wrecks
from tests.support.postgresql import Server
from tests.support.served import ServedDesk, make_schema, served_desk
from tests.support.version_1 import Version1

pytestmark = pytest.mark.engines


def long_used(folder: Path, server: Server | None) -> Desk:
    """Three users, ninety days old; all called sixty days ago, and bob once later."""
    with long_ago(90):
        if server is None:
            desk = new_desk(folder)
        else:
            desk = served_desk(server.database(make_schema), folder)
        for user in ("alice", "bob", "gus"):
            desk.collected(user)
    with long_ago(60, desk), desk.session(command="verify") as session:
        verify(session, "alice", RIGHT, "T-1")
        verify(session, "bob", WRONG, None)
        for _ in range(6):
            verify(session, "gus", WRONG, None)
        with suppress(PincliError):
            verify(session, "nobody", RIGHT, "T-3")
    with long_ago(45, desk):
        asked(desk, "bob", WRONG)
    return desk


@pytest.fixture(scope="module")
def templates() -> Iterator[dict[str, Desk]]:
    """By engine, the store that tests copy."""
    made: dict[str, Desk] = {}
    yield made
    for desk in made.values():
        if isinstance(desk, ServedDesk):
            desk.database_there.drop()


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    templates: dict[str, Desk],
) -> Iterator[Desk]:
    """A store that has been in use for a long time."""
    engine = getattr(request, "param", "sqlite")
    if engine not in templates:
        server = None if engine == "sqlite" else request.getfixturevalue("server")
        templates[engine] = long_used(tmp_path_factory.mktemp(engine), server)
    desk = copy_of(templates[engine], tmp_path)
    yield desk
    if isinstance(desk, ServedDesk):
        desk.database_there.drop()


def archived(desk: Desk, path: Path, before: str = "40d") -> dict[str, Any]:
    return answer_of(call(desk, f"audit archive --before {before} --output {path} --json"))


def pieces_of(desk: Desk, folder: Path) -> list[Path]:
    """Archive in three files."""
    paths = [folder / f"{number}.jsonl" for number in range(3)]
    for path, before in zip(paths, ("80d", "50d", "40d"), strict=True):
        assert archived(desk, path, before)["events"]
    return paths


def verifying(*files: Path) -> str:
    """The command line that checks the trail with these files."""
    return " ".join(["audit verify", *(f"--archive {path}" for path in files)])


def finding(desk: Desk, *files: Path) -> str | None:
    with desk.session(Need.CHECK) as session:
        return check_trail(session, None, archives=files).finding


def numbers_in(path: Path) -> list[int]:
    lines = map(json.loads, path.read_text().splitlines()[1:-1])
    return [line.get("number", line.get("seq")) for line in lines]


def numbers(desk: Desk) -> list[int]:
    return [event.seq for event in desk.events()]


def test_old_events_are_only_in_the_file(desk: Desk, tmp_path: Path) -> None:
    """With their texts, and readable only by the owner; the trail records what was archived."""
    asked(desk, "alice", WRONG)
    before = numbers(desk)
    kept = [event.seq for event in desk.events() if event.at > days_ago(40)]
    path = tmp_path / "old.jsonl"
    answer = archived(desk, path)
    assert (answer["first"], answer["last"]) == (1, kept[0] - 1)
    assert numbers_in(path) == before[: -len(kept)]
    assert numbers(desk) == [*kept, kept[-1] + 1]
    assert desk.sql("SELECT number FROM texts") == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [*tmp_path.glob("*.part")] == []
    assert '"ticket":"T-1"' in path.read_text()
    event = desk.events()[-1]
    assert event.kind is EventKind.ARCHIVED
    assert f"1 to {kept[0] - 1}, sha256 {answer['digest']}" in str(event.reason)
    assert answer_of(call(desk, "audit verify --json"))["first"] == kept[0]
    assert answer_of(call(desk, f"{verifying(path)} --json"))["first"] == 1


def test_users_keep_counters_locks_and_pins(desk: Desk, tmp_path: Path) -> None:
    """For a desk without audit.key too; nobody gets a guess back."""
    path = tmp_path / "old.jsonl"
    archived(desk, path)
    assert desk.verify("gus", RIGHT).answer["state"] == "locked"
    assert desk.verify("alice", RIGHT).code == 0
    left = [desk.verify("bob", WRONG).answer["attempts_left"] for _ in range(4)]
    assert left == [3, 2, 1, 0]
    assert desk.verify("bob", RIGHT).answer["outcome"] == "locked"
    assert call(desk, "unlock gus --reason rang").code == 0
    assert call(desk, "alerts").code == 0
    assert finding(desk) is None
    assert finding(desk, path) is None


def test_files_are_checked_together_in_any_order(desk: Desk, tmp_path: Path) -> None:
    """The first files may be missing; a gap between files is an error."""
    asked(desk, "alice", WRONG)
    one, two, three = pieces_of(desk, tmp_path)
    for files in ((one, two, three), (three, one, two), (two, three), (three,), ()):
        assert finding(desk, *files) is None
    for files in ((one, three), (one, two), (two,)):
        message, hint = error_of(call(desk, verifying(*files)))
        assert "begins with event" in message
        assert "all that lie between" in hint


def test_an_earlier_head_is_found(desk: Desk, tmp_path: Path) -> None:
    """In the store, at its start or in a file; if only a file can have it, the hint says so."""
    heads = [f"{n}:{bytes(link).hex()}" for n, link in desk.sql("SELECT number, link FROM trail")]
    path = tmp_path / "old.jsonl"
    last = archived(desk, path)["last"]
    for head in (heads[last - 1], heads[-1]):
        assert call(desk, f"audit verify --expect-head {head}").code == 0
    early = f"--expect-head {heads[2]}"
    message, hint = error_of(call(desk, f"audit verify {early}"))
    assert "event 3 was archived" in message
    assert "--archive" in hint
    assert call(desk, f"{verifying(path)} {early}").code == 0
    forged = f"--expect-head {heads[2][:-4]}0000"
    assert call(desk, f"{verifying(path)} {forged}").code == 8


def test_the_same_command_again_does_nothing(desk: Desk, tmp_path: Path) -> None:
    """It answers the same; and with nothing to archive no file is made."""
    asked(desk, "alice", WRONG)
    first = archived(desk, tmp_path / "old.jsonl")
    before = numbers(desk)
    assert archived(desk, tmp_path / "old.jsonl") == {**first, "names_dropped": 0}
    assert archived(desk, tmp_path / "more.jsonl")["events"] == 0
    assert not (tmp_path / "more.jsonl").exists()
    assert numbers(desk) == before


@pytest.mark.folder
def test_the_file_of_another_past_is_no_archive(desk: Desk, tmp_path: Path) -> None:
    """It has the same store's seal, first event and length, and nothing is removed for it."""
    other = copy_of(desk, tmp_path / "other")
    for each, user in ((desk, "alice"), (other, "bob")):
        with long_ago(42, each):
            asked(each, user, RIGHT)
    path = tmp_path / "old.jsonl"
    archived(other, path)
    before = numbers(desk)
    assert call(desk, f"audit archive --before 40d --output {path}").code == 7
    assert numbers(desk) == before


def test_some_archives_are_refused(desk: Desk, tmp_path: Path) -> None:
    """Too young, over another file, in a secret folder, or with an attempt that stays open."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    part = tmp_path / "other.jsonl.part"
    part.write_text("user,account,name,pin\n")
    before = numbers(desk)
    for line in (
        f"--before 29d --output {tmp_path}/x",
        f"--before 40d --output {taken}",
        f"--before 40d --output {tmp_path}/other.jsonl",
        f"--before 40d --output {desk.keys}/x",
    ):
        error_of(refused := call(desk, f"audit archive {line}"))
        assert refused.code == 7, line
    assert (taken.read_text(), part.read_text()) == ("mine", "user,account,name,pin\n")
    assert numbers(desk) == before


def test_the_newest_event_stays(desk: Desk, tmp_path: Path) -> None:
    """Even in an unused store; no step can remove it."""
    last = numbers(desk)[-1]
    archived(desk, tmp_path / "old.jsonl")
    assert numbers(desk)[0] <= last
    with desk.session() as session, pytest.raises(ValueError, match=str(last + 1)):
        session.store.write(lambda transaction: transaction.forget(last + 1, old=False))
    assert numbers(desk)[-1] == last + 1


def test_an_attempt_that_was_left_open_is_ended_first(desk: Desk, tmp_path: Path) -> None:
    """Its end is a new event, so its charge can be archived."""
    with long_ago(42, desk):
        left_open(desk, desk.user("bob"))
    archived(desk, tmp_path / "old.jsonl")
    assert desk.user("bob").attempt is None
    assert desk.verify("bob", WRONG).answer["attempts_left"] == 2
    assert finding(desk) is None
    assert finding(desk, tmp_path / "old.jsonl") is None


def test_an_attempt_that_cant_be_ended_stops_the_archive(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its charge must stay in the store."""
    with long_ago(42, desk):
        left_open(desk, desk.user("bob"))
    monkeypatch.setattr(operation, "end_left_open", lambda _session: None)
    assert call(desk, f"audit archive --before 40d --output {tmp_path}/x").code == 7


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE trail SET agent = 'eve' WHERE number = 4",
        "DELETE FROM trail WHERE number = 5",
        "UPDATE texts SET ticket = 'T-2' WHERE ticket = 'T-1'",
        "UPDATE store SET start_seal = start_link",
    ],
)
def test_changed_events_are_not_archived(desk: Desk, tmp_path: Path, forgery: str) -> None:
    """The new sealed start would vouch for them: nothing is removed."""
    desk.sql(forgery)
    before = numbers(desk)
    assert call(desk, f"audit archive --before 40d --output {tmp_path}/x").code == 8
    assert numbers(desk) == before
    assert [*tmp_path.glob("x*")] == []


@pytest.mark.parametrize(
    "forgery",
    [
        # Of bob, whose events are all archived: an edited counter, and one with its seal taken.
        "UPDATE people SET failed_attempts = 0 WHERE login = 'bob'",
        "UPDATE people SET seal = (SELECT start_seal FROM store) WHERE login = 'bob'",
        # More is hidden, and a seal that really was at that number made the start.
        "UPDATE store SET (start_number, start_link, start_seal) = "
        "(SELECT number, link, seal FROM trail WHERE kind = 'archived')",
        "UPDATE store SET start_number = start_number - 1",
        "DELETE FROM trail WHERE number = (SELECT min(number) FROM trail)",
    ],
)
def test_changes_after_an_archive_are_found(desk: Desk, tmp_path: Path, forgery: str) -> None:
    """With the file and without."""
    asked(desk, "alice", WRONG)
    archived(desk, tmp_path / "old.jsonl")
    asked(desk, "alice", WRONG)
    desk.sql(forgery)
    if "seal FROM trail" in forgery:
        desk.sql("DELETE FROM trail WHERE number <= (SELECT start_number FROM store)")
        desk.sql("DELETE FROM texts WHERE number <= (SELECT start_number FROM store)")
    assert finding(desk) is not None
    assert finding(desk, tmp_path / "old.jsonl") is not None
    if not desk.is_served and "UPDATE people" in forgery:
        assert desk.verify("bob", WRONG).code == 8


@pytest.mark.folder
@pytest.mark.parametrize("start", ["1000, start_seal", "1000, x'00'"])
def test_an_unsealed_start_hides_nothing(desk: Desk, start: str) -> None:
    """An old row put back, with its user's events hidden, gives no guess."""
    before = desk.sql("SELECT * FROM people WHERE login = 'bob'")[0]
    asked(desk, "bob", WRONG)
    asked(desk, "alice", WRONG)
    desk.sql("DELETE FROM trail WHERE uid = (SELECT uid FROM people WHERE login = 'bob')")
    desk.sql("DELETE FROM people WHERE login = 'bob'")
    marks = ", ".join("?" * len(before))
    desk.sql(f"INSERT INTO people VALUES ({marks})", *before)  # noqa: S608
    desk.sql(f"UPDATE store SET (start_number, start_seal) = ({start})")  # noqa: S608
    assert desk.verify("bob", WRONG).answer["error"]["code"] == "tampered"


@pytest.mark.folder
def test_an_old_row_put_back_is_found_with_the_file(desk: Desk, tmp_path: Path) -> None:
    """Without the file nothing shows it, as the row's seal is right."""
    path = tmp_path / "old.jsonl"
    with long_ago(44, desk):
        before = desk.sql("SELECT * FROM people WHERE login = 'bob'")[0]
        asked(desk, "bob", WRONG)
    asked(desk, "alice", WRONG)
    archived(desk, path)
    desk.sql("DELETE FROM people WHERE login = 'bob'")
    marks = ", ".join("?" * len(before))
    desk.sql(f"INSERT INTO people VALUES ({marks})", *before)  # noqa: S608
    assert finding(desk) is None
    assert finding(desk, path) == "the record of bob was changed behind the trail"


def test_an_event_dated_in_the_future_goes_with_the_next_old_one(
    desk: Desk, tmp_path: Path
) -> None:
    """A clock was wrong. With an attempt that is still open, it stays."""
    with long_ago(-400, desk):
        left_open(desk, desk.user("alice"))
    with long_ago(43, desk):
        asked(desk, "bob", WRONG)
    last = numbers(desk)[-1]
    assert call(desk, f"audit archive --before 40d --output {tmp_path}/x").code == 7
    asked(desk, "alice", WRONG)
    answer = archived(desk, tmp_path / "old.jsonl")
    assert (answer["last"], answer["stopped_by"]) == (last, None)
    assert finding(desk, tmp_path / "old.jsonl") is None


def test_an_archive_says_which_event_is_in_its_way(desk: Desk, tmp_path: Path) -> None:
    """Later ones are older: a clock was wrong, and it says how to go on."""
    before = numbers(desk)[-1]
    with long_ago(35, desk):
        asked(desk, "alice", WRONG)
    with long_ago(43, desk):
        asked(desk, "bob", WRONG)
    line = f"audit archive --before 40d --output {tmp_path}"
    answer = call(desk, f"{line}/one.jsonl --json").answer
    assert answer["last"] == before
    assert answer["stopped_by"]["seq"] == before + 1
    assert answer["stopped_by"]["at"][:10] == days_ago(35)[:10]
    ran = call(desk, f"{line}/two.jsonl")
    assert f"event {before + 1} is in the way" in ran.out
    assert "a clock was wrong" in " ".join(ran.out.split())
    assert archived(desk, tmp_path / "two.jsonl", "32d")["stopped_by"] is None
    assert numbers(desk)[0] > before + 4


def test_names_of_unknown_users_are_dropped(desk: Desk, tmp_path: Path) -> None:
    """After thirty days, even if the event stays; the check accepts that."""
    with long_ago(35, desk), desk.session() as session, suppress(PincliError):
        verify(session, "norbert", RIGHT, None)
    with desk.session() as session, suppress(PincliError):
        verify(session, "nora", RIGHT, None)
    answer = archived(desk, tmp_path / "old.jsonl")
    assert answer["names_dropped"] == 2
    assert "nobody" not in (tmp_path / "old.jsonl").read_text()
    assert desk.sql("SELECT name FROM texts") == [("nora",)]
    assert finding(desk, tmp_path / "old.jsonl") is None
    desk.sql("DELETE FROM texts WHERE name = 'nora'")
    assert finding(desk) == "its texts were changed"


def test_a_mark_may_be_older_than_the_store_s_first_event(desk: Desk, tmp_path: Path) -> None:
    """A host whose mark names an archived event sees no rollback."""
    front = desk.front
    (mark,) = front.keys.glob("mark-*")
    shutil.copy(mark, tmp_path / "mark")
    asked(desk, "alice", WRONG)
    with long_ago(35, desk):
        asked(desk, "bob", WRONG)
    archived(desk, tmp_path / "old.jsonl", "33d")
    shutil.copy(tmp_path / "mark", mark)
    assert front.verify("bob", WRONG).code == 3
    shutil.copy(tmp_path / "mark", mark)
    assert call(desk, "audit verify").code == 0


def test_callers_verify_during_an_archive(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two chunks, and the trail stays right."""
    monkeypatch.setattr("pincli.operations.chunks.FULL_CHUNK", 5)
    asked(desk, "alice", WRONG)
    path, seen = tmp_path / "x", []

    def progress(done: int, _total: int) -> None:
        if path.exists():  # and now the store
            seen.append(done)
            assert asked(desk.front, "alice", WRONG if len(seen) % 2 else RIGHT)
            assert finding(desk) is None

    with desk.session(Need.WRITE, Need.CHECK) as session:
        operation.archive(session, days_ago(50), path, forbidden=(), progress=progress)
    assert len(seen) > 3
    assert finding(desk, path) is None


def test_killed_at_every_step(desk: Desk, tmp_path: Path) -> None:
    """Run again, it leaves each event either in the file or in the store."""
    every = numbers(desk)
    line = ("audit", "archive", "--before", "80d", "--output", "OUT/old.jsonl", "--json")
    with Forks() as forks:
        *dead, whole = wrecks(desk, forks, tmp_path / "n", *line, plan=IN_PIECES)
        assert whole.run.code == 0, whole.run
        for wreck in dead:
            copy, path = wreck.desk, wreck.folder / "old.jsonl"
            assert finding(copy, *[path] * path.exists()) is None, wreck.point
            again = forks.run(copy, *filled(line, wreck.folder))
            assert (again.code, again.answer.get("last")) == (0, 7), (wreck.point, again)
            assert [*numbers_in(path), *numbers(copy)][: len(every)] == every, wreck.point
            assert [event.kind for event in copy.events()].count(EventKind.ARCHIVED) == 1
            assert finding(copy, path) is None, wreck.point
            assert [*wreck.folder.glob("*.part")] == []
            if isinstance(copy, ServedDesk):
                copy.database_there.drop()


@pytest.mark.folder
def test_a_backup_from_before_the_archive_is_restored(desk: Desk, tmp_path: Path) -> None:
    """Its trail is whole, fits the file, and can be archived again."""
    path, again = tmp_path / "old.jsonl", tmp_path / "again.jsonl"
    asked(desk, "alice", WRONG)
    backup = backed_up(desk)
    archived(desk, path)
    asked(desk, "alice", WRONG)
    assert restored(desk, backup).withdrawn == 3
    assert numbers(desk)[0] == 1
    assert finding(desk, path) is None
    assert archived(desk, again)["last"] == numbers_in(path)[-1]
    assert finding(desk, again) is None
    assert finding(desk, path) is None


@pytest.mark.folder
@pytest.mark.parametrize("edit", ["", "UPDATE people SET failed_attempts = 0 WHERE login = 'bob'"])
def test_an_archived_store_is_restored(desk: Desk, tmp_path: Path, edit: str) -> None:
    """A PIN is withdrawn only if its record was changed behind the trail."""
    path = tmp_path / "old.jsonl"
    asked(desk, "alice", WRONG)
    archived(desk, path)
    if edit:
        desk.sql(edit)
        assert restored(desk, None).withdrawn == 1
        assert not desk.user("bob").question
    else:
        assert restored(desk, backed_up(desk)).withdrawn == 0
    assert desk.user("alice").question
    assert finding(desk) is None
    assert finding(desk, path) is None


def test_the_audit_key_may_be_compromised_after_an_archive(desk: Desk, tmp_path: Path) -> None:
    """The start gets a new seal, so users without events in the store go on."""
    path = tmp_path / "old.jsonl"
    asked(desk, "alice", WRONG)
    archived(desk, path)
    assert call(desk, "keys rotate --audit --compromised --yes").code == 0
    assert desk.verify("bob", WRONG).answer["attempts_left"] == 3
    assert call(desk, "unlock gus --reason rang").code == 0
    assert finding(desk) is None
    assert finding(desk, path) is None


@pytest.mark.folder
def test_an_archived_store_moves(desk: Desk, tmp_path: Path, server: Server) -> None:
    """On the server the trail begins at the same event."""
    path = tmp_path / "old.jsonl"
    asked(desk, "alice", WRONG)
    archived(desk, path)
    database = server.database(make_schema)
    there = ServedDesk(tmp_path / "none", desk.keys, database_there=database)
    assert call(desk, f"store move {there.location} --yes").code == 0
    assert there.verify("bob", WRONG).answer["attempts_left"] == 3
    assert finding(there) is None
    assert finding(there, path) is None
    database.drop()


@pytest.mark.folder
def test_the_epoch_stays_known(tmp_path: Path, server: Server) -> None:
    """Even if the event of the restore that began it is archived."""
    desk = long_used(tmp_path, server)
    with long_ago(42, desk), desk.session() as session:
        assert isinstance(session.store, PostgresStore)
        session.store.begin_epoch()
    asked(desk, "alice", WRONG)
    archived(desk, tmp_path / "old.jsonl")
    assert desk.sql("SELECT count(*) FROM trail WHERE kind = 'restored'") == [(0,)]
    assert finding(desk) is None
    desk.sql("UPDATE store SET epoch = epoch + 1")
    assert finding(desk) == "no restore has begun the store's epoch 2"
    assert isinstance(desk, ServedDesk)
    desk.database_there.drop()


@pytest.mark.folder
def test_events_of_schema_1_are_archived_in_pieces(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some, then the rest, then newer ones; all files fit together."""
    monkeypatch.setattr("tests.support.version_1.AT", days_ago(95))
    old = Version1(tmp_path / "one")
    for days in (90, 60):
        monkeypatch.setattr("tests.support.version_1.AT", days_ago(days))
        old.add(f"user{days}")
        old.miss(f"user{days}", 2)
    desk = old.close()
    with long_ago(45):
        asked(desk, "user60", WRONG)
    asked(desk, "user90", WRONG)
    every = numbers(desk)
    pieces = pieces_of(desk, tmp_path)
    archived = [number for path in pieces for number in numbers_in(path)]
    assert [*archived, *numbers(desk)][: len(every)] == every
    for count in range(4):
        assert finding(desk, *pieces[count:]) is None
    assert desk.verify("user90", WRONG).answer["attempts_left"] == 2
    text = pieces[1].read_text()
    pieces[1].write_text(text.replace('"attempts_used":1', '"attempts_used":0', 1))
    assert finding(desk, *pieces) == "the event was changed or put here"


EDITS: dict[str, Callable[[list[str]], list[str]]] = {
    "a line is missing": lambda lines: lines[:4] + lines[5:],
    "a line is there twice": lambda lines: lines[:4] + lines[3:],
    "an agent is another": lambda lines: [line.replace("tester", "eve", 1) for line in lines],
    "a number is a list": lambda lines: [line.replace(":3,", ":[3],", 1) for line in lines],
    "a ticket is another": lambda lines: [line.replace("T-1", "T-2") for line in lines],
    "the last event is missing": lambda lines: [*lines[:-2], lines[-1]],
    "the end has another seal": lambda lines: [*lines[:-1], f'{lines[-1][:-5]}00"}}\n'],
    "it begins elsewhere": lambda lines: [lines[0].replace('first":1', 'first":2'), *lines[1:]],
    "it is cut off": lambda lines: lines[:-1],
    "it goes on": lambda lines: [*lines, lines[-1]],
    "it is something else": lambda lines: ["444159\n", *lines],
}


@pytest.mark.folder
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_is_found(desk: Desk, tmp_path: Path, edit: str) -> None:
    """And the content of another file is not shown."""
    path = tmp_path / "old.jsonl"
    archived(desk, path)
    lines = path.read_text().splitlines(keepends=True)
    changed = EDITS[edit](lines)
    assert changed != lines
    path.write_text("".join(changed))
    ran = call(desk, f"{verifying(path)} --json")
    assert ran.code in (2, 8), ran
    assert "444159" not in ran.out


@pytest.mark.folder
@pytest.mark.parametrize("value", ["0.0", "[0]", r'"\ud800"'])
def test_a_value_that_no_event_has_is_found_where_it_is(
    desk: Desk, tmp_path: Path, value: str
) -> None:
    """The events before it are right, and are checked together with it."""
    path = tmp_path / "old.jsonl"
    archived(desk, path)
    lines = path.read_text().splitlines(keepends=True)
    place = max(place for place, line in enumerate(lines) if '"counter":0' in line)
    lines[place] = lines[place].replace('"counter":0', f'"counter":{value}')
    path.write_text("".join(lines))
    with desk.session(Need.CHECK) as session:
        report = check_trail(session, None, archives=[path])
    assert (report.seq, report.finding) == (place, "the event was changed or put here")
