"""The mark: it only goes forward, survives a kill at any instant, and trusts no other file."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.store.mark import NOWHERE, Mark, Seen, place_of
from tests.store.mark_writer import PLACE, STORE, seen
from tests.support.turns import EVERYTHING

OTHER = bytes(range(1, 17))
SLOTS = (0, 4096)
SLOT_BYTES = 144


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every mark that a test leaves open: thousands use up a worker's descriptors."""
    begin, end = Mark.__init__, Mark.close
    still_open: set[Mark] = set()

    def opened(mark: Mark, descriptor: int, path: Path, store_id: bytes) -> None:
        begin(mark, descriptor, path, store_id)
        still_open.add(mark)

    def closed(mark: Mark) -> None:
        still_open.discard(mark)
        end(mark)

    monkeypatch.setattr(Mark, "__init__", opened)
    monkeypatch.setattr(Mark, "close", closed)
    yield
    for mark in [*still_open]:
        mark.close()


@pytest.fixture
def mark(tmp_path: Path) -> Mark:
    """An empty mark."""
    made = Mark.make(tmp_path, STORE)
    assert made is not None
    return made


def reopened(mark: Mark) -> Mark:
    """The same mark as another process opens it."""
    opened = Mark.open(mark.path.parent, STORE)
    assert opened is not None
    return opened


def overwrite(mark: Mark, slot: int, content: bytes) -> None:
    """Write bytes at the start of a slot."""
    with mark.path.open("r+b") as file:
        file.seek(SLOTS[slot])
        file.write(content)


def slot_of(mark: Mark, slot: int) -> bytes:
    """The bytes of a slot."""
    return mark.path.read_bytes()[SLOTS[slot] :][:SLOT_BYTES]


def test_there_is_none_before_one_is_made(tmp_path: Path) -> None:
    """Opening finds no mark and makes none, even without a folder."""
    assert Mark.open(tmp_path, STORE) is None
    assert Mark.open(tmp_path / "missing", STORE) is None
    assert list(tmp_path.iterdir()) == []


def test_a_new_mark_has_seen_nothing(mark: Mark) -> None:
    """It is a plain file, private to its owner and named after the store."""
    assert mark.read() is None
    assert mark.path.name == f"mark-{STORE.hex()}"
    facts = mark.path.stat()
    assert stat.S_IMODE(facts.st_mode) == 0o600
    assert stat.S_ISREG(facts.st_mode)


def test_what_was_written_is_read_in_every_process(mark: Mark) -> None:
    """Number, link, epoch and place are read back, by the writer and by a new process."""
    written = Seen(2**63 - 1, bytes(range(32)), 2**63, bytes(range(32, 64)))
    assert mark.write(written)
    assert mark.read() == written
    assert reopened(mark).read() == written


def test_two_descriptors_write_in_turn(mark: Mark) -> None:
    """A process that wrote long ago does not overwrite newer writes of others."""
    other = reopened(mark)
    for number in range(1, 20):
        assert (mark, other)[number % 3 == 0].write(seen(number))
        assert mark.read() == other.read() == seen(number)


def test_each_write_leaves_the_one_before(mark: Mark) -> None:
    """The slots are used in turn, and nothing else in the file changes."""
    mark.write(seen(1))
    before = slot_of(mark, 0)
    mark.write(seen(2))
    assert slot_of(mark, 0) == before
    between = slot_of(mark, 1)
    mark.write(seen(3))
    assert slot_of(mark, 1) == between
    assert mark.path.stat().st_size == SLOTS[1] + SLOT_BYTES


@pytest.mark.parametrize("written", range(1, 5))
def test_a_torn_write_leaves_what_was_there(mark: Mark, written: int) -> None:
    """A write cut off after any byte does not count, and the next one replaces it."""
    for number in range(1, written + 1):
        mark.write(seen(number))
    slot = written % 2
    before = mark.path.read_bytes()
    old = slot_of(mark, slot)
    mark.write(seen(written + 1))
    new = slot_of(mark, slot)
    for cut in range(SLOT_BYTES):
        mark.path.write_bytes(before)
        overwrite(mark, slot, new[:cut] + old[cut:])
        assert mark.read() == seen(written)
        assert mark.write(seen(written + 2))
        assert mark.read() == seen(written + 2)
    assert reopened(mark).read() == seen(written + 2)


def test_every_flipped_bit_shows(mark: Mark) -> None:
    """A slot with any flipped bit does not count; with both damaged, nothing was seen."""
    mark.write(seen(1))
    mark.write(seen(2))
    whole = mark.path.read_bytes()
    for byte in range(SLOT_BYTES):
        mark.path.write_bytes(whole)
        for slot, left in ((1, seen(1)), (0, None)):
            content = bytearray(slot_of(mark, slot))
            content[byte] ^= 1 << byte % 8
            overwrite(mark, slot, bytes(content))
            assert mark.read() == left, byte


def test_a_mark_that_was_damaged_is_made_good_by_the_next_write(mark: Mark) -> None:
    """The next write repairs a mark with two damaged slots."""
    for number in (1, 2):
        mark.write(seen(number))
    for slot in (0, 1):
        overwrite(mark, slot, bytes(SLOT_BYTES))
    assert mark.read() is None
    assert mark.write(seen(7))
    assert mark.write(seen(8))
    assert reopened(mark).read() == seen(8)


@pytest.mark.parametrize("size", [0, 1, 143, 144, 4096, 4239])
def test_a_short_file_is_read_as_far_as_it_goes(mark: Mark, size: int) -> None:
    """A file that a power cut shortened keeps its whole slots, and goes on."""
    mark.write(seen(1))
    mark.write(seen(2))
    os.truncate(mark.path, size)
    assert mark.read() == (seen(1) if size >= SLOT_BYTES else None)
    assert mark.write(seen(3))
    assert reopened(mark).read() == seen(3)


def test_the_slots_of_another_store_do_not_count(mark: Mark) -> None:
    """Another store's mark under this one's name has seen nothing."""
    other = Mark.make(mark.path.parent, OTHER)
    assert other is not None
    other.write(seen(9))
    mark.path.write_bytes(other.path.read_bytes())
    assert mark.read() is None


def test_another_format_does_not_count(mark: Mark) -> None:
    """A slot with another format does not count, even with a right checksum."""
    import hashlib

    mark.write(seen(1))
    packed = b"pincli\x00\x02" + slot_of(mark, 0)[8:-32]
    overwrite(mark, 0, packed + hashlib.sha256(packed).digest())
    assert mark.read() is None


LAST = Seen(10, bytes(32), 5, PLACE)


@pytest.mark.parametrize(
    ("next_", "follows"),
    [
        (LAST, True),
        (LAST._replace(number=11, link=bytes([1]) * 32), True),
        (LAST._replace(number=11, epoch=6), True),
        (LAST._replace(epoch=6), True),
        (LAST._replace(number=9), False),
        (LAST._replace(number=9, epoch=6), False),
        (LAST._replace(link=bytes([1]) * 32), False),
        (LAST._replace(number=11, epoch=4), False),
        (LAST._replace(number=11, place=bytes([1]) * 32), False),
    ],
)
def test_a_mark_goes_back_only_for_a_restore(mark: Mark, next_: Seen, follows: bool) -> None:
    """Only a restore writes a lower number, another link, an older epoch or another place."""
    mark.write(LAST)
    assert mark.write(next_) is follows
    assert mark.read() == (next_ if follows else LAST)
    assert mark.write(next_, restored=True)
    assert reopened(mark).read() == next_


def test_a_mark_of_a_server_never_goes_back_to_a_folder(mark: Mark) -> None:
    """Once the store is on a server, no write of the old folder changes the mark."""
    there, back = LAST._replace(place=NOWHERE, epoch=0), Seen(99, bytes(32), 0, b"p" * 32)
    assert mark.write(back._replace(number=1))
    assert mark.write_durably(there)
    assert not mark.write(back)
    assert mark.read() == there


@given(numbers=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12))
def test_the_mark_is_the_highest_since_the_last_restore(
    numbers: list[tuple[int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only a restore lowers the number, in any order of writes."""
    mark = Mark.make(tmp_path_factory.mktemp("mark"), STORE)
    assert mark is not None
    highest: int | None = None
    for number, restored in numbers:
        forward = restored or highest is None or number >= highest
        assert mark.write(seen(number), restored=restored) is forward
        highest = number if forward else highest
        assert mark.read() == (None if highest is None else seen(highest))
    mark.close()


def test_a_kill_at_any_instant_leaves_the_last_or_the_one_before(mark: Mark) -> None:
    """Killed writers lose nothing that they have acknowledged."""
    number = 1
    for _ in range(20 if EVERYTHING else 6):
        line = [sys.executable, "-m", "tests.store.mark_writer", str(mark.path.parent)]
        with subprocess.Popen([*line, str(number)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            first = writer.stdout.read(8)
            assert int.from_bytes(first, "big") == number
            writer.send_signal(signal.SIGKILL)
            written = first + writer.stdout.read()
        last = int.from_bytes(written[len(written) // 8 * 8 - 8 :][:8], "big")
        found = mark.read()
        assert found in (seen(last), seen(last + 1))
        number = found.number + 1


def test_two_first_starters_get_one_mark(tmp_path: Path) -> None:
    """Eight processes that make it at once get the same file, and see each other's writes."""
    barrier = Barrier(8)

    def start(_: int) -> Mark:
        barrier.wait()
        made = Mark.make(tmp_path, STORE)
        assert made is not None
        return made

    with ThreadPoolExecutor(8) as pool:
        marks = list(pool.map(start, range(8)))
    assert len(list(tmp_path.iterdir())) == 1
    for number, each in enumerate(marks, start=1):
        assert each.write(seen(number))
        assert {other.read() for other in marks} == {seen(number)}


def test_making_one_that_is_there_keeps_what_it_has_seen(mark: Mark) -> None:
    """A second `make` opens the first one's mark."""
    mark.write(seen(3))
    again = Mark.make(mark.path.parent, STORE)
    assert again is not None
    assert again.read() == seen(3)


def test_no_mark_where_none_can_be_made(tmp_path: Path) -> None:
    """A missing folder, or a file in its place, gives no mark and no error."""
    assert Mark.make(tmp_path / "missing", STORE) is None
    (tmp_path / "file").touch()
    assert Mark.make(tmp_path / "file", STORE) is None


def test_no_mark_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room for both slots nothing is left behind."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert Mark.make(tmp_path, STORE) is None
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_is_said_and_not_raised(
    mark: Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed write of the mark does not fail the commit; the mark lags."""
    mark.write(seen(1))

    def failing(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing)
        assert not mark.write(seen(2))
    with monkeypatch.context() as broken:
        broken.setattr(os, "pread", failing)
        assert not mark.write(seen(2))
        with pytest.raises(StoreUnavailable) as error:
            mark.read()
        assert error.value.fault is Fault.IO
    assert mark.read() == seen(1)


def test_a_mark_that_is_read_only_is_read(mark: Mark, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark on a read-only file system still finds a rollback."""
    mark.write(seen(4))
    real = os.open

    def read_only(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE:
            raise OSError(30, "Read-only file system")
        return real(path, flags, mode)

    with monkeypatch.context() as broken:
        broken.setattr(os, "open", read_only)
        opened = reopened(mark)
    assert opened.read() == seen(4)
    assert not opened.write(seen(5))
    assert opened.read() == seen(4)


def open_files() -> int:
    """How many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def refused(folder: Path) -> Fault:
    """The fault with which a mark is refused, on opening and on making."""
    faults = set()
    for use in (Mark.open, Mark.make):
        with pytest.raises(StoreUnavailable) as error:
            use(folder, STORE)
        faults.add(error.value.fault)
    (fault,) = faults
    return fault


def test_a_link_is_not_followed(mark: Mark) -> None:
    """Another user who may write to the folder can't have their own file written or trusted."""
    target = mark.path.with_name("elsewhere")
    mark.path.rename(target)
    mark.path.symlink_to(target)
    assert refused(mark.path.parent) is Fault.LINK


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o777])
def test_a_mark_that_others_can_open_is_refused(mark: Mark, mode: int) -> None:
    """A mark that others may read or write proves nothing."""
    mark.path.chmod(mode)
    assert refused(mark.path.parent) is Fault.EXPOSED


def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A named pipe does not hang the desk, and a folder is refused."""
    path = tmp_path / f"mark-{STORE.hex()}"
    os.mkfifo(path, 0o600)
    assert refused(tmp_path) is Fault.MALFORMED
    path.unlink()
    path.mkdir(0o700)
    assert refused(tmp_path) is Fault.IO


def test_somebody_else_s_mark_is_refused(mark: Mark, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that belongs neither to us nor to the folder's owner is refused."""
    real = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        facts = list(real(descriptor))
        facts[stat.ST_UID] += 1
        return os.stat_result(facts)

    monkeypatch.setattr(os, "fstat", foreign)
    assert refused(mark.path.parent) is Fault.FORBIDDEN


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_mark_made_by_root_is_the_folder_owner_s(tmp_path: Path) -> None:
    """The service account can open a mark that root has made."""
    os.chown(tmp_path, 1234, 1235)
    made = Mark.make(tmp_path, STORE)
    assert made is not None
    facts = made.path.stat()
    assert (facts.st_uid, facts.st_gid) == (1234, 1235)
    assert Mark.open(tmp_path, STORE) is not None


def test_a_refused_mark_leaves_no_descriptor_open(mark: Mark) -> None:
    """A desk that tries again and again does not run out of descriptors."""
    mark.path.chmod(0o644)
    before = open_files()
    refused(mark.path.parent)
    assert open_files() == before


def test_a_closed_mark_is_closed(mark: Mark) -> None:
    """Closing gives the descriptor back."""
    before = open_files()
    mark.close()
    assert open_files() == before - 1


def test_a_store_id_has_sixteen_bytes(tmp_path: Path) -> None:
    """An id of another length is a bug, and never part of a file name."""
    for use in (Mark.open, Mark.make):
        with pytest.raises(ValueError, match="15"):
            use(tmp_path, STORE[1:])


def test_the_place_is_where_the_store_really_is(tmp_path: Path) -> None:
    """A copy has another place; the same folder through a link has the same one."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.symlink_to(one)
    assert place_of(one) == place_of(two) == place_of(one / ".." / "one")
    assert place_of(one) != place_of(tmp_path)
    assert len(place_of(one)) == 32


def test_the_vector_stays(mark: Mark) -> None:
    """The format never changes: hosts could no longer read their marks."""
    mark.write(Seen(258, bytes(range(32)), 3, bytes(range(32, 64))))
    assert slot_of(mark, 0).hex() == (
        "70696e636c6900010000000000000001"  # format and write number
        "0000000000000102"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "0000000000000003"
        "000102030405060708090a0b0c0d0e0f"
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
        "8a33416bb02eacc0eb41b49fc97acf859f16218a1301837acf74fdc39ca48429"
    )
