"""Kind `manual`: a person says that the rule is met, such as the investigator or the safety officer at discretion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from rules.derive import Facts
from rules.kinds.words import RuleHead, Words
from rules.model import Audience, Evidence, Finding, Standing, State, Urgency

CONCERN = "CONCERN"
"""Name of the snapshot's frame of concerns: columns USUBJID, RULEID, AEDECOD, RAISEDBY and the service columns."""


class ManualRule(RuleHead):
    """One finding per concern that a person raised under the rule, scope = its record key; it never un-happens.

    `details`: `counting`. Evidence carries the subject, where one is named, the coded term and who raised it
    (`raised_by`); what the person wrote stays in the database.

    Source: rules of this form in doi 10.1186/s12879-023-08299-5 (at the discretion of the principal investigator).
    """

    kind: Literal["manual"] = Field("manual", description="a person raises a concern; that meets the rule")
    by: Words | None = Field(None, description="roles that may raise it; every role that reads its audience unless set")
    urgency: Urgency = Field(Urgency.CRITICAL, description="how fast a person must look")

    @model_validator(mode="after")
    def _is_heard_openly(self) -> ManualRule:
        if self.audience in (Audience.CLOSED, Audience.PHARMACY):
            raise ValueError(
                "a concern takes its place among the open records, so that everybody could tell that the board raised "
                "one; use audience: open or ops"
            )
        return self

    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """Nothing: a person can speak whatever the records hold."""
        return {}

    def evaluate(self, facts: Facts) -> Sequence[Finding]:
        """One finding per concern, in order of record key."""
        raised = facts.domains.get(CONCERN)
        if raised is None or not len(raised):
            return []
        rows = raised.frame[raised.frame["RULEID"] == self.id].sort_values("record_key")
        zone = ZoneInfo(facts.snapshot.study.timezone)
        return [self._finding(facts, row, zone) for row in rows.to_dict("records")]

    def _finding(self, facts: Facts, row: Mapping[Any, Any], zone: ZoneInfo) -> Finding:
        at: datetime = row["known_at"].to_pydatetime()
        said: dict[str, Any] = {"raised_by": row["RAISEDBY"], "crossing": True}
        if row["AEDECOD"]:
            said["AEDECOD"] = row["AEDECOD"]
        name, key = str(row["USUBJID"]), str(row["record_key"])
        if name in facts.subjects.index and facts.subjects.at[name, "site"]:
            said["site"] = str(facts.subjects.at[name, "site"])
        return Finding(
            rule=self.id,
            scope=key,
            state=State.CROSSED,
            events=1,
            stop_at=1,
            first_crossed_on=at.astimezone(zone).date(),
            known_at=at,
            evidence=(Evidence(name, Standing.COUNTED, key, key, CONCERN, facts=said),),
            details={"counting": "events"},
        )

    def describe(self) -> str:
        """The rule as a protocol would say it."""
        if self.by is None:
            return "At discretion: each concern that a person of the study raises."
        return f"At the discretion of the {' or '.join(self.by).replace('_', ' ')}: each concern that is raised."
