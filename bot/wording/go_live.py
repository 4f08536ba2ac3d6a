"""The record of going live in words: approval, rules with their boundaries, people, drill, rehearsal, versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bot.checking.rule_report import RuleReport, boundary_of
from bot.contents.summary import Drawn
from bot.figures.words import share
from bot.golive.dossier import Dossier
from bot.wording.document import Column, Figure, Headline, Report, Row, Section, Table
from bot.wording.phrases import CHANNEL_WORD, MARK, MARK_SENTENCE, URGENCY, protocol_says
from bot.wording.text import count, plain, words
from bot.wording.times import moment
from rules.model import Rule

RUNNING = "Go-live record"
NOT_A_SIGNATURE = (
    "The name above is what was typed at the command line. It is a statement kept in the audit record, not an "
    "electronic signature: sign this page by hand or in your own system."
)
INFORMS = (
    "DSMBot informs: it never stops a trial, holds a dose or unblinds anybody. Validation for its intended use is the "
    "sponsor's."
)
NOT_MET = "not met by today's records: its message was not seen"
BOARD_ONLY = "for the board alone: rehearsed with groups dealt at random, not shown here"
MESSAGES = {
    "parent": "alerts", "reply": "replies in threads, daily notes among them", "note": "notes and summaries",
    "group": "groups of many alerts",
}  # fmt: skip


def go_live_report(dossier: Dossier) -> Report:
    """The record as a report; `bot.reports` makes the file."""
    zone = dossier.config.plan.timezone
    at = moment(dossier.at, zone)
    return Report(
        running=RUNNING,
        study=plain(dossier.config.id),
        title=plain(dossier.config.plan.title) or plain(dossier.config.id),
        subtitle=" · ".join(filter(None, [plain(dossier.config.id), plain(dossier.config.plan.registry), RUNNING])),
        stamps=tuple(_stamps(dossier, zone)),
        short=f"Approved {at}",
        headlines=tuple(_headlines(dossier)),
        said=(f"Approved for live use by {plain(dossier.approved_by, 300)}, {at}.", NOT_A_SIGNATURE, INFORMS),
        sections=tuple(_sections(dossier, zone)),
        made_at=int(dossier.at.timestamp()),
        mark=MARK[dossier.mode],
        mark_line=MARK_SENTENCE[dossier.mode],
    )


def _stamps(dossier: Dossier, zone: str) -> Iterator[tuple[str, str]]:
    yield "Approved", moment(dossier.at, zone)
    yield "Audit record", f"{dossier.seq:,} · {dossier.digest[:12]}…, before this entry"
    yield "Configuration file", f"{plain(dossier.config.path.name)} · {dossier.identity['file'][:12]}…"
    yield "Rules", f"{dossier.identity['rules'][:12]}…"
    yield "People and channels", f"{dossier.identity['people'][:12]}…"
    yield "DSMBot", dossier.code_version


def _headlines(dossier: Dossier) -> Iterator[Headline]:
    rules, seen = dossier.rules(), dossier.rehearsed
    pressed, messages = dossier.drill.confirmed(), seen.messages
    exercised = sum(rule.shown and rule.met > 0 for rule in seen.rules)
    yield Headline(f"{len(rules):,}", "rule" if len(rules) == 1 else "rules", f"{exercised} met in the rehearsal")
    yield Headline(f"{len(pressed):,}", "reached in the drill", "everybody on the roster")
    found, wanted = (sum(getattr(one, name) for one in messages) for name in ("actual", "expected"))
    yield Headline(f"{found:,}", "messages rehearsed", f"of {wanted:,} expected")
    accepted = len(dossier.accepted)
    yield Headline(f"{accepted:,}", "warning accepted" if accepted == 1 else "warnings accepted", "by the approver")


def _sections(dossier: Dossier, zone: str) -> Iterator[Section]:
    reports = {one.id: one for one in dossier.report.rules if one.study == dossier.config.id}
    yield Section("Rules", (_rules(dossier, reports), *_boundaries(dossier, reports)))
    yield Section("People and channels", (_people(dossier), _channels(dossier)))
    yield Section("Drill", tuple(_drill(dossier, zone)))
    yield Section("Check", (_check(dossier),))
    yield Section("Rehearsal", (_said_of_rehearsal(dossier, zone), _rehearsed(dossier), _messages(dossier)))
    yield Section("Versions", (_versions(dossier),))


def _rules(dossier: Dossier, reports: dict[str, RuleReport]) -> Table:
    rows = (_rule(rule, reports.get(rule.id)) for rule in dossier.rules())
    columns = (
        Column("Rule", width=2.4), Column("In words", width=4.2), Column("Told in", width=1.7),
        Column("The protocol says", width=1.7), Column("False alarm", number=True),
    )  # fmt: skip
    return Table("T1 Rules", "T1", "Rules in force, with what each says and whom it tells", columns, tuple(rows),
                 ("False alarm: attained at the null rate, if outcomes are recorded once and correctly.",))  # fmt: skip


def _rule(rule: Rule, report: RuleReport | None) -> Row:
    attained = share(report.attained_alpha, 2) if report and report.attained_alpha is not None else "–"
    told = f"{CHANNEL_WORD[rule.audience]}, {URGENCY[rule.urgency]}"
    says = plain(report.says, 1200) if report else ""
    return Row((f"{plain(rule.title)} ({plain(rule.id)})", says, told, protocol_says(rule.action), attained))


def _boundaries(dossier: Dossier, reports: dict[str, RuleReport]) -> Iterator[Figure | str]:
    number = 0
    for rule in dossier.rules():
        report, boundary = reports.get(rule.id), boundary_of(rule)
        if report is None or not report.table():
            continue
        lines = (f"Stops at {report.table()}.", *(plain(note, 1200) for note in report.notes))
        if boundary is None:
            yield f"{plain(rule.title)} ({plain(rule.id)}). {' '.join(lines)}"
            continue
        number += 1
        drawn = Drawn(boundary.method, boundary.null_rate, boundary.alpha, boundary.attained_alpha, boundary.looks,
                      boundary.stop_at, (), ())  # fmt: skip
        design = f"{plain(rule.id)}, {words(boundary.method)}: false alarm {share(boundary.attained_alpha)} at "
        yield Figure(f"F{number}", plain(rule.title), design + share(boundary.null_rate), drawn, lines)


def _people(dossier: Dossier) -> Table:
    rows = tuple(
        Row((words(role.value), ", ".join(_member(one.id, one.guest, one.authorised_by) for one in members)))
        for role, members in dossier.config.slack.roles.items()
    )
    return Table("T2 People", "T2", "The roster, by role", (Column("Role"), Column("Slack members", width=3)), rows)


def _member(user: str, guest: bool, by: str | None) -> str:
    return f"{user} (guest, authorised by {by})" if guest else user


def _channels(dossier: Dossier) -> Table:
    rows = tuple(
        Row((CHANNEL_WORD[audience], plain(str(name)))) for audience, name in dossier.config.slack.channels.items()
    )
    return Table(
        "T3 Channels", "T3", "Channels, each looked at by check", (Column("Audience"), Column("Channel")), rows
    )


def _drill(dossier: Dossier, zone: str) -> Iterator[Table | str]:
    drill = dossier.drill
    sent = drill.body["pages"].get("sent", 0)
    pages = f"{count(sent, 'test page')} taken" if sent else "no test page was sent by a second path"
    yield f"The drill ended {moment(drill.at, zone)}: everybody pressed, {pages} (audit entry {drill.seq:,})."
    columns = (Column("Person"), Column("Asked in", width=2), Column("Pressed", width=2))
    rows = tuple(
        Row((user, CHANNEL_WORD[where], moment(datetime.fromisoformat(at), zone)))
        for (user, where), at in sorted(drill.confirmed().items())
    )
    yield Table("T4 Drill", "T4", "Who showed that a message reaches them", columns, rows)


def _check(dossier: Dossier) -> Table:
    rows = tuple(
        Row((one.code, plain(one.warning.where), plain(one.warning.problem, 1200))) for one in dossier.accepted
    )
    columns = (Column("Code"), Column("Where", width=1.6), Column("Warning", width=5))
    return Table("T5 Warnings", "T5", "Warnings of check that the approver accepted", columns, rows,
                 ("Accepting a warning changes nothing of what it says.",),
                 "None: check had nothing to say.")  # fmt: skip


def _said_of_rehearsal(dossier: Dossier, zone: str) -> str:
    due = ", ".join(f"{name} {moment(at, zone)}" for name, at in sorted(dossier.rehearsed.scheduled.items()))
    return (
        "This configuration was played over the records of today in a practice workspace, with groups dealt at "
        f"random: the first evaluation, and what falls due next ({due}). Expected is what the records and the schedule "
        "call for; actual is what stood in the channel afterwards."
    )


def _rehearsed(dossier: Dossier) -> Table:
    rows = []
    for rule in dossier.rehearsed.rules:
        if not rule.shown:
            rows.append(Row((plain(rule.rule), CHANNEL_WORD[rule.audience], "–", "–", BOARD_ONLY)))
            continue
        how = NOT_MET if not rule.met else _how(rule.told, rule.listed)
        rows.append(Row((plain(rule.rule), CHANNEL_WORD[rule.audience], str(rule.met), str(rule.told), how)))
    columns = (
        Column("Rule", width=2), Column("Channel", width=2), Column("Expected", "Alerts", number=True),
        Column("Actual", "Alerts", number=True), Column("How it was told", width=3),
    )  # fmt: skip
    return Table("T6 Rehearsed rules", "T6", "Alerts, expected and actual", columns, tuple(rows))


def _how(told: int, listed: int) -> str:
    alone = count(told - listed, "message of its own", "messages of their own") if told > listed else ""
    among = f"{listed} in the list of what was already so" if listed else ""
    return ", ".join(filter(None, [alone, among]))


def _messages(dossier: Dossier) -> Table:
    rows = tuple(
        Row((CHANNEL_WORD[one.audience], MESSAGES.get(one.kind, one.kind), str(one.expected), str(one.actual)))
        for one in dossier.rehearsed.messages
    )
    columns = (
        Column("Channel", width=2), Column("Messages", width=3), Column("Expected", number=True),
        Column("Actual", number=True),
    )  # fmt: skip
    return Table("T7 Rehearsed messages", "T7", "Messages, expected and actual", columns, rows,
                 ("The board's messages were counted as well; their number is not shown.",))  # fmt: skip


def _versions(dossier: Dossier) -> Table:
    named = {"Rules in force": "rules", "People, channels, second path": "people", "Configuration file": "file"}
    rows = tuple(Row((label, dossier.identity[name])) for label, name in named.items())
    each = tuple(Row((f"Rule {plain(rule.id)}", dossier.config.rule_fingerprint(rule))) for rule in dossier.rules())
    return Table("T8 Versions", "T8", "What was approved, as SHA-256", (Column("Of"), Column("Digest", width=2.6)),
                 (*rows, *each))  # fmt: skip
