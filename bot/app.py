"""The composition root: the only module that joins configuration, storage, rules, sources and Slack, and reads a clock.

Commands ask it for composed studies; nothing below it looks anything up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from slack_bolt import App
from sqlalchemy import Connection as SqlConnection

from bot import __version__
from bot.checking.refusals import refuse_damaged, refuse_unfit
from bot.config import ConfigError, Problem, Secrets, StudyConfig
from bot.configuration.second_path import lacking
from bot.health import Metrics
from bot.link import Link, bolt_app, is_loopback, web_client, without_proxy
from bot.loading import DEFAULT_CONFIG as DEFAULT_CONFIG
from bot.loading import kinds
from bot.loading import load_studies as load_studies
from bot.loading import secrets_of as secrets_of
from bot.lookup.standing import status_answer
from bot.paging.pager import Pager
from bot.slack.delivery import Delivery, DeliveryTiming
from bot.slack.desk import Desk
from bot.slack.handlers import register
from bot.slack.history import Pace
from bot.study import Clock, Study, by_arm
from bot.telling.outgoing import salt
from bot.views import Mode, StatusContent
from bot.voice import voice_of
from rules.model import Audience
from storage.allocation import AllocationKey
from storage.database import Database, open_database
from storage.sides import closed_side
from storage.snapshot import SnapshotBuilder

NO_KEY = "rules by arm cannot be judged, because no allocation key is set: DSMBOT_ALLOCATION_KEY is empty."
"""Told to the closed channel alone, where a rule is by arm and nothing opens the allocation."""


def now_utc() -> datetime:
    """The time, aware UTC. Everything else is given its time."""
    return datetime.now(UTC)  # noqa: TID251 - the one clock of the program


SYSTEM_CLOCK = Clock(study=now_utc, wall=now_utc)


@dataclass(frozen=True)
class Opened:
    """Studies that are composed, over one database."""

    studies: tuple[Study, ...]
    database: Database


@contextmanager
def opened(
    configs: Sequence[StudyConfig],
    *,
    mode: Mode | None,
    secrets: Secrets,
    clock: Clock = SYSTEM_CLOCK,
    writable: bool = True,
) -> Iterator[Opened]:
    """Compose studies over their database, and close it at the end.

    Parameters
    ----------
    configs: studies that share a database.   mode: practice, rehearsal or live; None for commands that only read.

    Raises
    ------
    RefusedToOpen, ConfigError: the database or the installation cannot be trusted, a rule with history vanished,
        or the configurations name several databases.
    """
    refuse_damaged()
    _refuse_several(configs)
    database = open_database(
        configs[0].storage.url,
        mode=mode.value if mode else None,
        study_ids=[side for config in configs for side in _sides(config)],
        now=clock.study(),
        writable=writable,
    )
    try:
        given = _key_of(secrets)
        practising = mode is not None and mode is not Mode.LIVE
        database.allocation_key = given or (AllocationKey.for_practice() if practising else None)
        metrics = Metrics()
        studies = tuple(_compose(config, database, mode, clock, metrics, given) for config in configs)
        yield Opened(studies, database)
    finally:
        database.close()


def _refuse_several(configs: Sequence[StudyConfig]) -> None:
    other = next((config for config in configs if config.storage.url != configs[0].storage.url), None)
    if other is not None:
        fix = "Give both the same storage.url, or run one process for each"
        raise ConfigError([Problem(str(other.path), other.line("storage", "url"), "storage.url",
                                   f"is not the database of {configs[0].path}", fix)])  # fmt: skip


def _compose(
    config: StudyConfig,
    database: Database,
    mode: Mode | None,
    clock: Clock,
    metrics: Metrics,
    key: AllocationKey | None,
) -> Study:
    refuse_unfit(config, database)
    made = kinds("dsmbot.sources")
    with database.reading() as conn:
        secret = salt(conn, config.id)
    study = Study(
        config=config,
        database=database,
        mode=mode or Mode.LIVE,
        sources={s.id: made[s.kind].from_settings(s, config.base_dir) for s in config.sources},  # type: ignore[attr-defined]
        snapshots=SnapshotBuilder(database, config.id),
        clock=clock,
        code_version=__version__,
        allocation_key=key,
        voice=voice_of(config, mode=mode or Mode.LIVE, salt=secret),
        metrics=metrics,
    )
    if len(_sides(config)) > 1:
        study.closed = replace(study, unblinded=True, unwatched="" if study.reads_arms else NO_KEY)
    return study


def _key_of(secrets: Secrets) -> AllocationKey | None:
    return AllocationKey.from_text(secrets.allocation_key) if secrets.allocation_key else None


def _sides(config: StudyConfig) -> list[str]:
    """The ids under which a study's history is stored: a closed side only where a rule is, or was, by arm."""
    return [config.id, *([closed_side(config.id)] if any(by_arm(rule) for rule in config.rules) else [])]


@dataclass
class Connection:
    """Everything that speaks to Slack: delivery, the desk that answers, and the socket where there is one."""

    delivery: Delivery
    desk: Desk
    link: Link | None = None

    def connected(self) -> bool:
        """Whether clicks and commands can arrive."""
        return self.link is not None and self.link.connected()

    def present(self, user_id: str) -> bool | None:
        """Whether a person is active in Slack; None where it does not say."""
        deleted = self.desk.directory.account(user_id).deleted
        return None if deleted is None else not deleted

    def close(self) -> None:
        """Close the socket; delivery has no connection of its own."""
        if self.link is not None:
            self.link.close()


def connect(
    composed: Opened,
    secrets: Secrets,
    *,
    needs_socket: bool,
    timing: DeliveryTiming | None = None,
    pace: Pace | None = None,
) -> Connection:
    """Give every study its delivery, and open the socket where clicks are to be answered.

    Parameters
    ----------
    secrets: tokens and address.   needs_socket: False for `poll`, which only speaks.
    timing: of delivery; None = as the first configuration says.   pace: of reading history, as it was measured.

    Raises
    ------
    ConfigError: a token is missing: nobody would be watched, and it says so.
    """
    missing = [p for p in secrets.missing() if needs_socket or p.where == "SLACK_BOT_TOKEN"]
    missing += [p for study in composed.studies for p in lacking(study.config.slack.pager, secrets)]
    if missing or secrets.bot_token is None:
        raise ConfigError(missing)
    if is_loopback(secrets.api_url):
        without_proxy(os.environ)
    client = web_client(secrets.bot_token, secrets.api_url)
    studies = {study.id: study for study in composed.studies}
    closed = [study.closed for study in composed.studies if study.closed]
    timing = timing or DeliveryTiming(**composed.studies[0].config.operations.delivery.written())
    voices = {study.id: study.voice for study in composed.studies}
    apart = {study.id: study.voice for study in closed}
    probed = [study.config.id for study in closed]
    delivery = Delivery(composed.database, client, voices, timing=timing, pace=pace, probed=probed)
    for study in composed.studies:
        study.delivery = delivery
    for study in closed:
        alone = {study.id: study.voice}
        study.delivery = Delivery(composed.database, client, alone, timing=timing, pace=pace, quiet=True)
    _give_pagers(composed, secrets)
    clock = composed.studies[0].clock
    desk = Desk(
        composed.database, client, {**voices, **apart}, _status_of(studies), clock.study, delivery.wake, clock.wall,
        studies,
    )  # fmt: skip
    if not needs_socket or secrets.app_token is None:
        return Connection(delivery, desk)
    app = bolt_app(client)
    register(app, desk)
    return Connection(delivery, desk, _link(app, composed, secrets))


def _give_pagers(composed: Opened, secrets: Secrets) -> None:
    """A second path for every study that has one, and one of its own for each closed side."""
    for study in composed.studies:
        if study.config.slack.pager is None:
            continue
        made = Pager(composed.database, {study.id: study.voice}, secrets.smtp_password, secrets.webhook_secret)
        study.pager = made
        if study.closed is not None:
            study.closed.pager = replace(made, voices={study.closed.id: study.voice}, quiet=True)


def _status_of(studies: Mapping[str, Study]) -> Callable[..., StatusContent]:
    def status(conn: SqlConnection, study_id: str, audience: Audience, now: datetime) -> StatusContent:
        return status_answer(conn, studies[study_id], audience, now)

    return status


def _link(app: App, composed: Opened, secrets: Secrets) -> Link:
    assert secrets.app_token is not None

    def others(number: int) -> None:
        for study in composed.studies:
            study.vitals.others = number

    others(0)  # whoever starts has made sure of it (`bot.slack.preflight`)
    return Link(app, secrets.app_token, secrets.api_url, others, alone=lambda: others(0))
