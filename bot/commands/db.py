"""`dsmbot db upgrade`, `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

from bot.app import load_studies
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_lines
from storage.backup import BackupReport, backup, restore
from storage.database import upgrade


def _urls(config: list[Path] | None) -> list[str]:
    return list(dict.fromkeys(study.storage.url for study in load_studies(config)))


def _one(config: list[Path] | None, what: str) -> str:
    urls = _urls(config)
    if len(urls) != 1:
        raise BadInput(f"{what} takes one database; these configurations name {len(urls)}: give one -c")
    return urls[0]


def _told(report: BackupReport) -> int:
    print_lines([f"Written: {report.target}", *(study.told for study in report.studies)])
    if not report.ok:
        print_lines(["The audit chain of this copy is broken: keep it, keep the original, and find out why."])
    return 0 if report.ok else 1


@guarded
def run_upgrade(config: list[Path] | None) -> int:
    """Create or upgrade every configured database. Exit 0."""
    print_lines(f"{url.split('@')[-1]}: schema {upgrade(url)}" for url in _urls(config))
    return 0


@guarded
def run_backup(config: list[Path] | None, *, target: Path) -> int:
    """Copy the database, also a running one; verify the copy. Exit 1 when its audit chain is broken."""
    return _told(backup(_one(config, "db backup"), target))


@guarded
def run_restore(config: list[Path] | None, *, source: Path) -> int:
    """Fill an empty database from a backup; verify it. Exit 1 when its audit chain is broken."""
    return _told(restore(source, _one(config, "db restore")))
