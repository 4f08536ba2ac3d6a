"""The message of a weekly open summary: first what changed, then the study in a phone's length."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.summary import SummaryContent
from bot.views import ClosedView, OpenView
from bot.wording.alerts import unescaped_lines
from bot.wording.clocks import clock_line
from bot.wording.phrases import FINE, LOOK, MARK_SENTENCE, STOP, marked
from bot.wording.said import Said
from bot.wording.summary_lines import (
    MET,
    NO_DECISION,
    OVERVIEW,
    POOLED,
    RUNNING,
    TOLD,
    alert_line,
    changed,
    clocks,
    data,
    decision_line,
    disposition,
    enrolment,
    exposure,
    frequent,
    measured,
    standing,
    treated,
)
from bot.wording.text import count, plain, safe, unescaped, words
from bot.wording.times import moment
from rules.model import State

CLOCKS = 5
"""Clocks named in the message."""

_SHOWN = ("treatment_emergent", "related", "severe", "serious", "death")
_SPOKEN = (State.NEAR, State.NOT_EVALUABLE, State.BEYOND_DESIGN)


def summary(view: OpenView | ClosedView) -> Said:
    """The message. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, SummaryContent):
        raise TypeError(f"no summary but {type(content).__name__}")
    zone, stamps, mode = view.setting.timezone, content.stamps, view.setting.mode
    title = f"Weekly summary to {' '.join(moment(stamps.as_of, zone).split()[:4])}"
    late = []
    if stamps.due_at:
        late = [f"Late: this summary was due {moment(stamps.due_at, zone)}. It says what was known then."]
    news = [safe(line, 2000) for line in changed(content, zone)]
    body = [
        *_study(content),
        *_events(content),
        *_rules(content),
        *_clocks(content, zone),
        *_data(content),
        *_alerts(content, zone),
        *_decisions(content, zone),
    ]
    as_of = f"Data as of {moment(stamps.data_as_of, zone)}."
    spoken = [line.removeprefix("• ") for part in body for line in part.split("\n")]
    essential = [f"{title} · {safe(view.setting.study_id)}.", *late, *news, *map(_sentence, spoken), as_of]
    return Said(
        text=marked(unescaped_lines(essential), mode),
        head=f"{_shape(content)} {marked(unescaped(title), mode)}",
        lines=(
            *(f"*{line}*" for line in late),
            f"*{news[0]}* {' '.join(news[1:])}",
            *map(_apart, body),
            _apart(_FILES),
        ),
        meta=(_stamps(content, zone), *filter(None, [f"{POOLED} {NO_DECISION}", MARK_SENTENCE[mode]])),
    )


def _bold(lines: Iterable[str]) -> Iterable[str]:
    return (f"*{line}*" for line in lines)


def _sentence(line: str) -> str:
    """Read aloud, a line of a list ends as a sentence does."""
    return line if line.endswith((".", ":", ")")) else f"{line}."


def _apart(part: str) -> str:
    """A topic stands apart from the one before."""
    return f"\n{part}" if part.startswith(("*", _FILES[:6])) else part


def file_title(view: OpenView | ClosedView, form: str) -> str:
    """`Open Session Report, STS-CALC, Mon 18 May 2026 (PDF)`: how a file is called in Slack."""
    content = view.content
    assert isinstance(content, SummaryContent)
    day = " ".join(moment(content.stamps.as_of, view.setting.timezone).split()[:4])
    return marked(f"{RUNNING}, {plain(view.setting.study_id)}, {day} ({form.upper()})", view.setting.mode)


_FILES = "Tables, listings and plots: in the PDF and the XLSX that follow."


def _shape(content: SummaryContent) -> str:
    if any(rule.line.state in MET for rule in content.rules) or content.changes.opened:
        return STOP
    doubtful = any(rule.line.state in _SPOKEN for rule in content.rules)
    stale = any(not source.current for source in content.sources)
    return LOOK if content.alerts or doubtful or stale else FINE


def _study(content: SummaryContent) -> Iterable[str]:
    yield f"*Enrolment:* {safe(enrolment(content), 600)}"
    yield f"*Where they are:* {disposition(content)} {exposure(content)}"


def _events(content: SummaryContent) -> Iterable[str]:
    whole, overview = treated(content), content.tables.overview
    if not whole:
        return
    yield f"*Adverse events:* {measured(overview['any'], whole)}. {safe(frequent(content), 600)}"
    yield "\n".join(f"• {OVERVIEW[name]}: {measured(overview[name], whole)}" for name in _SHOWN)
    special = [f"{safe(words(name))} {m.subjects}" for name, m in content.tables.interest.items() if m.subjects]
    if content.tables.interest:
        yield f"*Of special interest*, in subjects: {', '.join(special) if special else 'none'}."


def _rules(content: SummaryContent) -> Iterable[str]:
    loud = [rule for rule in content.rules if rule.line.state in (*MET, *_SPOKEN) or rule.drawn]
    quiet = len(content.rules) - len(loud)
    yield f"*Stopping rules:* {count(len(content.rules), 'rule')}" + (
        ", the others within their limits:" if quiet else ":"
    )
    shown = [f"• {safe(rule.line.rule_id)} {safe(standing(rule), 600)}" for rule in loud[:TOLD]]
    if len(loud) > TOLD:
        shown.append(f"(showing {TOLD} of {len(loud)}; all are in the files)")
    yield "\n".join(shown)


def _alerts(content: SummaryContent, zone: str) -> Iterable[str]:
    if not content.alerts:
        yield "*Open alerts:* none."
        return
    yield f"*Open alerts:* {len(content.alerts):,}:"
    shown = [f"• {safe(alert_line(alert, zone, content), 600)}" for alert in content.alerts[:TOLD]]
    if len(content.alerts) > TOLD:
        shown.append(f"(showing {TOLD} of {len(content.alerts)}; all are in the files)")
    yield "\n".join(shown)


def _decisions(content: SummaryContent, zone: str) -> Iterable[str]:
    if not content.decisions:
        yield "*Decisions:* none recorded."
        return
    latest = content.decisions[-TOLD:]
    yield f"*Decisions:* {len(content.decisions)}:"
    shown = [f"• {safe(decision_line(decision, zone, content), 600)}" for decision in latest]
    if len(content.decisions) > TOLD:
        shown.append(f"(showing the last {TOLD} of {len(content.decisions)}; all are in the files)")
    yield "\n".join(shown)


def _clocks(content: SummaryContent, zone: str) -> Iterable[str]:
    """Those that run, the earliest due first; nothing where no rule runs one."""
    if content.clocks is None:
        return
    yield f"*Reporting clocks:* {clocks(content)}"
    rows = content.clocks.open
    shown = [f"• {safe(row.usubjid)}, {safe(row.term or 'uncoded')}: {clock_line(row, zone)}" for row in rows[:CLOCKS]]
    if len(rows) > CLOCKS:
        shown.append(f"(showing {CLOCKS} of {len(rows):,}; all are in the files)")
    if shown:
        yield "\n".join(shown)


def _data(content: SummaryContent) -> Iterable[str]:
    yield f"*Data:* {safe(' '.join(data(content)), 1200)}"


def _stamps(content: SummaryContent, zone: str) -> str:
    stamps = content.stamps
    return (
        f"Data as of {moment(stamps.data_as_of, zone)} · report of {moment(stamps.report_of, zone)} · batch "
        f"{stamps.batch_no:,} · record {stamps.seq:,} · {safe(stamps.digest[:8])}… · configuration "
        f"{safe(stamps.config[:8])} · dsmbot {safe(stamps.code_version)}"
    )
