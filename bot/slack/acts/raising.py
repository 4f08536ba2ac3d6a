"""The form of `/safety raise`: a person says that a rule of kind `manual` is met.

Their words stay in the database. What people are told is the rule, the subject as the study names it, and the coded
term that was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from bot.access import Act
from bot.acting.actions import Done, Effect
from bot.clearance.findings import alias
from bot.lookup.nearest import Names, NotFound
from bot.lookup.records import facts_now
from bot.slack.acts.form import Form, Values
from bot.slack.blocks import Block
from bot.slack.case import Case
from bot.slack.inputs import choice_input, said, words_input
from bot.wording import asked as wording
from bot.wording import forms
from rules.listing import listed_events
from rules.model import Audience, Rule
from storage.concerns import raise_concern
from storage.heads import lock_head

RULE, SUBJECT, TERM, WORDS = "rule", "subject", "term", "words"
NO_TERM = "-"
_TERMS = 99
"""Coded terms that can be chosen; a select holds 100 options."""


@dataclass(frozen=True)
class RaiseForm(Form):
    """A form about no alert: the study it belongs to is in its metadata."""

    def opened(self, case: Case) -> None:
        """Show it, or say that no rule of the study lets this person raise a concern. Authorised before."""
        rules = manual_rules(case)
        if not rules:
            case.finish(wording.NOTHING_TO_RAISE, Effect.NOT_POSSIBLE)
            return
        with case.desk.db.reading() as conn:
            terms = sorted({e.term for e in listed_events(facts_now(conn, _study(case), case.now)) if e.term})
        case.finish("")
        about = replace(case.request, audience=Audience.OPEN.value, delivery_key="")
        blocks = list(inputs(rules, terms[:_TERMS]))
        if not case.open(self._modal(about.metadata(self.act), blocks)):
            case.answer(wording.RAISE_TOO_LATE)

    def _modal(self, metadata: str, blocks: list[Block]) -> dict[str, Any]:
        return {
            "type": "modal", "callback_id": f"dsmbot_{self.act}", "private_metadata": metadata, "blocks": blocks,
            "title": {"type": "plain_text", "text": self.title},
            "submit": {"type": "plain_text", "text": self.submit},
            "close": {"type": "plain_text", "text": "Cancel"},
        }  # fmt: skip

    def errors(self, case: Case, conn: Connection) -> dict[str, str]:
        """A subject that does not exist is told at its field, with the nearest."""
        wrong = forms.words_wrong(WORDS, case.request.values.get(WORDS, ""))
        try:
            _subject(case, conn)
        except NotFound as missing:
            wrong[SUBJECT] = wording.not_found(missing, "/safety")
        return wrong

    def submitted(self, case: Case) -> None:
        """Keep the concern, once; the next cycle judges it and alerts."""

        def change(conn: Connection) -> Done:
            values = case.request.values
            rules = {rule.id: rule for rule in manual_rules(case)}
            if self.errors(case, conn) or values.get(RULE) not in rules:
                return Done(Effect.NOT_POSSIBLE, wording.NOT_RAISED)
            head = lock_head(conn, case.study_id)
            term = "" if values.get(TERM) in (NO_TERM, None) else values[TERM]
            raise_concern(
                conn, head, rule_id=values[RULE], usubjid=_subject(case, conn), term=term,
                raised_by=case.request.user_id, at=case.now, inbox_key=case.inbox_key, note=values[WORDS].strip(),
            )  # fmt: skip
            return Done(Effect.RAISED, wording.raised(rules[values[RULE]].title))

        case.change(case.study_id, change)


def manual_rules(case: Case) -> list[Rule]:
    """Rules of kind `manual` under which this person may raise a concern."""
    study = _study(case)
    roles = {role.value for role in study.voice.slack.roles_of(case.request.user_id)}
    found = [(rule, getattr(rule, "by", None)) for rule in study.rules if rule.kind == "manual"]
    return [rule for rule, by in found if by is None or roles & set(by)]


def inputs(rules: Sequence[Rule], terms: Sequence[str]) -> Sequence[Block]:
    """The fields: under which rule, about whom, of which coded term, in the person's own words."""
    subject = {
        "type": "input", "block_id": SUBJECT, "optional": True, "label": _plain(wording.RAISE_SUBJECT),
        "hint": _plain(wording.RAISE_SUBJECT_HINT),
        "element": {"type": "plain_text_input", "action_id": SUBJECT, "max_length": 80},
    }  # fmt: skip
    return [
        said(wording.RAISE_SAYS),
        choice_input(RULE, wording.RAISE_RULE, {r.id: r.title for r in rules}, initial=rules[0].id),
        subject,
        choice_input(TERM, wording.RAISE_TERM, {NO_TERM: wording.RAISE_NO_TERM, **{t: t for t in terms}},
                     initial=NO_TERM),
        words_input(WORDS, wording.RAISE_WORDS, most=forms.MOST_WORDS, hint=wording.RAISE_WORDS_HINT),
    ]  # fmt: skip


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _study(case: Case) -> Any:
    return case.desk.studies[case.study_id]


def _subject(case: Case, conn: Connection) -> str:
    """The subject that was typed, as recorded; "" for the study as a whole. Raises NotFound."""
    typed = case.request.values.get(SUBJECT, "").strip()
    if not typed:
        return ""
    study = _study(case)
    names = {alias(str(n), study.voice.setting): str(n) for n in facts_now(conn, study, case.now).subjects.index}
    return names[Names("subject", tuple(names)).exact(typed)]


def _nothing(_values: Values, _about: object) -> dict[str, str]:
    return {}


RAISE = RaiseForm(
    Act.RAISE, wording.RAISE_TITLE, wording.RAISE, inputs=lambda _: (), wrong=_nothing,
    apply=lambda *_: Done(Effect.NOT_POSSIBLE, ""),
)  # fmt: skip
