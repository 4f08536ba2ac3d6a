"""`dsmbot design` as a statistician types it: the JSON contract, the page, the pictures, and every wrong word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.wording.designs import DESIGNS
from rules.statistics import METHODS, calibrate, operating_characteristics
from rules.statistics.exposure import EXPOSURE_METHODS, calibrate_exposure

BETA = "beta_binomial --null-rate .2 --alpha .1 --max-n 20"
SMALL = "--null-rate .2 --alpha .1 --max-n 10"
EXPOSURE = "--null-rate .2 --alpha .1 --max-n 24 --window 28"


def run(line: str) -> Any:
    return CliRunner().invoke(app, ["design", *line.split()])


def document(line: str) -> dict[str, Any]:
    done = run(f"{line} --json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_json_is_the_contract() -> None:
    found = document("beta_binomial --null-rate .2 --alpha .1 --max-n 30 --param 0.6,2.4 --rates .2,.25,.4")
    assert list(found) == [
        "method", "null_rate", "alpha", "attained_alpha", "critical_value", "looks", "stop_at", "oc",
    ]  # fmt: skip
    assert found["looks"] == list(range(1, 31))
    assert found["stop_at"][:8] == [None, None, 3, 3, 4, 4, 5, 5]
    assert found["attained_alpha"] == pytest.approx(0.09957367, abs=5e-9)
    wanted = [(0.2, 0.09957367, 28.255984, 5.651197), (0.25, 0.23832301, 26.145172, 6.536293),
              (0.4, 0.81491087, 15.889508, 6.355803)]  # fmt: skip
    for row, (rate, p_stop, expected_n, expected_events) in zip(found["oc"], wanted, strict=True):
        assert list(row) == ["rate", "p_stop", "expected_n", "expected_events"]
        assert row["rate"] == rate
        assert (row["p_stop"], row["expected_n"], row["expected_events"]) == pytest.approx(
            (p_stop, expected_n, expected_events), rel=1e-6
        )


@pytest.mark.parametrize(
    ("method", "typed", "parameters"),
    [("obrien_fleming", "", {}), ("wang_tsiatis", "0.25", {"delta": 0.25}), ("sprt", "0.4", {"p1": 0.4}),
     ("chen_chaloner", "0.6,2.4,0.4,0.5", {"prior_a": 0.6, "prior_b": 2.4, "p1": 0.4, "nu": 0.5}),
     ("max_sprt", "", {}), ("max_sprt", "3", {"min_events": 3}),
     ("posterior_cutoff", "0.6,2.4,0.95", {"prior_a": 0.6, "prior_b": 2.4, "cutoff": 0.95})],
)  # fmt: skip
def test_every_binary_design_by_the_order_of_its_parameters(
    tmp_path: Path, method: str, typed: str, parameters: dict[str, Any]
) -> None:
    """One document, two figures, and no warning: catches a parameter out of its contract order."""
    picture = tmp_path / "boundary.svg"
    found = document(f"{method} {SMALL} {f'--param {typed}' if typed else ''} --rates .2,.4 --plot {picture}")
    wanted = calibrate(method, null_rate=0.2, alpha=0.1, looks=range(1, 11), **parameters)
    assert list(found) == [
        "method", "null_rate", "alpha", "attained_alpha", "critical_value", "looks", "stop_at", "oc",
    ]  # fmt: skip
    assert (found["stop_at"], found["attained_alpha"]) == (list(wanted.stop_at), wanted.attained_alpha)
    assert found["oc"][1]["p_stop"] == operating_characteristics(wanted, [0.4])[0].p_stop
    assert len(list(tmp_path.iterdir())) == 2


def test_a_posterior_cutoff_needs_no_alpha() -> None:
    found = document("posterior_cutoff --null-rate .2 --max-n 10 --param 0.6,2.4,0.95")
    assert (found["alpha"], found["critical_value"]) == (None, 0.95)


def test_json_on_exposure_has_events_in_place_of_looks() -> None:
    found = document(f"exposure_pocock {EXPOSURE} --rates .1,.4")
    same = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=24, window=28)
    assert list(found)[-3:] == ["events", "up_to_exposure", "oc"]
    assert (found["events"], found["up_to_exposure"]) == (list(same.events), list(same.up_to_exposure))
    assert found["oc"][1]["p_stop"] == operating_characteristics(same, [0.4])[0].p_stop
    assert found["oc"][1]["expected_n"] is None
    assert "attained_alpha_expected" not in found
    expected = document(f"exposure_pocock {EXPOSURE} --max-exposure expected")
    assert expected["attained_alpha_expected"] == pytest.approx(0.1, rel=1e-9)
    assert expected["attained_alpha"] > 0.1002


@pytest.mark.parametrize(
    "typed",
    ["--param 0.6,2.4", "--param 0.6 --param 2.4", "--param prior_b=2.4 --param prior_a=.6",
     "--param prior_b=2.4,prior_a=0.6", "--param .6 --param prior_b=2.4", "--param prior_b=2.4 --param 0.6"],
)  # fmt: skip
def test_parameters_in_order_or_by_name(typed: str) -> None:
    wanted = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
    found = document(f"{BETA} {typed}")
    assert (found["stop_at"], found["critical_value"]) == (list(wanted.stop_at), wanted.critical_value)


@pytest.mark.parametrize("typed", ["--param -,2,3", "--param stop_at=null,2,3", "--param none --param 2 --param 3"])
def test_a_table_is_given_as_its_counts(typed: str) -> None:
    found = document(f"table --null-rate .2 --looks 3,5,8 {typed}")
    assert (found["stop_at"], found["looks"], found["alpha"]) == ([None, 2, 3], [3, 5, 8], None)


def test_looks_and_rates_by_default() -> None:
    found = document("pocock --null-rate .2 --alpha .05 --max-n 40 --looks 5,10,15,20,30,40")
    assert found["stop_at"] == [4, 6, 7, 9, 11, 14]
    assert [row["rate"] for row in found["oc"]] == [0.1, 0.2, 0.3, 0.4, 0.6]
    assert [row["rate"] for row in document("pocock --null-rate .6 --alpha .1 --max-n 9")["oc"]] == [0.3, 0.6, 0.9]


def test_the_page_says_the_table_its_alpha_and_its_paper() -> None:
    done = run(f"{BETA} --param 0.6,2.4")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "Beta-binomial boundary, null rate 20 %, alpha 10 %, attained 9.64 %"
    assert "Parameters: prior_a 0.6, prior_b 2.4" in lines
    assert "6 11 – 14" in lines
    assert "40.00 % 70.32 % 12.75 7 · 13 · 20 5.10" in lines
    assert any(line.startswith("When to use When earlier data give a prior") for line in lines)
    assert any(line.startswith("Paper Geller") for line in lines)


def test_the_page_on_exposure_prints_both_attained_values() -> None:
    done = run(f"exposure_gamma_poisson {EXPOSURE} --param 1 --max-exposure expected")
    text = " ".join(done.stdout.split())
    assert "alpha 10 %, attained 10.79 % (10 % over the expected exposure)" in text
    assert "24 subjects, each followed for a window of 28; alpha calibrated over the expected exposure" in text
    assert "3 58.45" in text


def test_a_large_boundary_goes_on_in_further_columns() -> None:
    done = run("pocock --null-rate .2 --alpha .05 --max-n 400 --rates .2")
    assert done.stdout.count("stop at") == 3
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_every_design_has_its_words() -> None:
    assert {*METHODS, *EXPOSURE_METHODS} <= set(DESIGNS)
    for described in DESIGNS.values():
        assert described.when.endswith(".")
        assert any(year in described.paper for year in map(str, range(1970, 2027)))


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_pictures_are_written_and_told(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"boundary.{form}"
    done = CliRunner().invoke(app, ["design", *BETA.split(), "--param", ".6,2.4", "--plot", str(file), "--json"])
    assert done.exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"boundary-characteristics.{form}", f"boundary.{form}"]
    assert json.loads(done.stdout)["method"] == "beta_binomial"
    assert "3 at looks 3–4" in done.stderr
    assert "9.6 % at a true rate of 20 %" in done.stderr


def test_pictures_of_a_design_on_exposure(tmp_path: Path) -> None:
    file = tmp_path / "exposure.png"
    done = CliRunner().invoke(app, ["design", "exposure_max_sprt", *EXPOSURE.split(), "--param", "3",
                                    "--plot", str(file)])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert file.exists()
    assert "event 3 up to" in done.stderr


@pytest.mark.parametrize(
    "line",
    ["table --null-rate .5 --looks 1 --param 1", "pocock --null-rate 1e-6 --alpha .1 --max-n 20",
     "table --null-rate .999999 --looks 1,3 --param -,3", "pocock --null-rate .1 --alpha .1 --max-n 1",
     "exposure_pocock --null-rate 1e-6 --alpha .1 --max-n 2 --window 1",
     "exposure_sprt --null-rate .97 --alpha .1 --max-n 3 --window 1 --param .99"],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_edges_are_computed_and_drawn(tmp_path: Path, line: str) -> None:
    done = CliRunner().invoke(app, ["design", *line.split(), "--plot", str(tmp_path / "edge.png")])
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.iterdir())) == 2


def test_a_missing_matplotlib_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("matplotlib", "bot.figures."))]:
        if name != "bot.figures.words":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = CliRunner().invoke(app, ["design", *BETA.split(), "--param", "1,4", "--plot", str(tmp_path / "a.png")])
    assert done.exit_code == 2
    assert "--plot needs matplotlib, which is not installed here: pip install matplotlib" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"pocok {SMALL}", "No design is called 'pocok': did you mean 'pocock'? one of pocock, "),
        (f"exposure-sprt {SMALL}", "No design is called 'exposure-sprt': did you mean 'exposure_sprt'?"),
        (f"{BETA} --param 1", "--param prior_b is missing: beta_binomial takes prior_a, prior_b."),
        (f"{BETA} --param 1,2,3", "--param 3 is one too many: beta_binomial takes prior_a, prior_b."),
        (f"pocock {SMALL} --param 3", "--param 3 is one too many: pocock takes no parameters."),
        (f"{BETA} --param prior_a=1,prior_bb=2", "--param has no 'prior_bb': did you mean 'prior_b'?"),
        (f"{BETA} --param prior_a=1,prior_a=2", "--param prior_a is given twice."),
        (f"{BETA} --param one,2", "--param prior_a: 'one' is not a number. Write it as 0.2."),
        (f"{BETA} --param 0,2", "--param prior_a=0 is not possible: a number above 0"),
        (
            "pocock --null-rate 1.2 --alpha .1 --max-n 10",
            "--null-rate 1.2 is not possible: a number above 0 and below 1.",
        ),
        (
            "pocock --null-rate .2 --alpha 1e-9 --max-n 5",
            "--alpha 1e-09 is not possible: the most conservative boundary",
        ),
        ("pocock --null-rate .2 --max-n 5", "--alpha is missing: a number above 0 and below 1."),
        ("pocock --null-rate .2 --alpha .1", "Say --max-n 50 for a look after each of 1 to 50 subjects, or --looks"),
        (
            "pocock --null-rate .2 --alpha .1 --max-n 0",
            "--max-n 0 is not possible: a whole number of subjects from 1 to",
        ),
        ("pocock --null-rate .2 --alpha .1 --looks 5,4", "--looks 5,4 is not possible: strictly increasing"),
        ("pocock --null-rate .2 --alpha .1 --looks 5,x", "--looks: 'x' is not a whole number."),
        (f"pocock {SMALL} --looks 5,8", "--looks ends at 8 and --max-n is 10: the last look is the largest n."),
        (f"pocock {SMALL} --rates .1,2", "--rates 2 is not possible: numbers from 0 to 1."),
        (f"pocock {SMALL} --rates half", "--rates: 'half' is not a number."),
        (
            f"pocock {SMALL} --window 28",
            "--window belongs to designs on exposure such as exposure_pocock; pocock counts",
        ),
        (f"pocock {SMALL} --max-exposure maximum", "--max-exposure belongs to designs on exposure"),
        (f"exposure_pocock {SMALL}", "--window is missing: exposure_pocock needs the planned subjects and the window"),
        (f"exposure_pocock {EXPOSURE} --looks 5,10", "exposure_pocock looks at every event: leave --looks out"),
        (f"exposure_pocock {EXPOSURE} --max-exposure expectd", "did you mean 'expected'?"),
        (f"exposure_pocock {EXPOSURE} --max-exposure=", "--max-exposure  is not possible: maximum or expected."),
        (f"exposure_pocock {EXPOSURE} --rates 1", "--rates 1 is not possible: numbers from 0 to below 1"),
        (f"exposure_sprt {EXPOSURE} --param .1", "--param p1=0.1 is not possible: a number above the null rate 0.2"),
        (f"sprt {SMALL} --param .1", "--param p1=0.1 is not possible: a number above the null rate 0.2 and below 1."),
        (f"wang_tsiatis {SMALL} --param 2", "--param delta=2 is not possible: a number from 0 (O'Brien-Fleming)"),
        (f"max_sprt {SMALL} --param 11", "--param min_events=11 is not possible: from 1 to 10, the subjects at the"),
        ("table --null-rate .2 --looks 3,5", "--param stop_at is missing: table takes stop_at."),
        ("table --null-rate .2 --looks 3,5 --param 3,2", "--param stop_at=3,2 is not possible:"),
        ("table --null-rate .2 --looks 3,5 --param 2,few", "--param stop_at: 'few' is not a whole number."),
        (f"pocock {SMALL} --plot a.jpg", "--plot a.jpg: figures are written as .png, .svg, .pdf; for example a.png."),
        (f"pocock {SMALL} --plot nowhere/at/all.png", "--plot nowhere/at/all.png cannot be written: No such file"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_2(line: str, sentence: str) -> None:
    done = run(line)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["pocock --alpha .1 --max-n 5", "pocock --null-rate x --alpha .1 --max-n 5"])
def test_what_the_parser_refuses_exits_2(line: str) -> None:
    done = run(line)
    assert done.exit_code == 2
    assert "--null-rate" in done.stderr


def test_help_is_instant() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bot.cli import app;"
        "done = CliRunner().invoke(app, ['design', '--help']); assert done.exit_code == 0;"
        "assert 'Example: dsmbot design' in done.stdout;"
        "print(sorted({'numpy', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
