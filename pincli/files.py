"""Files: opened through no link, synced to the disk, renamed without replacing others."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pincli.results import Check

_OPEN_TO_OTHERS = 0o077
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_MOST_LINKS = 40  # as the kernel
_HERE = -100  # AT_FDCWD
_NO_REPLACE = 1  # RENAME_NOREPLACE
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def real_place(path: Path, owners: Collection[int]) -> tuple[Path, bool]:
    """Where a path really leads, if only these owners can change it or the way to it.

    The parts are checked from the root down, link by link, so none can be exchanged after its
    check: others can't write to its folder, or, as in /tmp, can't rename what is ours.

    Args:
        path: A file or a folder.
        owners: The uids that may own it, and every part and link on the way.

    Returns:
        The real path, and True; or the first part that others can change, and False.

    Raises:
        OSError: A part is missing or can't be read, or links lead in a circle.
    """
    place, rest, links = Path("/"), [*path.absolute().parts[:0:-1]], 0
    while True:
        facts = place.lstat()
        is_link = stat.S_ISLNK(facts.st_mode)
        keeps_names = rest and facts.st_mode & stat.S_ISVTX
        writable = facts.st_mode & _WRITABLE_BY_OTHERS and not (is_link or keeps_names)
        if facts.st_uid not in owners or writable:
            return place, False
        if is_link:
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            target = place.readlink()
            place = Path("/") if target.is_absolute() else place.parent
            rest += [part for part in target.parts[::-1] if part != "/"]
        elif not rest:
            return place, True
        if rest:
            part = rest.pop()
            place = place.parent if part == ".." else place / part


def give_name(source: Path, target: Path) -> None:
    """Rename a file, within its folder, to a name that nothing has yet.

    In one step by Linux's renameat2, even on a USB stick (FAT). Some network file systems can't:
    there by a hard link, or, without links, by a rename over an empty file of our own. A kill in
    between leaves both names.

    Raises:
        FileExistsError: Something has that name, even a link that leads nowhere.
        OSError: It can't be renamed; the file keeps its old name.
    """
    number = _rename(source, target)
    if number and number not in _CANNOT:
        raise OSError(number, os.strerror(number), str(target))
    if number:
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        source.rename(target)
    else:
        source.unlink()


def open_plain(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a plain file, and nothing else.

    Not through a link, by which others who may write to the folder could make us open another
    file. And without waiting: a named pipe in its place must not hang the desk.

    Raises:
        OSError: It can't be opened, or is not a plain file.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sync_file(path: Path) -> None:
    """Sync a file to the disk, and let the next reader read it from there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder: a synced file without its name is lost too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> int:
    """Rename without replacing; return the error's number, or 0."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "renameat2"):
        return errno.ENOSYS
    names = (_HERE, os.fsencode(source), _HERE, os.fsencode(target))
    return 0 if system.renameat2(*names, _NO_REPLACE) == 0 else ctypes.get_errno()


def open_to_others(facts: os.stat_result) -> bool:
    """Whether others may read or change a file.

    Our own group may read root's files: that is how Kubernetes hands secrets to other users.
    """
    handed = facts.st_uid == 0 and facts.st_gid in (os.getegid(), *os.getgroups())
    allowed = stat.S_IRGRP if handed and os.geteuid() != 0 else 0
    return bool(stat.S_IMODE(facts.st_mode) & _OPEN_TO_OTHERS & ~allowed)


def private(what: str, folder: Path) -> Check:
    """Check that only its owner can enter a folder and read its files, now and later."""
    from pincli.results import Check

    try:
        facts = folder.stat()
        exposed = [*_readable_in(folder)]
        inherits = "system.posix_acl_default" in os.listxattr(folder)
    except OSError as error:
        return Check(what, f"{folder}: {error.strerror}", "check --store and --keys")
    is_sealed = facts.st_uid == 0 and os.statvfs(folder).f_flag & os.ST_RDONLY
    if stat.S_IMODE(facts.st_mode) & _OPEN_TO_OTHERS and not is_sealed:
        return Check(what, f"others can enter {folder}", f"chmod 700 {folder}")
    if exposed:
        names = ", ".join(sorted(exposed)[:5])
        return Check(what, f"others may read {names}", f"chmod 600 in {folder}")
    if inherits:
        finding = f"a default ACL lets others read new files in {folder}"
        return Check(what, finding, f"setfacl -k {folder}")
    return Check(what, None, "")


def _readable_in(folder: Path) -> Iterator[str]:
    """The names of files that others may read, without files that vanish meanwhile.

    Links are followed; folders whose names begin with `..` are made by Kubernetes.
    """
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if not path.name.startswith("..") and open_to_others(path.stat()):
                yield path.name
