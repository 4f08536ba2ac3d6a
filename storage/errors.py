"""What can go wrong inside `storage/`, as a tree a caller can catch by meaning.

::

    StorageError                    anything raised on purpose by this package
    ├── RefusedToOpen               `open_database` will not start on this database
    │   ├── BadUrl                  not a database this product can use, or a driver is missing
    │   ├── SchemaOlder             made by an older version: upgrade first
    │   ├── SchemaNewer             made by a newer version: install that one
    │   ├── NotOurDatabase          tables of somebody else, or a damaged version table
    │   ├── TriggersMissing         append-only is not guarded
    │   ├── DatabaseInUse           another process has the same SQLite file
    │   ├── UnsafeLocation          the SQLite file lies on a network or synced folder
    │   └── ModeMismatch            practice, rehearsal and live never share a database
    ├── DatabaseUnavailable         locked, full, read-only or unreachable: nothing was written
    ├── StaleWriter                 a newer process has taken over: this one must stop writing
    ├── HeadConflict                a study head that is out of date, or would move backwards
    ├── UnknownStudy                no such study in this database
    ├── AuditBroken                 the history does not verify
    ├── AlertConflict               an alert changed in a way its history does not allow
    ├── AllocationKeyError          malformed or wrong key for the allocation table
    ├── BackupError                 a backup or restore that was not carried out
    └── ScheduleError               a schedule that cannot be read

Every message has three parts, because the reader is the person who can mend it: what happened,
where, and what to do.
"""

from __future__ import annotations


class StorageError(Exception):
    """Base of every error that `storage/` raises on purpose.

    Parameters
    ----------
    what: what happened, one sentence.
    where: file, URL without password, study or key that it happened to.
    fix: what the reader can do about it.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(f"{what} ({where}). {fix}")


class RefusedToOpen(StorageError):
    """The database is not opened; nothing was read or written."""


class BadUrl(RefusedToOpen):
    """The URL names no database that this product can use."""


class SchemaOlder(RefusedToOpen):
    """The database was made by an older version of the product."""


class SchemaNewer(RefusedToOpen):
    """The database was made, or upgraded, by a newer version of the product."""


class NotOurDatabase(RefusedToOpen):
    """The database holds tables, but not ours, or its version table is damaged."""


class TriggersMissing(RefusedToOpen):
    """Triggers that keep history append-only are absent, altered or disabled."""


class DatabaseInUse(RefusedToOpen):
    """Another process holds the same SQLite file."""


class UnsafeLocation(RefusedToOpen):
    """The SQLite file lies where its locks cannot be trusted."""


class ModeMismatch(RefusedToOpen):
    """The database remembers another mode than the one asked for."""


class DatabaseUnavailable(StorageError):
    """The database cannot be written or reached now; the transaction was rolled back."""


class StaleWriter(StorageError):
    """A newer process has opened the study for writing; this one has been fenced off."""


class HeadConflict(StorageError):
    """A study head that is not the locked one, or a change that would move it backwards."""


class UnknownStudy(StorageError):
    """The study has no row in this database."""


class AuditBroken(StorageError):
    """The audit chain, or what it vouches for, does not verify."""


class AlertConflict(StorageError):
    """A version, episode or response that contradicts the alert's stored history."""


class AllocationKeyError(StorageError):
    """The allocation key is malformed, given twice, or does not open what was sealed."""


class BackupError(StorageError):
    """A backup or restore that was not carried out; the target is left as it was."""


class ScheduleError(StorageError, ValueError):
    """A schedule text that cannot be read."""
