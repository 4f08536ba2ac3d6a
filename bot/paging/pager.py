"""The second path speaks: at least once, each row under a key that the other side can tell doubles by.

A page is tried again, with growing pauses, until it is taken or nobody needs it any more because somebody has
acknowledged the alert. What was sent, when, by which way and at which attempt is in the audit record.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.access import disclose
from bot.configuration.paging import Paging
from bot.lookup.content import content_of
from bot.paging.attempt import Attempt, system_tls
from bot.paging.due import MAILTO
from bot.paging.mail import composed, send
from bot.paging.webhook import call, document
from bot.views import ClosedView, OpenView, PageContent, stored_from_body
from bot.voice import Voice
from bot.wording.pages import page
from rules.model import Audience
from storage import alerts, audit, outbox, sealing
from storage.database import Database
from storage.heads import lock_head
from storage.outbox_rows import PAGES, Item

log = structlog.get_logger(__name__)

RETRY, RETRY_MOST = timedelta(seconds=5), timedelta(minutes=5)
"""Pause after a failed attempt, doubled from the first up to the second."""

ROUNDS = 50

QUICKEST_FIRST = tuple(reversed(PAGES))
"""The webhook before the mails, where both are worked through in turn."""


@dataclass
class Pager:
    """Sends the pages of some studies.

    Parameters
    ----------
    db: open for writing.   voices: study id → voice; of a side, under its own id.
    password, secret: of the SMTP server and of the webhook's signature.
    tls: makes the context for a connection; replaced in tests.
    quiet: for a closed side: the log does not hear of its pages, because their number tells.
    """

    db: Database
    voices: Mapping[str, Voice]
    password: str | None = None
    secret: str | None = None
    tls: Callable[[], ssl.SSLContext] = system_tls
    quiet: bool = False
    _started: set[str] = field(default_factory=set, init=False)
    _one_at_a_time: Mapping[str, threading.Lock] = field(
        default_factory=lambda: {way: threading.Lock() for way in PAGES}, init=False
    )

    def run_once(self, now: datetime, stop: threading.Event | None = None, *ways: str) -> int:
        """Send everything that is due. Returns how many pages were taken.

        Parameters
        ----------
        now: aware UTC, wall time.   stop: when set, nothing new is begun.
        ways: only these, else all; the loop runs each by itself, so that a mail server that hangs delays no webhook.

        Raises
        ------
        StorageError: the database cannot be used; nothing was lost.
        """
        return sum(self._run(way, now, stop) for way in ways or QUICKEST_FIRST)

    def _run(self, way: str, now: datetime, stop: threading.Event | None) -> int:
        with self._one_at_a_time[way]:
            self._recover(way, now)
            sent = 0
            for _ in range(ROUNDS):
                if (stop is not None and stop.is_set()) or not self._anything_open(way):
                    break
                items = outbox.claim(self.db, now, study_ids=list(self.voices), limit=4, ways=(way,))
                if not items:
                    break
                sent += sum(self._send(item, now) for item in items)
            return sent

    def _recover(self, way: str, now: datetime) -> None:
        if way in self._started and not self._anything_open(way):
            return
        with self.db.writing() as conn:
            first = way not in self._started
            outbox.recover_pages(conn, now, study_ids=list(self.voices), ways=(way,), everything=first)
        self._started.add(way)

    def _anything_open(self, way: str) -> bool:
        with self.db.reading() as conn:
            return outbox.anything_open(conn, list(self.voices), ways=(way,))

    def _send(self, item: Item, now: datetime) -> bool:
        """One row to its end for now. True when it was taken."""
        if self._needless(item):
            with self.db.writing() as conn:
                outbox.requeue(conn, item.outbox_id, item.lease or "", not_before=now, error="acknowledged before")
                outbox.supersede(conn, [item.outbox_id])
            return False
        attempt = self._attempt(item, now)
        if attempt.sent:
            self._taken(item, attempt, now)
        else:
            self._failed(item, attempt, now)
        return attempt.sent

    def _needless(self, item: Item) -> bool:
        """Somebody has acknowledged the alert since: nobody is to be woken any more."""
        with self.db.reading() as conn:
            stored = stored_from_body(sealing.opened(conn, item.study_id, item.content))
            if item.alert_id is None or not isinstance(stored, PageContent) or stored.why == "acknowledged":
                return False
            return alerts.latest(conn, item.alert_id).acknowledgement is not None

    def _attempt(self, item: Item, now: datetime) -> Attempt:
        voice = self.voices[item.study_id]
        pager = voice.slack.pager
        if pager is None:
            return Attempt(False, "no second path is configured any more")
        with self.db.reading() as conn:
            content = content_of(conn, item, voice)
        view = disclose(content, Audience(item.audience), voice.setting)
        return self._by_mail(item, view, pager, now) if item.kind == "email" else self._by_hook(item, view, pager, now)

    def _by_mail(self, item: Item, view: OpenView | ClosedView, pager: Paging, now: datetime) -> Attempt:
        if pager.email is None:
            return Attempt(False, "no e-mail is configured any more")
        to = (item.channel_id or "").removeprefix(MAILTO)
        message = composed(page(view), settings=pager.email, to=to, key=item.delivery_key, at=now)
        return send(message, pager.email, self.password, self.tls)

    def _by_hook(self, item: Item, view: OpenView | ClosedView, pager: Paging, now: datetime) -> Attempt:
        if pager.webhook is None or not self.secret:
            return Attempt(False, "no webhook is configured any more")
        body = document(view, page(view), key=item.delivery_key, at=item.created_at)
        return call(pager.webhook.url, body, secret=self.secret, key=item.delivery_key, at=now, tls=self.tls)

    def _taken(self, item: Item, attempt: Attempt, now: datetime) -> None:
        with self.db.writing(item.study_id) as conn:
            taken = outbox.mark_sent(
                conn, item.outbox_id, item.lease or "", channel_id=item.channel_id or "", ts="", at=now
            )
            if taken:
                said = {"by": item.kind, "to": item.channel_id, "alert_id": item.alert_id, "attempts": item.attempts,
                        "delivery_key": item.delivery_key, "answer": attempt.answer}  # fmt: skip
                head = lock_head(conn, item.study_id)
                audit.append(conn, head, at=now, actor="dsmbot", kind="page_sent", body=said)

    def _failed(self, item: Item, attempt: Attempt, now: datetime) -> None:
        pause = min(RETRY * 2 ** min(item.attempts - 1, 10), RETRY_MOST)
        pause = max(pause, timedelta(seconds=min(attempt.wait, 3600)))
        with self.db.writing() as conn:
            outbox.requeue(conn, item.outbox_id, item.lease or "", not_before=now + pause, error=attempt.answer)
        if not self.quiet:
            log.warning("page.failed", by=item.kind, attempts=item.attempts, answer=attempt.answer)
