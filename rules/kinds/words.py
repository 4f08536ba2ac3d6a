"""The YAML words that several kinds share: which events a rule means, its window, the fields of every rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from rules.model import Action, Audience, Urgency
from rules.sdtm import KEEP

_COMPARISON = re.compile(r"\s*(>=|<=|==|=|>|<)\s*([1-5])\s*")


def _as_list(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Words = Annotated[
    tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)
]
"""One word or a list of words."""


class Strict(BaseModel):
    """A frozen block of keys: unknown keys fail, nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Grade(Strict):
    """A comparison with the worst CTCAE grade, written as text: ">=2".

    Parameters
    ----------
    operator: one of >= > = < <=.
    value: grade 1..5.
    """

    operator: Literal[">=", ">", "=", "<", "<="] = Field(description="how the worst grade is compared")
    value: int = Field(ge=1, le=5, description="CTCAE grade, 1 to 5")

    @property
    def upwards(self) -> bool:
        """A worse grade can only make it true."""
        return self.operator in (">=", ">")

    def __str__(self) -> str:
        return f"{self.operator}{self.value}"


def _grade(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"={value}"
    if not isinstance(value, str):
        return value
    found = _COMPARISON.fullmatch(value)
    if found is None:
        raise ValueError(f'{value!r} is not a comparison with a grade; write ">=2" (one of >= > = < <=, then 1 to 5)')
    return {"operator": found[1].replace("==", "="), "value": int(found[2])}


class EventFilter(Strict):
    """Which adverse events a rule means. Keys that are left out allow everything; all that are given must hold.

    An unknown fact counts as the unsafe value and is named in the evidence (invariant "unknown is not safe").
    Definitions: `rules.derive`; in words for people: docs/rules.md.
    """

    related: bool | None = Field(
        None, description="true: related to study treatment; missing or unmapped causality counts as related"
    )
    serious: bool | None = Field(
        None, description="true: AESER = Y, or any seriousness criterion = Y, or fatal outcome; deaths in DS or DM too"
    )
    death: bool | None = Field(None, description="true: death by any of AESDTH, AEOUT, DSDECOD, DTHFL")
    grade: Annotated[Grade, BeforeValidator(_grade, json_schema_input_type=str)] | None = Field(
        None, description='comparison with the CTCAE grade, such as ">=2"; a missing grade reaches every threshold'
    )
    terms: Words | None = Field(None, description="names of term lists under `terms:`; any of them")
    soc: Words | None = Field(None, description="system organ classes as recorded in AEBODSYS or AESOC; any of them")
    treatment_emergent: bool | None = Field(
        None,
        description="true: onset or worsening from first dose to last dose + followup_days; unknown counts",
    )
    lesion_role: Literal["treated", "control", "any"] | None = Field(
        None, description="at which lesion; an unknown one counts as treated; `any` includes systemic events"
    )
    unexpected: bool | None = Field(None, description="true: not expected; unknown expectedness counts as unexpected")
    hours_after_dose: int | None = Field(
        None, ge=1, description="onset at most so many hours after a dose of the subject; a missing time counts"
    )
    where: Mapping[str, Words] = Field(
        default_factory=dict, description="variable → value or values, compared as recorded (not as interpreted)"
    )

    @field_validator("where")
    @classmethod
    def _kept(cls, where: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name in where:
            if name not in KEEP["AE"]:
                near = get_close_matches(name.upper(), KEEP["AE"], n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; kept are {', '.join(sorted(KEEP['AE']))}"
                raise ValueError(f"{name!r} is no variable that is kept of adverse events{hint}")
        return where

    @property
    def reaches_deaths(self) -> bool:
        """Deaths that only DS or DM record are events of this filter: grade 5, serious, of unknown causality.

        A filter that asks for none of these counts records of adverse events, and there such a death is none.
        """
        return any(asked is not None for asked in (self.related, self.serious, self.death, self.grade))

    def written(self) -> dict[str, Any]:
        """The keys that were given, as YAML would hold them."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        if self.grade is not None:
            given["grade"] = str(self.grade)
        return given


class ExceptFilter(EventFilter):
    """Which of those events do not count. At least one key; only recorded facts except an event."""

    @model_validator(mode="after")
    def _says_something(self) -> ExceptFilter:
        if not self.written():
            raise ValueError("except is empty and would except every event; name what does not count, or remove it")
        return self


class Window(Strict):
    """Days after first dose in which an event counts, first dose = day 0, both ends included."""

    after_days: int = Field(ge=0, description="last day of the window, in elapsed days after first dose")


class Retired(Strict):
    """Why a rule with history no longer watches."""

    on: date = Field(description="from which day the rule is retired")
    reason: str = Field(min_length=1, description="why, for the record")


def closed_by_arm(per: str, audience: Audience) -> None:
    """Refuse a rule by arm whose audience is not closed. Raises ValueError."""
    if per == "arm" and audience is not Audience.CLOSED:
        raise ValueError("per: arm needs audience: closed, for whoever hears of it learns how the arms differ")


class RuleHead(Strict):
    """The keys of every rule of the protocol, whatever it is about."""

    requires: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="short name, kept for ever")
    title: str = Field("", max_length=200, description="what the rule says, in one line for people")
    action: Action = Field(description="what the protocol says must happen; DSMBot never does it")
    scope_of_action: Literal["subject", "site", "all_subjects"] = Field(
        "all_subjects", description="whom the action concerns"
    )
    urgency: Urgency = Field(Urgency.URGENT, description="how fast a person must look")
    audience: Audience = Field(Audience.OPEN, description="who hears of it")
    retired: Retired | None = Field(None, description="set when a rule with history must no longer watch")

    def stored(self) -> Mapping[str, Any]:
        """Canonical JSON values for the rule version: the keys that differ from their defaults, as YAML holds them."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | {"kind": getattr(self, "kind", "")}


class RuleFields(RuleHead):
    """The keys of every rule about adverse events."""

    requires: ClassVar[Mapping[str, tuple[str, ...]]] = {"AE": ("USUBJID",)}

    events: EventFilter = Field(default_factory=EventFilter, description="which adverse events the rule means")
    excepted: ExceptFilter | None = Field(None, alias="except", description="which of those events do not count")

    def stored(self) -> Mapping[str, Any]:
        """Canonical JSON values for the rule version: the keys that differ from their defaults, as YAML holds them."""
        body = dict(super().stored())
        body["events"] = self.events.written()
        if self.excepted is not None:
            body["except"] = self.excepted.written()
        return body
