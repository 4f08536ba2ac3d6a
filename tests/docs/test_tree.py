"""What is committed: deployment files, and nothing of the place where the work was done."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.link import TIMEOUT_SECONDS
from tests.docs.pages import ROOT
from tests.docs.test_commands import find


class _Unit(dict[str, object]):
    """Options of a unit file; one given twice holds both."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = [*self[key], *value]  # type: ignore[misc]
        super().__setitem__(key, value)


def service() -> dict[str, str]:
    unit = configparser.RawConfigParser(dict_type=_Unit, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy/dsmbot.service", encoding="utf-8")
    return dict(unit["Service"])


def test_unit_starts_a_command_that_exists() -> None:
    words = service()["ExecStart"].split()
    assert words[0] == "/opt/dsmbot/bin/dsmbot"
    name, command, rest = find(words[1:])
    command.make_context(name, rest)


def test_unit_restarts_after_a_crash_and_not_after_a_configuration_that_cannot_work() -> None:
    options = service()
    assert options["Restart"] == "on-failure"
    assert options["RestartPreventExitStatus"] == "2"


def test_unit_gives_a_post_in_flight_time_to_end() -> None:
    options = service()
    assert options["KillSignal"] == "SIGTERM"
    assert int(options["TimeoutStopSec"]) > 3 * TIMEOUT_SECONDS


def test_unit_keeps_secrets_out_of_the_environment() -> None:
    text = (ROOT / "deploy/dsmbot.service").read_text(encoding="utf-8")
    for line in text.splitlines():
        if re.match(r"#?Environment=.*(TOKEN|KEY|SECRET)", line):
            assert re.search(r"_FILE=%d/(\w+)$", line), line
            credential = line.rsplit("/", 1)[1]
            assert f"LoadCredential={credential}:" in text, line


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "dsmbot.service"
    text = (ROOT / "deploy/dsmbot.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/dsmbot/bin/dsmbot", "/bin/true"), encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in result.stderr.splitlines() if "dsmbot.service" in line]
    assert complaints == []


def test_container_has_no_secret_and_does_not_run_as_root() -> None:
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    final = text.split("FROM ")[-1]
    assert "\nUSER dsmbot\n" in final
    assert not re.search(r"^(ENV|ARG).*(TOKEN|SECRET|KEY)", text, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "/healthz" in final
    assert "EXPOSE" not in final
    command = re.search(r"^CMD \[(.*)\]$", final, re.MULTILINE)
    assert command
    name, leaf, rest = find([w.strip('" ') for w in command[1].split(",")])
    leaf.make_context(name, rest)


def test_container_copies_only_what_exists_and_all_that_the_wheel_needs() -> None:
    text = (ROOT / "deploy/Containerfile").read_text(encoding="utf-8")
    copied = [w for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for w in line.split()]
    assert all((ROOT / name).exists() for name in copied)
    needed = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "config.yaml", "bot", "rules", "storage"}
    assert needed <= set(copied)


def committed() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    names = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name]


FOREIGN = {
    "a path of the machine it was written on": r"(?<![\w.~/-])/(?:work|root)/",
    "a folder beside the checkout": r"\.\./" + "shared" + r"\b|\." + r"library\b",
    "another package index": r"--?(?:extra-)?index-url|find-" + r"links",
    "a token": r"xox[bp]-\d{6,}-|xapp-\d-[A-Z0-9]{6,}-\d{6,}",
    "a private key": "-----BEGIN [A-Z ]*PRIVATE" + " KEY",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_no_committed_file_holds(what: str) -> None:
    pattern, found = re.compile(FOREIGN[what]), []
    for path in committed():
        if path == Path(__file__).resolve() or not path.is_file() or path.suffix in {".png", ".parquet", ".xpt"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_no_unfinished_business_is_committed() -> None:
    pattern, found = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), []
    for path in committed():
        if path.suffix in {".py", ".md", ".yaml", ".js", ".css", ".html"} and path != Path(__file__).resolve():
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
            found += [f"{path.relative_to(ROOT)}: {m[0]}" for m in pattern.finditer(text)]
    assert found == []
