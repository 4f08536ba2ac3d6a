"""`dsmbot audit verify` and `dsmbot audit export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bot.app import load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_json, print_lines
from storage import audit, proof
from storage.errors import StorageError


@guarded
def run_verify(config: list[Path] | None, *, anchors: Sequence[str], as_json: bool) -> int:
    """Verify the chain of each study. Exit 0 when whole, 1 when broken."""
    try:
        wanted = [audit.parse_anchor(text) for text in anchors]
    except (ValueError, StorageError) as error:
        raise BadInput(f"--anchor: {error}") from error
    configs = load_studies(config)
    if wanted and len(configs) > 1:
        raise BadInput("--anchor belongs to one study: give one -c with it")
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        found = []
        for study in composed.studies:
            with study.database.reading() as conn:
                found.append(proof.verify(conn, study.id, wanted))
    print_lines(item.text for item in found)
    if as_json:
        print_json({"ok": all(item.ok for item in found), "studies": [asdict(item) for item in found]})
    return 0 if all(item.ok for item in found) else 1


@guarded
def run_export(config: list[Path] | None, *, out: Path | None) -> int:
    """Write every entry as JSON lines. Exit 0."""
    configs = load_studies(config)
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        lines: list[str] = []
        for study in composed.studies:
            with study.database.reading() as conn:
                lines += audit.export(conn, study.id)
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from error
    print_lines([f"{len(lines)} entries written to {out}"])
    return 0
