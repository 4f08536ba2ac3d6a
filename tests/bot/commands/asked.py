"""A study with something to ask about: a boundary near its limit, a serious event, dosing, visits, a second site."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pandas as pd

from tests.bot.commands.life import Life
from tests.bot.commands.site import SERIOUS, Site, event, subjects

SKIN = {
    "id": "tolerability", "kind": "boundary", "title": "Related skin reaction, grade ≥ 2",
    "events": {"related": True, "grade": ">=2", "terms": "skin"}, "window": {"after_days": 28},
    "design": {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4, "max_n": 20},
    "beyond_max_n": "refuse", "action": "pause_enrolment", "urgency": "urgent", "audience": "open",
}  # fmt: skip
BOARD = {
    "id": "board-only", "kind": "count", "title": "What the board alone watches", "events": {"serious": True},
    "count": "subjects", "at_least": 1, "population": "treated", "action": "notify", "urgency": "urgent",
    "audience": "closed",
}  # fmt: skip
CHANGES: dict[str, Any] = {
    "terms": {"skin": {"terms": ["Application site rash", "Application site pain"]}},
    "rules": [SERIOUS, SKIN, BOARD],
}

ROWS = (
    event(1, 1, AEDECOD="Application site rash", AETERM="red spots near elbow", AESEV="MODERATE", AEREL="POSSIBLE",
          AESTDTC="2026-01-10", AEENDTC="2026-01-20"),
    event(2, 1, AEDECOD="Application site pain", AETERM="it burns", AESEV="SEVERE", AEREL="",
          AESTDTC="2026-01-12"),
    event(2, 2, AEDECOD="Hypersensitivity", AETERM="throat closing", AESEV="SEVERE", AEREL="RELATED", AESER="Y",
          AESHOSP="Y", AESTDTC="2026-02-02"),
    event(3, 1),
)  # fmt: skip
VERBATIM = ("red spots", "it burns", "throat closing", "elbow")


def asked_site(make: Callable[..., Site], **changes: Any) -> Site:
    """The site, not yet read."""
    return make(**{**CHANGES, **changes})


def records(living: Life, *more: Any, number: int = 9) -> None:
    """Write its records and read them: the serious event comes after monitoring began."""
    visits = [
        {"STUDYID": "SITE-1", "DOMAIN": "SV", "USUBJID": f"S-{i:03d}", "VISITNUM": str(n), "SVSTDTC": day}
        for i in range(1, number + 1) for n, day in ((1, "2026-01-20"), (2, "2026-02-25"))
    ]  # fmt: skip
    doses = [
        {"STUDYID": "SITE-1", "DOMAIN": "EX", "USUBJID": f"S-{i:03d}", "EXSEQ": "1", "EXTRT": "STS CREAM",
         "EXSTDTC": f"2026-01-{5 + i:02d}", "EXENDTC": "2026-03-20"}
        for i in range(1, number + 1)
    ]  # fmt: skip
    handed = [
        {"STUDYID": "SITE-1", "DOMAIN": "DA", "USUBJID": "S-002", "DASEQ": "1", "DATESTCD": "DISPAMT",
         "DAORRES": "61.4", "DADTC": "2026-01-07"},
    ]  # fmt: skip
    for name, rows in (("sv.csv", visits), ("ex.csv", doses), ("da.csv", handed)):
        os.utime(living.site.write(name, pd.DataFrame(rows, dtype="str")), (0, 0))
    living.put(*(row for row in ROWS if row["AESER"] != "Y"), *more, dm=subjects(number))
    living.cycle()
    living.put(*ROWS, *more, dm=subjects(number))
    living.cycle()
