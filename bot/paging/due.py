"""When somebody is called outside Slack, about which alert, and by which way; derived from what is stored.

A critical alert is paged when it is raised, or when nobody has acknowledged it for the configured time; then with each
call of the escalation; and when Slack has not confirmed its message in time. Each page is queued under a key of its own
for each receiver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.access import RESPONSIBLE
from bot.clearance.findings import RESTRICTED
from bot.config import Role
from bot.study import Study
from bot.telling.calling import told_at
from bot.telling.due_calls import due_calls
from bot.telling.grouped_calls import began
from bot.telling.grouping import calls_somebody, waiting_groups
from bot.telling.outgoing import Notice, alert_key, key
from bot.views import PageContent
from rules.model import Audience, Urgency
from storage import alerts, outbox
from storage.alert_records import OpenAlert
from storage.outbox_rows import Status

MAILTO = "mailto:"
"""How `outbox.channel_id` of an e-mail begins."""


@dataclass(frozen=True)
class _Page:
    identity: tuple[object, ...]
    roles: tuple[Role, ...]
    content: PageContent


def pages(conn: Connection, study: Study, now: datetime) -> Iterator[Notice]:
    """Every page that is due. Nothing where no second path is configured."""
    if study.config.slack.pager is None:
        return
    opened = alerts.open_alerts(conn, study.id)
    alone = outbox.alerts_with_parent(conn, study.id)
    for item in opened:
        if item.alert_id not in alone or item.urgency is not Urgency.CRITICAL or not calls_somebody(item, now):
            continue
        parent = alert_key(conn, study.id, item.rule_id, item.scope, item.episode)
        since = item.reopened_at or told_at(conn, item, parent, now)
        if since is None:
            continue
        if item.acknowledgement is not None:
            yield from _answered(conn, study, item)
            continue
        for page in (*_unanswered(study, item, since, now), *_unposted(conn, study, item, parent)):
            yield from _to_each(conn, study, item, page, since)
    yield from _group_pages(conn, study, opened, now)


def _group_pages(conn: Connection, study: Study, opened: Iterable[OpenAlert], now: datetime) -> Iterator[Notice]:
    """A group of critical alerts is paged as one, about the first of them that nobody has acknowledged."""
    for group in waiting_groups(conn, study, opened):
        silent = [item for item in group.waiting if item.acknowledgement is None and calls_somebody(item, now)]
        for item in group.waiting:
            yield from _answered(conn, study, item)
        if group.stored.urgency is not Urgency.CRITICAL or not silent:
            continue
        lead, since = silent[0], began(silent)
        for page in (*_unanswered(study, lead, since, now), *_unposted(conn, study, lead, group.item.delivery_key)):
            all_of_it = replace(page, content=replace(page.content, together=len(silent)))
            yield from _to_each(conn, study, lead, all_of_it, since)


def _unanswered(study: Study, item: OpenAlert, began: datetime, now: datetime) -> Iterator[_Page]:
    """To the role responsible first, then to whomever each call of the escalation calls."""
    pager = study.config.slack.pager
    assert pager is not None
    if now - began >= pager.after:
        minutes = _minutes(pager.after)
        content = PageContent("unacknowledged" if minutes else "raised", minutes)
        yield _Page(("first",), (RESPONSIBLE[item.audience],), content)
    for call in due_calls(study, item, began, now):
        yield _Page(call.identity, (call.role,), PageContent("unacknowledged", _minutes(call.waited)))


def _unposted(conn: Connection, study: Study, item: OpenAlert, parent: str) -> Iterator[_Page]:
    """Slack has not confirmed the message: everybody on the way of escalation is called, and the operators."""
    posted, pager = outbox.find(conn, parent), study.config.slack.pager
    assert pager is not None
    if posted is None or posted.status in (Status.SENT, Status.SUPERSEDED):
        return
    if study.clock.wall() - posted.created_at < pager.unposted_after:
        return
    content = PageContent("unposted", _minutes(pager.unposted_after))
    steps = (step.to for step in study.config.slack.escalate) if item.audience not in RESTRICTED else ()
    roles = tuple(dict.fromkeys([RESPONSIBLE[item.audience], *steps]))
    operators = () if item.audience in RESTRICTED else (Role.OPERATOR,)
    yield _Page(("unposted", posted.created_at), (*roles, *operators), content)


def _answered(conn: Connection, study: Study, item: OpenAlert) -> Iterator[Notice]:
    """The paging service is told that somebody has answered, where it was called."""
    done = item.acknowledgement
    if done is None or not _by_webhook(study, item.audience) or not outbox.paged(conn, item.alert_id, "webhook"):
        return
    yield _notice(conn, study, item, ("webhook", "acknowledged", done.at), "webhook", _hook(study),
                  PageContent("acknowledged"))  # fmt: skip


def _to_each(conn: Connection, study: Study, item: OpenAlert, page: _Page, began: datetime) -> Iterator[Notice]:
    """One row for each address, and one for the webhook."""
    pager = study.config.slack.pager
    assert pager is not None
    told: set[str] = set()
    for role in page.roles:
        for address in pager.addresses(role):
            if address.casefold() in told:
                continue
            told.add(address.casefold())
            audience = Audience.OPS if role is Role.OPERATOR else item.audience
            identity = ("email", address.casefold(), *page.identity, began)
            yield _notice(conn, study, item, identity, "email", MAILTO + address, page.content, audience)
    if _by_webhook(study, item.audience):
        identity = ("webhook", *page.identity, began)
        yield _notice(conn, study, item, identity, "webhook", _hook(study), page.content)


def _notice(
    conn: Connection, study: Study, item: OpenAlert, identity: tuple[object, ...], kind: str, to: str,
    content: PageContent, audience: Audience | None = None,
) -> Notice:  # fmt: skip
    mine = key(conn, study.id, "page", item.rule_id, item.scope, item.episode, *identity)
    return Notice(
        mine, content, audience=audience or item.audience, kind=kind, priority=0, alert_id=item.alert_id,
        alert_version=item.version, channel_id=to,
    )  # fmt: skip


def _by_webhook(study: Study, audience: Audience) -> bool:
    """A paging service is run by people who stay blinded: it hears of open alerts alone."""
    pager = study.config.slack.pager
    return pager is not None and pager.webhook is not None and audience is Audience.OPEN


def _hook(study: Study) -> str:
    return f"webhook:{study.config.id}"


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
