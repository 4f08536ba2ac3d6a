"""Sentences of a summary that its message and its files share: what changed, who is where, what was found."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.summary import AlertStanding, RuleStanding, SummaryContent
from bot.figures.words import share
from bot.wording.notes import figures
from bot.wording.phrases import STATE
from bot.wording.text import count, listed, plain, words
from bot.wording.times import hour, moment
from rules.model import State
from rules.tabulated.words import Measure, Spread

MET = (State.CROSSED, State.PROVISIONAL)
TOLD = 8
"""Most rules, alerts or terms named in one line."""


def of(number: int, whole: int) -> str:
    """`6 of 9 (66.7 %)`."""
    return f"{number:,} of {whole:,}" + (f" ({share(number / whole)})" if whole else "")


def treated(content: SummaryContent) -> int:
    """The denominator of safety: subjects with a first dose."""
    return content.tables.populations["treated"]


def changed(content: SummaryContent, timezone: str) -> list[str]:
    """What is different from the last summary, most urgent first."""
    before, tables = content.changes, content.tables
    since = f"Since {moment(before.since, timezone)}" if before.since else "Since monitoring began"
    opened = f"{count(len(before.opened), 'rule')} newly met: {listed(map(plain, before.opened), TOLD)}"
    said = [f"{since}: {opened if before.opened else 'no rule newly met'}."]
    steps = [
        ("dosed", before.treated, treated(content)),
        ("adverse events", before.events, tables.overview["any"].events),
        ("serious events", before.serious, tables.overview["serious"].events),
        ("deaths", before.deaths, tables.overview["death"].events),
    ]
    moved = [f"{name} {then:,} → {now:,}" for name, then, now in steps if then != now]
    still = [f"{name} {now:,}" for name, then, now in steps if then == now]
    said += [f"{listed(moved)}.".capitalize()] if moved else []
    said += [f"Unchanged: {listed(still)}."] if still else []
    if before.answered:
        said.append(f"People: {listed(f'{number} × {words(kind)}' for kind, number in before.answered)}.")
    return said


def enrolment(content: SummaryContent) -> str:
    """`9 of 20 planned subjects dosed, 9 randomised, 1 screen failure, 3 sites.`"""
    tables = content.tables
    failed = sum(row.screen_failures for row in tables.sites)
    sites = sum(1 for row in tables.sites if row.subjects)
    return (
        f"{treated(content):,} of {content.planned_n:,} planned subjects dosed, {tables.populations['randomised']:,} "
        f"randomised, {count(failed, 'screen failure')}, {count(sites, 'site')}."
    )


def disposition(content: SummaryContent) -> str:
    """`5 on treatment, 2 completed, 1 withdrew.`: only where somebody is."""
    found = [f"{number:,} {name}" for name, number in content.tables.disposition if number]
    return f"{listed(reversed(found))}." if found else "Nobody has been dosed yet."


def exposure(content: SummaryContent) -> str:
    """`312 person-days of follow-up; median 35 days (3 to 84).`"""
    tables = content.tables
    said = f"{tables.person_days:,} person-days of follow-up{_spread(tables.followed)}."
    on = tables.on_treatment
    return (
        f"{said} First to last dose{_spread(on)}, {of(on.number, treated(content))} with a last dose."
        if on.number
        else said
    )


def _spread(days: Spread) -> str:
    return f": median {count(days.median, 'day')} ({days.least:,} to {days.most:,})" if days.number else ""


OVERVIEW = {
    "any": "Any adverse event",
    "treatment_emergent": "Treatment-emergent",
    "related": "Treatment-emergent, related",
    "severe": "Treatment-emergent, grade 3 or worse",
    "serious": "Serious",
    "related_serious": "Serious and related",
    "death": "Death",
}
"""Measure of the overview → its name. What is counted is `rules.tabulated.events.OVERVIEW`."""


def measured(measure: Measure, whole: int) -> str:
    """`6 of 9 (66.7 %), 14 events`; with how many hang on a missing fact."""
    doubt = f", {measure.doubtful} of them only because a fact is missing" if measure.doubtful else ""
    return f"{of(measure.subjects, whole)}, {count(measure.events, 'event')}{doubt}"


def frequent(content: SummaryContent) -> str:
    """The most frequent treatment-emergent terms: `Application site erythema 3, headache 2`."""
    rows = sorted(
        (row for row in content.tables.terms if row.term and row.emergent.subjects),
        key=lambda row: (-row.emergent.subjects, row.term),
    )
    shown = listed(f"{plain(row.term)} {row.emergent.subjects:,}" for row in rows[:3])
    more = f" (showing 3 of {len(rows)} terms)" if len(rows) > 3 else ""
    return f"Most frequent, in subjects: {shown}{more}." if rows else ""


def standing(rule: RuleStanding) -> str:
    """`within its limit: 2 events, stops at 4 of 7; 3 pending`."""
    line = rule.line
    if rule.kind == "event":
        return f"met by {count(rule.met, 'event')}" if rule.met else STATE[line.state]
    waiting = [f"{rule.n_pending} pending" * bool(rule.n_pending), f"{rule.n_overdue} overdue" * bool(rule.n_overdue)]
    said = "; ".join(filter(None, [figures(line), *waiting]))
    if line.state in (State.NOT_EVALUABLE, State.PENDING) and line.reason:
        said = plain(line.reason)
    return f"{STATE[line.state]}: {said}"


def alert_line(alert: AlertStanding, timezone: str, content: SummaryContent) -> str:
    """`related-serious, open since Thu 14 May 09:00: met; acknowledged 09:06 by investigator`."""
    report = content.stamps.report_of
    scope = "" if alert.scope == "study" else f" ({plain(alert.scope)})"
    opened = hour(alert.opened_at, timezone, beside=report, offset=False)
    done = [
        f"{words(answer.kind)} {hour(answer.at, timezone, beside=report, offset=False)}"
        + (f" by {listed(words(role) for role in answer.roles)}" if answer.roles else "")
        for answer in alert.answers
    ]
    answered = listed(done) if done else "nobody has answered"
    return f"{plain(alert.rule_id)}{scope}, open since {opened}: {STATE[alert.state]}; {answered}"


def data(content: SummaryContent) -> list[str]:
    """How timely and how complete the records are."""
    tables, said = content.tables, []
    stale = [source for source in content.sources if not source.current]
    if stale:
        said.append(f"Not current: {listed(plain(source.source_id) for source in stale)}.")
    elif content.sources:
        said.append("All sources are current." if len(content.sources) > 1 else "The source is current.")
    if tables.absent:
        said.append(f"No records of {listed(tables.absent)} are read: what hangs on them is not in these figures.")
    said.append(_last_seen(tables.contact))
    said.append(_gaps(content))
    return [line for line in said if line]


def _last_seen(days: Spread) -> str:
    if not days.number:
        return ""
    median = count(days.median, "day")
    return f"Last assessed: median {median} ago, longest {days.most:,}, of {days.number:,} still in the study."


def _gaps(content: SummaryContent) -> str:
    quality = content.tables.quality
    gaps = [f"{number:,} {name}" for name, number in gaps_of(content) if number]
    if not quality.records:
        return ""
    if not gaps:
        return f"{count(quality.records, 'adverse-event record')}, none with a gap."
    return f"Of {count(quality.records, 'adverse-event record')}: {listed(gaps)}. Each counts as the unsafe value."


def gaps_of(content: SummaryContent) -> Iterable[tuple[str, int]]:
    """What adverse-event records lack, and in how many rows."""
    quality = content.tables.quality
    yield "without causality", quality.without_causality
    yield "without grade", quality.without_grade
    yield "without onset", quality.without_onset
    yield "with a partial onset", quality.partial_onset
    yield "not coded", quality.uncoded
    yield "recorded as not serious against a criterion", quality.contradictions


def stamped(content: SummaryContent, timezone: str) -> tuple[tuple[str, str], ...]:
    """Label and value of everything that makes a report checkable."""
    stamps = content.stamps
    late = (("Late", f"was due {moment(stamps.due_at, timezone)}"),) if stamps.due_at else ()
    return (
        ("Data as of", moment(stamps.data_as_of, timezone)),
        ("Report of", moment(stamps.report_of, timezone)),
        *late,
        ("Known by", moment(stamps.as_of, timezone)),
        ("Batch", f"{stamps.batch_no:,}"),
        ("Audit head", f"{stamps.seq}:{stamps.digest[:16]}"),
        ("Configuration", stamps.config[:12]),
        ("Software", f"dsmbot {plain(stamps.code_version)}"),
    )


RUNNING = "Open Session Report"
"""Stands on every page of every file."""

POOLED = "All arms together. Coded terms only, no verbatim text."
NO_DECISION = "DSMBot informs: it has paused, held and decided nothing."
