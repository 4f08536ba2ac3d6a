"""`/safety alerts | rule | subject | aes | summary`: what is open, a rule, a subject, coded events, the whole."""

from __future__ import annotations

from bot.access import Act
from bot.lookup.alerts import alerts_content
from bot.lookup.nearest import NotFound
from bot.lookup.records import events_content, subject_content
from bot.lookup.rule import rule_content
from bot.lookup.summary import asked_summary
from bot.slack.case import Case
from bot.slack.commands.asking import answer, words_of
from bot.slack.commands.command import Command
from bot.wording import asked as wording

_WHICH = {"open": False, "all": True}


def _alerts(case: Case) -> None:
    asked = words_of(case).text.lower() or "open"
    if asked not in _WHICH:
        case.finish(wording.not_found(NotFound("list", asked, ["alerts open", "alerts all"]), case.request.command))
        return
    answer(case, Act.ALERTS, lambda conn, study, reader: alerts_content(
        conn, study, reader, case.now, every=_WHICH[asked]))  # fmt: skip


def _rule(case: Case) -> None:
    asked = words_of(case).text
    answer(case, Act.RULE, lambda conn, study, reader: rule_content(conn, study, reader, case.now, asked), about=asked)


def _subject(case: Case) -> None:
    asked = words_of(case).text
    answer(
        case, Act.SUBJECT, lambda conn, study, reader: subject_content(conn, study, reader, case.now, asked),
        about=asked, records=True,
    )  # fmt: skip


def _aes(case: Case) -> None:
    asked = words_of(case).rest
    answer(
        case, Act.AES, lambda conn, study, reader: events_content(conn, study, reader, case.now, asked), records=True
    )


def _summary(case: Case) -> None:
    asked = words_of(case).text
    answer(case, Act.SUMMARY, lambda _, study, __: asked_summary(study, asked), records=True)


ALERTS = Command("alerts", _alerts)
RULE = Command("rule", _rule)
SUBJECT = Command("subject", _subject)
AES = Command("aes", _aes)
SUMMARY = Command("summary", _summary)
