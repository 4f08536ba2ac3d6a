"""The facts of an open summary as of a moment: tables from the records, standings from what was found and told.

Everything is of the last evaluation by that moment, of its batch and its cut-off, so that tables and alerts speak of
the same records. The same moment gives the same summary, however late it is asked for. May not word anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.contents.summary import Changes, RuleStanding, Stamps, SummaryContent
from bot.lookup.drawn import drawn
from bot.lookup.news import News, news_since
from bot.lookup.standing import MET, most_advanced, source_lines
from bot.lookup.summary_alerts import clocks, decisions, open_alerts
from bot.study import Study, by_arm
from rules.derive import Facts
from rules.model import Audience, Finding, Rule, State
from rules.tabulate import tabulate
from rules.tabulated import events
from storage.alert_records import BY_BOT, StoredAlert
from storage.as_of import Evaluated, alerts_at, evaluation_at, findings_at
from storage.heads import read_head

FRESH = timedelta(hours=1)
"""How far a summary may look back and still say how current the sources are: what they were earlier is not kept."""

CLOCK = "clock"
"""Kind of the rules that run reporting clocks."""

_EVER = datetime.min.replace(tzinfo=UTC)
_OPEN = (Audience.OPEN,)


def summary_content(
    study: Study, as_of: datetime, *, report_of: datetime, since: datetime | None, due_at: datetime | None = None
) -> SummaryContent | None:
    """The open summary of a study as of a moment; None where nothing had been evaluated by then.

    Parameters
    ----------
    as_of: nothing that became known later is in it.   report_of: when it is made.
    since: when the last summary was, for what changed; None = there was none.   due_at: where it is late.
    """
    with study.database.reading() as conn:
        run = evaluation_at(conn, study.id, as_of)
        before = evaluation_at(conn, study.id, since) if since else None
    if run is None:
        return None
    facts = _facts(study, run)
    rules = [rule for rule in study.rules if rule.audience is Audience.OPEN and not by_arm(rule)]
    with study.database.reading() as conn:
        found = {rule.id: findings_at(conn, study.id, rule.id, run.evaluation_id) for rule in rules}
        timed = [rule for rule in rules if rule.kind == CLOCK]
        known = alerts_at(conn, study.id, as_of, audiences=_OPEN)
        news = news_since(conn, study.id, since or _EVER, _OPEN, until=as_of)
        plan, head = study.config.plan, read_head(conn, study.id)
        return SummaryContent(
            stamps=Stamps(
                data_as_of=run.data_cutoff, as_of=as_of, report_of=report_of, batch_no=run.batch_no,
                seq=head.audit_seq, digest=head.audit_hash, config=study.fingerprint, code_version=study.code_version,
                due_at=due_at,
            ),
            tables=tabulate(facts, _lists(study, rules)),
            rules=tuple(_rule(rule, found[rule.id], run) for rule in rules),
            alerts=open_alerts(study, known, as_of),
            decisions=decisions(study, known, since, as_of),
            clocks=clocks([one for rule in timed for one in found[rule.id]]) if timed else None,
            changes=_changes(study, before, since, known, as_of, news),
            sources=tuple(source_lines(conn, study.config, report_of)) if report_of - as_of <= FRESH else (),
            planned_n=plan.planned_n,
            title=plan.title,
            registry=plan.registry,
            ctcae=plan.ctcae,
        )  # fmt: skip


def _facts(study: Study, run: Evaluated) -> Facts:
    config = study.config
    return Facts(
        study.snapshots.build(config.plan, config.derivation, batch_no=run.batch_no, data_cutoff=run.data_cutoff)
    )


def _lists(study: Study, rules: Iterable[Rule]) -> list[str]:
    """Events of special interest: term lists that the configuration marks or the rules name, each once, in order."""
    wanted = (getattr(getattr(rule, "events", None), "terms", None) or () for rule in rules)
    return list(dict.fromkeys([*study.config.interest, *(name for names in wanted for name in names)]))


def _rule(rule: Rule, findings: list[Finding], run: Evaluated) -> RuleStanding:
    line = most_advanced(rule, findings)
    shown = next((item for item in findings if item.state is line.state and item.events == line.events), None)
    return RuleStanding(
        line=line,
        kind=rule.kind,
        sentence=rule.describe(),
        action=rule.action,
        version=run.rule_versions.get(rule.id, 0),
        met=sum(item.state in MET for item in findings),
        provisional=sum(item.state is State.PROVISIONAL for item in findings),
        n_pending=shown.n_pending if shown else 0,
        n_overdue=shown.n_overdue if shown else 0,
        drawn=drawn(rule, shown) if shown else None,
    )


def _changes(
    study: Study,
    before: Evaluated | None,
    since: datetime | None,
    known: Sequence[StoredAlert],
    as_of: datetime,
    news: News,
) -> Changes:
    done = Counter(
        answer.kind.value
        for item in known
        for answer in item.responses
        if answer.at <= as_of and (since is None or answer.at > since) and answer.user_id != BY_BOT
    )
    told = Changes(opened=news.newly, changed=news.changed, answered=tuple(sorted(done.items())))
    if before is None:
        return told
    facts = _facts(study, before)
    counts, treated = facts.populations(), facts.population("treated")
    then = {name: events.measure(facts, events.OVERVIEW[name], treated).events for name in ("any", "serious", "death")}
    return replace(
        told, since=since, randomised=counts["randomised"], treated=counts["treated"], events=then["any"],
        serious=then["serious"], deaths=then["death"],
    )  # fmt: skip
