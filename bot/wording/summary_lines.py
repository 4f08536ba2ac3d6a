"""Sentences of a summary that its message and its files share: what changed, who is where, what was found."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.clocks import Stands
from bot.contents.notices import scope_name
from bot.contents.summary import AlertStanding, DecisionTaken, DrawnExposure, RuleStanding, SummaryContent
from bot.figures.words import share
from bot.wording.forms import DECISIONS
from bot.wording.kinds import days_at_risk
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
    opened = f"{count(len(before.opened), 'rule')} newly crossed: {listed(map(plain, before.opened), TOLD)}"
    said = [f"{since}: {opened if before.opened else 'no rule newly crossed'}."]
    said += [f"Alerts changed: {listed(map(plain, before.changed), TOLD)}."] if before.changed else []
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
    named = ((name.replace(", ", " and "), number) for name, number in content.tables.disposition)
    found = [f"{number:,} {name}" for name, number in named if number]
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
        return _met_by(rule)
    if isinstance(rule.drawn, DrawnExposure):
        return f"{STATE[line.state]}: {_exposed(rule, rule.drawn)}"
    waiting = [f"{rule.n_pending} pending" * bool(rule.n_pending), f"{rule.n_overdue} overdue" * bool(rule.n_overdue)]
    said = "; ".join(filter(None, [figures(line), *waiting]))
    if line.state in (State.NOT_EVALUABLE, State.PENDING) and line.reason:
        said = plain(line.reason)
    return f"{STATE[line.state]}: {said}"


def _met_by(rule: RuleStanding) -> str:
    """`met by 2 events and, if missing facts are unfavourable, by 1 more`."""
    sure, doubtful = rule.met - rule.provisional, rule.provisional
    if sure and doubtful:
        return f"met by {count(sure, 'event')} and, if missing facts are unfavourable, by {doubtful} more"
    if doubtful:
        return f"would be met by {count(doubtful, 'event')} if missing facts are unfavourable"
    return f"met by {count(sure, 'event')}" if sure else STATE[rule.line.state]


def _exposed(rule: RuleStanding, drawn: DrawnExposure) -> str:
    """`4 events in 312 days at risk; event 4 came too early`; not met: `event 5 would be too early if it came now`."""
    line = rule.line
    said = [f"{count(line.events, 'event')} in {days_at_risk(drawn.exposure_days)}"]
    if line.stop_at is not None:
        early = "came too early" if line.state in MET else "would be too early if it came now"
        said.append(f"event {line.stop_at} {early}")
    said += [f"{rule.n_pending} pending"] * bool(rule.n_pending) + [f"{rule.n_overdue} overdue"] * bool(rule.n_overdue)
    return "; ".join(said)


def alert_line(alert: AlertStanding, timezone: str, content: SummaryContent) -> str:
    """`related-serious, open since Thu 14 May 09:00: met; acknowledged 09:06 by investigator`."""
    report = content.stamps.report_of
    scope = "" if alert.scope == "study" else f" ({plain(scope_name(alert.scope))})"
    opened = hour(alert.opened_at, timezone, beside=report, offset=False)
    done = [
        f"{words(answer.kind)} {hour(answer.at, timezone, beside=report, offset=False)}"
        + (f" by {listed(words(role) for role in answer.roles)}" if answer.roles else "")
        for answer in alert.answers
    ]
    answered = listed(done) if done else "nobody has answered"
    return f"{plain(alert.rule_id)}{scope}, open since {opened}: {STATE[alert.state]}; {answered}"


def clocks(content: SummaryContent) -> str:
    """`2 open, 1 of them overdue; 5 ended by a report, 1 of these late.`; "" where no rule runs one."""
    found = content.clocks
    if found is None:
        return ""
    overdue = sum(row.stands is Stands.OVERDUE for row in found.open)
    late = f", {overdue:,} of them overdue" if overdue else ""
    said = [f"{len(found.open):,} open{late}" if found.open else "none open"]
    if found.reported:
        of_these = f", {found.late:,} of these late" if found.late else ""
        said.append(f"{found.reported:,} ended by a report{of_these}")
    said += [f"{found.withdrawn:,} ended with the doubt that began them"] if found.withdrawn else []
    return f"{'; '.join(said)}."


def decision_line(decision: DecisionTaken, timezone: str, content: SummaryContent) -> str:
    """`tolerability: pause enrolment, all subjects, Thu 14 May 09:10 by investigator, in force`."""
    scope = "" if decision.scope == "study" else f" ({plain(scope_name(decision.scope))})"
    at = hour(decision.at, timezone, beside=content.stamps.report_of, offset=False)
    said = [decided(decision), whom(decision), f"{at}{_by(decision.roles)}", in_force(decision)]
    return f"{plain(decision.rule_id)}{scope}: {', '.join(filter(None, said))}"


def decided(decision: DecisionTaken) -> str:
    """`pause enrolment`."""
    return DECISIONS.get(decision.kind, plain(words(decision.kind))).lower()


def whom(decision: DecisionTaken) -> str:
    """`all subjects`, `subject P-014`."""
    return f"subject {plain(decision.subject)}" if decision.subject else "all subjects"


def in_force(decision: DecisionTaken) -> str:
    """`in force` or `no longer in force`; a resume is neither."""
    return "" if decision.kind == "resume" else "in force" if decision.in_force else "no longer in force"


def _by(roles: Iterable[str]) -> str:
    known = listed(words(role) for role in roles)
    return f" by {known}" if known else " by somebody who holds no role now"


def data(content: SummaryContent) -> list[str]:
    """How timely and how complete the records are."""
    tables, said = content.tables, []
    stale = [source for source in content.sources if not source.current]
    if stale:
        said.append(f"Not current: {listed(plain(source.source_id) for source in stale)}.")
    elif content.sources:
        said.append("All sources are current." if len(content.sources) > 1 else "The source is current.")
    else:
        said.append(SOURCES_THEN)
    if tables.absent:
        said.append(f"No records of {listed(tables.absent)} are read: what hangs on them is not in these figures.")
    said.append(_entered(tables.entry))
    said.append(_last_seen(tables.contact))
    said.append(_gaps(content))
    return [line for line in said if line]


SOURCES_THEN = "How current the sources were then is not kept."
"""Of a moment that is past."""


def _entered(days: Spread) -> str:
    if not days.number:
        return ""
    return f"Known after onset: median {count(days.median, 'day')}, nine of ten within {count(days.ninth, 'day')}."


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


def checkable(content: SummaryContent) -> str:
    """`Batch 1,204 · audit 4711:9f3a51c0 · configuration c0ffee12 · dsmbot 0.1.0`: on every page and sheet."""
    stamps = content.stamps
    return (
        f"Batch {stamps.batch_no:,} · audit {stamps.seq}:{stamps.digest[:8]} · configuration {stamps.config[:8]} · "
        f"dsmbot {plain(stamps.code_version)}"
    )


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
