"""`dsmbot audit verify` and `dsmbot audit export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bot.app import load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_json, print_lines
from bot.study import Study
from storage import audit, proof
from storage.errors import StorageError
from storage.heads import all_heads
from storage.sides import closed_side


@guarded
def run_verify(config: list[Path] | None, *, anchors: Sequence[str], closed: bool, as_json: bool) -> int:
    """Verify the history of each study, of both its sides. Exit 0 when whole, 1 when broken.

    `closed`: anchors and details are those of the closed side, for people who are unblinded. Without it only whether
    that side is whole is said: how many entries it has would tell a blinded operator that there was an alert.
    """
    try:
        wanted = [audit.parse_anchor(text) for text in anchors]
    except (ValueError, StorageError) as error:
        raise BadInput(f"--anchor: {error}") from error
    configs = load_studies(config)
    if wanted and len(configs) > 1:
        raise BadInput("--anchor belongs to one study: give one -c with it")
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        found, beside = [], []
        for study in composed.studies:
            told, other = _sides(study, closed)
            with study.database.reading() as conn:
                found.append(proof.verify(conn, told, wanted))
                beside += [proof.verify(conn, other)] if other in {head.study_id for head in all_heads(conn)} else []
    ok = all(item.ok for item in (*found, *beside))
    print_lines([*(item.text for item in found), *(item.summary for item in beside)])
    if as_json:
        sides = [{"study_id": item.study_id, "ok": item.ok} for item in beside]
        print_json({"ok": ok, "studies": [asdict(item) for item in found], **({"beside": sides} if sides else {})})
    return 0 if ok else 1


def _sides(study: Study, closed: bool) -> tuple[str, str]:
    """The side that is told of, and the other one."""
    sides = study.config.id, closed_side(study.config.id)
    return sides if not closed else (sides[1], sides[0])


@guarded
def run_export(config: list[Path] | None, *, out: Path | None, closed: bool) -> int:
    """Write every entry of one side, the open one unless `closed`, as JSON lines. Exit 0."""
    configs = load_studies(config)
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        lines: list[str] = []
        for study in composed.studies:
            with study.database.reading() as conn:
                lines += audit.export(conn, _sides(study, closed)[0])
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
