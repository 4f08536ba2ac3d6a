"""The alert of each kind of rule is a complete and correct sentence, made from what the rule itself found.

Catches: a kind that is told in the words of another, a number that is left out, a provisional crossing that hangs on
nothing, a person's words that reach Slack.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from bot.wording.alerts import alert
from rules.kinds.manual import CONCERN
from rules.model import Finding
from tests.bot.test_wording import made, view
from tests.rules.tables import only, rows_frame, rule, snapshot

DM = "USUBJID | RFXSTDTC\nP1 | 2026-02-01\nP2 | 2026-02-01\nP3 | 2026-02-11"
SV = "USUBJID | SVSTDTC\nP1 | 2026-03-31\nP2 | 2026-03-31\nP3 | 2026-03-31"
AE = "USUBJID | AEDECOD | AESPID | AESTDTC | AEREL\nP1 | Rash | 1 | 2026-02-20 | RELATED\nP2 | Rash | 1 | 2026-02-28 | "


def said(one: Any, finding: Finding) -> str:
    from bot.views import RuleFacts

    facts = RuleFacts(one.id, one.title or "The rule", one.kind, one.action, sentence=one.describe())
    return alert(view(made(finding, facts))).text


def exposure(**keys: Any) -> Any:
    design = {"method": "exposure_pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 24}
    window = {"after_days": 84}
    return rule("exposure", events={"related": True}, window=window, design=design, **keys)


def test_exposure() -> None:
    certain = snapshot(DM=DM, SV=SV, AE=AE + "RELATED")
    text = said(exposure(), only(exposure(), certain))
    assert text.startswith("STOPPING RULE CROSSED")
    assert "2 events in 94 days at risk; event 2 came at 63 days at risk, and the rule stops there up to 95." in text
    doubtful = said(exposure(), only(exposure(), snapshot(DM=DM, SV=SV, AE=AE)))
    assert "Would be crossed if causality, missing for P2 AE 2, is 'related'." in doubtful
    recurrent = exposure(recurrent=True)
    assert "Poisson false alarm not guaranteed" in said(recurrent, only(recurrent, certain))


def test_composite() -> None:
    one = rule("composite", signs=[{"name": "rash", "events": {"terms": "skin"}}], at_least=2)
    text = said(one, only(one, snapshot(DM=DM, AE=AE)))
    assert text.startswith("RULE MET")
    assert "2 subjects, acts at 2." in text
    assert "P1: rash; P2: rash." in text


def concern(usubjid: str) -> pd.DataFrame:
    row = {"USUBJID": usubjid, "RULEID": "r", "AEDECOD": "Urticaria" if usubjid else "", "RAISEDBY": "U0PI"}
    return rows_frame(CONCERN, [row], list(row))


def test_manual() -> None:
    one = rule("manual", action="hold_dosing")
    text = said(one, only(one, snapshot(DM=DM, CONCERN=concern("P1"))))
    assert text.startswith("CONCERN RAISED")
    assert "subject P1: <@U0PI> raised a concern about subject P1: Urticaria. What the person wrote is kept" in text
    whole = said(one, only(one, snapshot(DM=DM, CONCERN=concern(""))))
    assert "r: <@U0PI> raised a concern about the study as a whole. " in whole
    assert "The protocol says: hold dosing" in whole
