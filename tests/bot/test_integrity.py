"""Files that another package overwrote are found; a checkout installed for editing is left alone."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import pytest

from bot.checking.integrity import damaged_files


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `probe` with one file in each room, as a wheel leaves it."""
    lines = []
    for name in ("rules/model.py", "storage/engine.py", "bot/app.py", "elsewhere/notours.py"):
        file = tmp_path / name
        file.parent.mkdir()
        file.write_text(f"# {name}\n")
        digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{file.stat().st_size}")
    info = tmp_path / "probe-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    (info / "RECORD").write_text("\n".join([*lines, "probe-1.0.dist-info/RECORD,,"]))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_an_installation_that_is_ours(installed: Path) -> None:
    assert damaged_files("probe") == []
    (installed / "elsewhere/notours.py").write_text("changed")
    assert damaged_files("probe") == []


def test_files_that_were_overwritten_or_are_gone(installed: Path) -> None:
    (installed / "rules/model.py").write_text("# another package called rules\n")
    (installed / "bot/app.py").unlink()
    assert sorted(damaged_files("probe")) == ["bot/app.py", "rules/model.py"]


def test_a_checkout_installed_for_editing_has_nothing_to_compare(installed: Path) -> None:
    (installed / "rules/model.py").write_text("# work in progress\n")
    origin = {"url": "file:///checkout", "dir_info": {"editable": True}}
    (installed / "probe-1.0.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    assert damaged_files("probe") == []


def test_a_package_that_is_not_there() -> None:
    assert damaged_files("no-such-package-at-all") == []
