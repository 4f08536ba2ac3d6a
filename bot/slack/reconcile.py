"""Exactly once, by looking: what became of posts of unknown outcome, second copies, and parents that are behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.slack.filing import FILE, sought
from bot.slack.history import Found, Place, Reading
from bot.slack.line import CRITICAL, Line
from bot.slack.outcomes import Fate, Outcome, attempt
from bot.slack.posting import POSSIBLE_DUPLICATE, audience_verdict, composed, edit
from bot.slack.troubles import LOOK_FIRST, Troubles
from bot.views import OpsKind
from storage import audit, outbox, reconcile
from storage.heads import lock_head
from storage.outbox_rows import Item

NOT_THERE = "looked up and not found: sent again"
EDIT_RETRY = timedelta(seconds=5)


def look_up(line: Line, troubles: Troubles, now: datetime) -> None:
    """Find out what became of every row of unknown outcome that is due: one reading a place."""
    rows = outbox.claim_ambiguous(line.db, now, study_ids=line.studies)
    for place, items in _by_place(line, rows, now).items():
        since = min(_first_attempt(item) for item in items) - line.timing.margin
        found = line.history.read(place, since, now, line.directory.identity())
        for item in items:
            _judge(line, troubles, item, place, found, now)


def look_at(line: Line, item: Item, now: datetime) -> datetime:
    """When a row of unknown outcome is to be looked for first.

    At once, unless the pace of reading history would then forbid the look that decides, when nothing can be in
    flight any more.
    """
    decides_at = (item.attempted_at or now) + line.settle(item)
    return now if now + timedelta(seconds=line.history.pace.seconds) <= decides_at else max(now, decides_at)


def _first_attempt(item: Item) -> datetime:
    """The earliest time at which it can have been posted."""
    return item.attempted_at if item.attempted_at and item.attempts <= 1 else item.created_at


def _by_place(line: Line, rows: Iterable[Item], now: datetime) -> dict[Place, list[Item]]:
    places: dict[Place, list[Item]] = defaultdict(list)
    for item in rows:
        places[Place(line.channel_of(item, now), item.thread_ts or "")].append(item)
    return places


def _judge(line: Line, troubles: Troubles, item: Item, place: Place, found: Found, now: datetime) -> None:
    assert item.lease is not None
    decides_at = (item.attempted_at or now) + line.settle(item)
    posted = found.by_key.get(sought(item), ())
    if posted:
        _adopt(line, item, place, posted[0], now)
    elif found.reading is Reading.LATER:
        _ask_again(line, item, found.again_at or now)
    elif now < decides_at:
        _ask_again(line, item, decides_at)
    elif found.reading is Reading.WHOLE:
        _requeue(line, item, now, NOT_THERE)
    elif item.priority == CRITICAL:
        _requeue(line, item, now, POSSIBLE_DUPLICATE)
        line.tally.problems.append(f"history unreadable ({found.error}): a critical alert is sent again")
    else:
        fix = "Check the history scopes (channels:history, groups:history) and that the bot is in the channel"
        reason = f"the channel's history could not be read: {found.error}"
        troubles.hold(
            item, now, kind=OpsKind.HISTORY_UNREADABLE, reason=reason, fix=fix, whole_lane=False, error=LOOK_FIRST
        )


def _adopt(line: Line, item: Item, place: Place, ts: str, now: datetime) -> None:
    assert item.lease is not None
    with line.db.writing() as conn:
        outbox.mark_sent(conn, item.outbox_id, item.lease, channel_id=place.channel_id, ts=ts, at=now)
    line.tally.sent += 1
    line.tally.adopted += 1


def _ask_again(line: Line, item: Item, at: datetime) -> None:
    assert item.lease is not None
    with line.db.writing() as conn:
        outbox.mark_ambiguous(conn, item.outbox_id, item.lease, look_at=at, error=item.last_error)


def _requeue(line: Line, item: Item, now: datetime, error: str) -> None:
    assert item.lease is not None
    with line.db.writing() as conn:
        outbox.requeue(conn, item.outbox_id, item.lease, not_before=now, error=error)


def sweep(line: Line, now: datetime) -> None:
    """Look for second copies of rows whose outcome was once unknown, and delete all but the one that counts.

    The copy that counts is the one whose `ts` is stored: its thread and its edits hang on it.
    """
    with line.db.reading() as conn:
        rows = [row for row in reconcile.due_sweeps(conn, now, study_ids=line.studies) if row.ts or row.kind == FILE]
    for place, items in _by_place(line, rows, now).items():
        since = min(item.created_at for item in items) - line.timing.margin
        found = line.history.read(place, since, now, line.directory.identity())
        if found.reading is not Reading.WHOLE:
            continue
        for item in items:
            copies = found.by_key.get(sought(item), ())
            kept = item.ts or next(iter(copies), None)  # Slack does not say where it put a file
            extra = [ts for ts in copies if ts != kept]
            if all(_delete(line, item, place, ts, now) for ts in extra):
                with line.db.writing() as conn:
                    reconcile.mark_swept(conn, item, now)


def _delete(line: Line, item: Item, place: Place, ts: str, now: datetime) -> bool:
    """Delete one second copy. False when it must be tried again."""
    outcome = attempt(lambda: line.client.chat_delete(channel=place.channel_id, ts=ts))
    if outcome.fate not in (Fate.DONE, Fate.GONE, Fate.REFUSED):
        return False
    line.tally.deleted += outcome.fate is Fate.DONE
    said = {"delivery_key": item.delivery_key, "channel": place.channel_id, "ts": ts, "kept": item.ts,
            "outcome": outcome.error or "deleted"}  # fmt: skip
    _audit(line, item, "duplicate_deleted", said, now)
    return True


def edit_parents(line: Line, now: datetime) -> None:
    """Bring every posted parent to its alert's latest revision, and restated notes to what they hold.

    The latest is rendered each time, so that an older edit can never follow a newer one.
    """
    with line.db.reading() as conn:
        behind = reconcile.stale_parents(conn, now, study_ids=line.studies)
        behind += reconcile.stale_notes(conn, now, study_ids=line.studies)
    for item in behind:
        lane = f"edit:{item.channel_id}"
        if lane not in line.busy(now):
            line.occupy(lane, now + line.timing.edit)
            _edit(line, item, now)


def _edit(line: Line, item: Item, now: datetime) -> None:
    assert item.channel_id is not None
    assert item.ts is not None
    verdict, asked = audience_verdict(line, item, item.channel_id)
    if not verdict.allowed:
        line.tally.problems.append(f"edit withheld: {verdict.reason} {asked.error}".strip())
        return _defer(line, item, now + line.timing.held, verdict.reason)
    rendered = composed(line, item)
    digest, revision = rendered.message.digest(), rendered.revision or 0
    outcome = Outcome(Fate.DONE)
    if digest != item.rendered_hash:
        outcome, _ = edit(line, item.channel_id, item.ts, rendered.message)
    if outcome.fate is Fate.DONE:
        with line.db.writing() as conn:
            reconcile.record_edit(conn, item.outbox_id, rendered_version=revision, rendered_hash=digest)
        line.tally.edited += 1
    elif outcome.fate is Fate.GONE:
        repost(line, item, now)
    else:
        wait = timedelta(seconds=outcome.wait) if outcome.fate is Fate.RATE_LIMITED else EDIT_RETRY
        _defer(line, item, now + (line.timing.held if outcome.fate is Fate.REFUSED else wait), outcome.error)
    return None


def _defer(line: Line, item: Item, until: datetime, error: str) -> None:
    with line.db.writing() as conn:
        reconcile.defer_edit(conn, item.outbox_id, not_before=until, error=error)


def repost(line: Line, item: Item, now: datetime) -> None:
    """Somebody deleted a message that must stand: post it again, audited; its replies follow the new one."""
    with line.db.writing() as conn:
        reconcile.requeue_deleted(conn, item.outbox_id, at=now)
    said = {"delivery_key": item.delivery_key, "channel": item.channel_id, "ts": item.ts}
    _audit(line, item, "deleted_message_reposted", said, now)


def _audit(line: Line, item: Item, kind: str, body: Mapping[str, object], now: datetime) -> None:
    with line.db.writing(item.study_id) as conn:
        audit.append(conn, lock_head(conn, item.study_id), at=now, actor="dsmbot", kind=kind, body=body)
