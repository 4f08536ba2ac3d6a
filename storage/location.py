"""Where a SQLite file may lie: on a local disk, and nowhere that something else copies or locks for it.

SQLite's own locks are unreliable on network file systems (https://www.sqlite.org/howtocorrupt.html §2),
and a synchronising client copies the file and its write-ahead log at different moments. Both corrupt
silently, so both are refused. The conservative choice: a path part that merely looks synced is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from storage.errors import UnsafeLocation

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs",
     "lustre", "gpfs", "beegfs", "davfs", "sshfs", "vboxsf", "prl_fs", "drvfs", "fuse"}
)  # fmt: skip
"""Types in /proc/mounts that are not a local disk; every `fuse.*` counts too, `fuseblk` (a local disk) does not."""

SYNCED_FOLDERS = re.compile(
    r"^(onedrive([ -].*)?|dropbox([ (].*)?|google ?drive( .*)?|googledrive-.*|icloud ?drive|"
    r"com~apple~clouddocs|mobile documents|nextcloud|owncloud|box( sync)?|pclouddrive|syncthing)$",
    re.IGNORECASE,
)
"""Folder names that the usual synchronising clients create."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


def check_location(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Refuse a database file on a network or synced folder.

    Parameters
    ----------
    path: the SQLite file, existing or not; symbolic links are followed first.
    mounts: mount table of the kernel; where there is none (macOS, Windows) only names are judged.

    Raises
    ------
    UnsafeLocation: with the offending folder and what to do.
    """
    path = path.resolve()
    if path.as_posix().startswith("//"):
        _refuse(path, "a network share")
    for part in path.parts[:-1]:
        if SYNCED_FOLDERS.match(part):
            _refuse(path, f"inside {part!r}, which looks like a synchronised folder")
    kind, point = mount_of(path, mounts)
    if kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse."):
        _refuse(path, f"on {point}, a file system of type {kind}")


def mount_of(path: Path, mounts: Path) -> tuple[str, str]:
    """File-system type and mount point that hold a path; ("", "") where there is no mount table."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", ""
    best = ("", "")
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1])
        if path.is_relative_to(point) and len(point) >= len(best[1]):
            best = (fields[2], point)
    return best


def _refuse(path: Path, reason: str) -> None:
    raise UnsafeLocation(
        f"The database file lies {reason}, where SQLite's locks cannot be trusted and history can be damaged silently",
        where=str(path),
        fix="Set storage.url to a file on a local disk of this machine, or to a PostgreSQL server.",
    )
