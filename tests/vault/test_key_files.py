"""Key files: read only when they are safely kept, never written over."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from pincli.errors import KeysUnavailable, Refused, Rule
from pincli.models import Fault
from pincli.vault.key_files import read_key, write_key
from tests.support.privilege import unprivileged

KEY = bytes(range(32))
LINE = KEY.hex().encode() + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a key is to be."""
    return tmp_path / "verify.key"


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A file with this content and mode."""
    path.write_bytes(content)
    path.chmod(mode)


def fault_of(path: Path) -> Fault:
    """Why a key is refused; the error must not repeat what the file holds."""
    with pytest.raises(KeysUnavailable) as refusal:
        read_key(path)
    assert KEY.hex()[:8] not in f"{refusal.value!r} {refusal.value.__cause__!r}"
    assert refusal.value.path == path
    return refusal.value.fault


@pytest.mark.parametrize("content", [LINE, LINE.rstrip()])
def test_a_key_is_one_line_of_hexadecimal(path: Path, content: bytes) -> None:
    """64 hexadecimal digits are the key, with or without the line's end."""
    put(path, content)
    assert read_key(path) == KEY


def test_a_missing_key_is_missing(path: Path) -> None:
    """Whether the file is missing, or its folder, or a file is in the folder's place."""
    assert fault_of(path) is Fault.MISSING
    assert fault_of(path.parent / "nowhere" / "verify.key") is Fault.MISSING
    put(path, LINE)
    assert fault_of(path / "verify.key") is Fault.MISSING


@pytest.fixture
def mounted(path: Path) -> Path:
    """A key as Kubernetes mounts it: a link through `..data` to the present set of keys."""
    present = path.parent / "..2026_11_26"
    present.mkdir(mode=0o755)
    put(present / path.name, LINE, 0o400)
    (path.parent / "..data").symlink_to(present.name)
    path.symlink_to(f"..data/{path.name}")
    path.parent.chmod(0o1777)  # as it is there
    return path


OTHER = 12345


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda _: None, None),
        (lambda f: os.chown(f / "verify.key", OTHER, -1, follow_symlinks=False), Fault.LINK),
        (lambda f: os.chown(f / "..data", OTHER, -1, follow_symlinks=False), Fault.LINK),
        (lambda f: os.chown(f / "..2026_11_26", OTHER, -1), Fault.LINK),
        (lambda f: (f / "..2026_11_26").chmod(0o777), Fault.LINK),
        (lambda f: os.chown(f / "..2026_11_26/verify.key", OTHER, -1), Fault.LINK),
        (lambda f: (f / "..2026_11_26/verify.key").chmod(0o620), Fault.LINK),
        (lambda f: (f / "..2026_11_26/verify.key").chmod(0o440), Fault.EXPOSED),
        (lambda f: f.chmod(0o777), Fault.LINK),
        (lambda f: (f / "..2026_11_26/verify.key").unlink(), Fault.LINK),
    ],
    ids=["as it is", "its link", "..data", "the set", "a writable set", "its target", "a writable"
         " target", "a readable target", "a writable folder", "no target"],
)  # fmt: skip
def test_a_link_is_followed_only_where_nobody_else_can_change_it(
    mounted: Path, spoil: Callable[[Path], object], fault: Fault | None
) -> None:
    """Nobody who can write the folder can point pincli at another file."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    spoil(mounted.parent)
    if fault is None:
        assert read_key(mounted) == KEY
    else:
        assert fault_of(mounted) is fault


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every login may pass: pytest's own are ours alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files that are root's")
@pytest.mark.parametrize(
    ("mode", "groups", "code"),
    [(0o440, "54321", 0), (0o440, "54322", 8), (0o444, "54321", 8), (0o460, "54321", 8)],
)
def test_a_key_of_root_that_a_group_may_read(
    mounted: Path, public: Path, mode: int, groups: str, code: int
) -> None:
    """With `fsGroup`, a pod reads its keys by a group that it is in, and changes nothing."""
    shutil.copytree(mounted.parent, public / "keys", symlinks=True)
    mounted = public / "keys" / mounted.name
    target = mounted.resolve()
    os.chown(target, 0, 54321)
    target.chmod(mode)
    script = (
        "import sys; from pathlib import Path; from pincli.vault.key_files import read_key\n"
        "from pincli.errors import KeysUnavailable\n"
        "try: read_key(Path(sys.argv[1]))\n"
        "except KeysUnavailable: sys.exit(8)\n"
    )
    become = ("setpriv", "--reuid", "54320", "--regid", "54320", "--groups", groups, "--")
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    root = Path(__file__).parent.parent.parent
    ran = subprocess.run(
        [*become, python, "-c", script, str(mounted)],
        env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == code, ran


def test_a_named_pipe_does_not_hang(path: Path) -> None:
    """A pipe that nobody writes to is refused at once, and so is a folder."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("read_key hangs on a pipe")

    os.mkfifo(path, 0o600)
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    try:
        assert fault_of(path) is Fault.MALFORMED
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    path.unlink()
    path.mkdir(mode=0o700)
    assert fault_of(path) is Fault.MALFORMED


@pytest.mark.parametrize(
    "mode",
    [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777, 0o600, 0o400, 0o700],
)
def test_only_its_owner_may_have_any_right_to_a_key(path: Path, mode: int) -> None:
    """The owner's own rights don't matter; any right for group or others is one too many."""
    put(path, LINE, mode)
    if mode & 0o077:
        assert fault_of(path) is Fault.EXPOSED
    else:
        assert read_key(path) == KEY


_READ = """
import sys
from pathlib import Path
from pincli.errors import KeysUnavailable
from pincli.vault.key_files import read_key
try:
    read_key(Path(sys.argv[1]))
except KeysUnavailable as error:
    print(error.fault.name)
"""


def test_a_key_that_may_not_be_read_is_forbidden(path: Path) -> None:
    """A key that somebody else owns is not called missing."""
    put(path, LINE, 0o000)
    line = unprivileged(sys.executable, "-c", _READ, str(path))
    ran = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("FORBIDDEN\n", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        KEY,
        LINE[:62],
        LINE[:63],
        LINE.rstrip() + b"0",
        LINE.rstrip() + b"00",
        LINE.rstrip() * 2,
        LINE.rstrip() * 20,
        b"g" + LINE[1:],
        b"0x" + LINE,
        b"\xef\xbb\xbf" + LINE,
        "\uff10".encode() * 64,
        "\u00e9".encode() + LINE[1:],
        KEY.hex().encode("utf-16"),
        b"\x00" * 64,
        LINE[:32] + b"\n" + LINE[32:],
        b" ".join([LINE[:32], LINE[32:]]),
        LINE + b"\n" * 200 + b"and something else",
    ],
)
def test_anything_else_is_malformed(path: Path, content: bytes) -> None:
    """Too short, too long, not one line, not hexadecimal or not ASCII: no key."""
    put(path, content)
    assert fault_of(path) is Fault.MALFORMED


def test_a_written_key_is_read_back_and_private(path: Path) -> None:
    """Only its owner can read a new key, under any umask."""
    os.umask(0)
    write_key(path, KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == LINE
    assert read_key(path) == KEY


@pytest.mark.parametrize(
    "make", [lambda path: put(path, b"mine"), lambda path: path.symlink_to("elsewhere"), Path.mkdir]
)
def test_nothing_is_ever_written_over(path: Path, make: Callable[[Path], None]) -> None:
    """A file, a dangling link or a folder is left exactly as it is; a missing one is named."""
    with pytest.raises(KeysUnavailable) as missing:
        write_key(path.parent / "nowhere" / "verify.key", KEY)
    assert missing.value.fault is Fault.MISSING
    make(path)
    before = path.lstat()
    with pytest.raises(Refused) as refusal:
        write_key(path, KEY)
    assert refusal.value.rule is Rule.KEYS_EXIST
    assert path.lstat() == before
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), KeysUnavailable),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["full disk", "Ctrl-C"],
)
def test_a_key_that_can_not_be_finished_is_removed(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    raised: type[BaseException],
) -> None:
    """No half of a key is left behind, which would be refused for ever."""

    def fail(_descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(raised) as failure:
        write_key(path, KEY)
    assert getattr(failure.value, "fault", Fault.FULL) is Fault.FULL
    assert not path.exists()


def test_a_key_and_its_name_are_on_the_disk_before_anybody_relies_on_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When write_key returns, the whole file has been synced, and then its folder."""
    synced: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        facts = os.fstat(descriptor)
        synced.append((facts.st_ino, path.stat().st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    write_key(path, KEY)
    assert synced == [(path.stat().st_ino, len(LINE)), (path.parent.stat().st_ino, len(LINE))]
