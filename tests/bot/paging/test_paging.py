"""A critical alert reaches people outside Slack, through servers that refuse, hang up, drop and redirect."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.access import Withheld, disclose
from bot.acting.actions import By, acknowledge
from bot.app import now_utc
from bot.configuration.paging import Email
from bot.cycle import run_cycle
from bot.lookup.content import content_of
from bot.loop import Loop
from bot.paging.mail import reach
from bot.paging.pager import Pager
from bot.study import Clock, Study
from bot.telling.watching import watch
from bot.views import PagedContent
from rules.model import Audience
from storage import alerts, outbox
from storage.outbox_rows import PAGES
from storage.schema import audit
from storage.schema import outbox as outbox_table
from tests.bot.paging.servers import Hook, Mailbox, certificate, mail_server, paging_service
from tests.bot.test_calling import RULE, SLACK
from tests.bot.test_watchfulness import DM, NO_AE, START, Given, configured, sae, study_of

SECRET = "hush-hush"
PASSWORD = "pass-word-hush"
TO = {
    "investigator": ["pi@example.org"], "medical_monitor": ["mm@example.org"], "dsmb": ["board@example.net"],
    "operator": ["ops@example.org"],
}  # fmt: skip


class Scene:
    """A study with one rule, a mail server and a paging service."""

    def __init__(self, study: Study, at: list[datetime], box: Mailbox, hook: Hook, tls: Callable[[], Any]) -> None:
        self.study, self.at, self.box, self.hook, self.tls = study, at, box, hook, tls
        self.restart()

    def restart(self) -> None:
        voices = {self.study.id: self.study.voice}
        self.pager = Pager(self.study.database, voices, PASSWORD, SECRET, tls=self.tls)

    def pass_(self, **span: float) -> int:
        """Time passes, the study is looked at, and what is due is sent."""
        self.at[0] += timedelta(**span)
        watch(self.study, self.at[0])
        return self.pager.run_once(self.at[0])

    def posted(self) -> None:
        """Slack has taken everything that waits for it."""
        while items := outbox.claim(self.study.database, self.at[0]):
            with self.study.database.writing() as conn:
                for item in items:
                    outbox.mark_sent(conn, item.outbox_id, item.lease or "", channel_id="C1", ts="1", at=self.at[0])

    def answer(self) -> None:
        with self.study.database.writing(self.study.id) as conn:
            [item] = alerts.open_alerts(conn, self.study.id)
            by = By("U0INVESTIGATOR", "T1", self.at[0], "click-1")
            acknowledge(conn, alerts.latest(conn, item.alert_id), by, self.study.voice.setting)

    def audited(self) -> list[dict[str, Any]]:
        with self.study.database.reading() as conn:
            rows = conn.execute(select(audit.c.body).where(audit.c.kind == "page_sent").order_by(audit.c.seq))
            return list(rows.scalars())

    def rows(self) -> list[tuple[str, str, str]]:
        c = outbox_table.c
        with self.study.database.reading() as conn:
            query = select(c.channel_id, c.status, c.last_error).where(c.kind.in_(["email", "webhook"]))
            return [tuple(row) for row in conn.execute(query.order_by(c.outbox_id))]  # type: ignore[misc]

    def to(self) -> list[str]:
        return [to for to, _ in self.box.messages]

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for _, body in self.hook.calls]


@pytest.fixture
def cert(tmp_path: Path) -> Path:
    return certificate(tmp_path)


@pytest.fixture
def scene_of(tmp_path: Path, cert: Path) -> Iterator[Callable[..., Scene]]:
    with ExitStack() as stack:

        def made(*, audience: str = "open", email: bool = True, webhook: bool = True, **paging: Any) -> Scene:
            box, hook = stack.enter_context(mail_server(cert)), stack.enter_context(paging_service())
            if email:
                paging["email"] = {"host": "127.0.0.1", "port": box.port, "from": "bot@example.org", "user": "bot",
                                   "to": TO}  # fmt: skip
            if webhook:
                paging["webhook"] = {"url": hook.url}
            slack = {**SLACK, "paging": paging, "roles": {**SLACK["roles"], "dsmb": ["U0BOARD"]}}  # type: ignore[dict-item]
            path = configured(tmp_path, rules=[{**RULE, "audience": audience}], slack=slack)
            at = [START]
            study = stack.enter_context(study_of(path, at))
            edc = Given("edc", {"DM": DM, "AE": NO_AE})
            study.sources = {"edc": edc}
            run_cycle(study, at[0])
            edc.frames = {"DM": DM, "AE": sae()}
            at[0] += timedelta(minutes=1)
            run_cycle(study, at[0])
            return Scene(study, at, box, hook, lambda: ssl.create_default_context(cafile=cert))

        yield made


def test_a_critical_alert_is_paged_at_once_then_with_each_call_until_somebody_answers(
    scene_of: Callable[..., Scene],
) -> None:
    scene = scene_of()
    scene.posted()
    assert scene.pass_() == 2
    assert scene.to() == ["pi@example.org"]
    assert scene.events() == ["alert.raised"]
    assert scene.pass_() == 0, "looked at twice, called once"
    scene.pass_(minutes=31)
    scene.posted()
    assert scene.to()[1:] == ["mm@example.org"]
    assert scene.events()[1:] == ["alert.unacknowledged"]
    scene.answer()
    scene.pass_(hours=9)
    assert len(scene.to()) == 2
    assert scene.events()[2:] == ["alert.acknowledged"]
    assert [(one["by"], one["to"], one["attempts"]) for one in scene.audited()] == [
        ("webhook", "webhook:TWO", 1), ("email", "mailto:pi@example.org", 1), ("webhook", "webhook:TWO", 1),
        ("email", "mailto:mm@example.org", 1), ("webhook", "webhook:TWO", 1),
    ]  # fmt: skip


def test_a_mail_server_that_hangs_delays_no_webhook(scene_of: Callable[..., Scene]) -> None:
    """Would catch people who are not woken because the hospital's mail server accepts connections and says nothing."""
    scene = scene_of()
    scene.posted()
    scene.box.faults = ["hang"]
    watch(scene.study, scene.at[0])
    mails = threading.Thread(target=lambda: scene.pager.run_once(scene.at[0], None, "email"))
    mails.start()
    assert scene.box.hanging.wait(10)
    assert scene.pager.run_once(scene.at[0], None, "webhook") == 1
    assert scene.events() == ["alert.raised"]
    assert mails.is_alive(), "the mail still hangs"
    scene.box.freed.set()
    mails.join(10)
    assert scene.to() == []
    assert scene.pass_(minutes=1) == 1, "the mail that hung is tried again, the webhook is not"
    assert (scene.to(), len(scene.hook.calls)) == (["pi@example.org"], 1)


def test_the_loop_gives_each_way_a_turn_of_its_own(scene_of: Callable[..., Scene]) -> None:
    """Would catch a loop that works through both ways in one turn, so that one waits for the other."""
    scene = scene_of()
    scene.posted()
    watch(scene.study, scene.at[0])
    scene.study.pager, scene.study.clock = scene.pager, Clock(study=lambda: scene.at[0], wall=now_utc)
    scene.box.faults = ["hang"] * 3
    loop = Loop([scene.study])
    loop.start()
    try:
        assert scene.box.hanging.wait(20)
        until(lambda: scene.hook.calls, "the webhook waits for the mail server")
        assert not scene.box.freed.is_set()
    finally:
        scene.box.freed.set()
        loop.stop()


def until(true: Callable[[], object], why: str) -> None:
    pause = threading.Event()
    for _ in range(200):
        if true():
            return
        pause.wait(0.1)
    raise AssertionError(why)


def test_an_alert_that_is_acknowledged_in_time_pages_nobody(scene_of: Callable[..., Scene]) -> None:
    """Would catch a pager that wakes people about what somebody has in hand."""
    scene = scene_of(after="10 min")
    scene.posted()
    assert scene.pass_(minutes=9) == 0
    scene.box.faults = ["hang_up"]
    scene.hook.faults = ["503"]
    assert scene.pass_(minutes=2) == 0
    scene.answer()
    scene.pass_(minutes=10)
    assert (scene.to(), len(scene.hook.calls)) == ([], 1)
    assert [row[1] for row in scene.rows()] == ["superseded", "superseded"]


def test_the_mail_is_encrypted_says_what_the_protocol_says_and_names_no_subject_and_no_term(
    scene_of: Callable[..., Scene],
) -> None:
    scene = scene_of()
    scene.pass_()
    [(_, mail)] = scene.box.messages
    said = mail.get_content()
    assert scene.box.encrypted == [True]
    assert scene.box.said.index("STARTTLS") < scene.box.said.index("AUTH")
    assert "Serious in one subject: 1 subject, acts at 1. The protocol says: hold dosing. DSMBot has held nothing." in (
        " ".join(said.split())
    )
    assert mail["Subject"] == "SIMULATED · TWO · critical alert · sae"
    assert mail["Auto-Submitted"] == "auto-generated"
    for word in ("S1", "Sepsis", "2026-05-03", PASSWORD, SECRET):
        assert word not in mail.as_string() + scene.hook.calls[0][1].decode()


def test_the_signature_can_be_checked_by_the_documented_recipe(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of(email=False)
    scene.pass_()
    headers, body = scene.hook.calls[0]
    timestamp = headers["x-dsmbot-timestamp"]
    expected = hmac.new(SECRET.encode(), b"v1:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    assert headers["x-dsmbot-signature"] == f"v1={expected}"
    assert int(timestamp) == int(scene.at[0].timestamp())
    said = json.loads(body)
    assert said["key"] == headers["idempotency-key"]
    assert said["alert"] == {
        "rule": "sae", "title": "Serious in one subject", "action": "hold_dosing", "urgency": "critical", "episode": 1,
        "events": 1, "stop_at": 1, "at_n": None, "opened_at": (START + timedelta(minutes=1)).isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize("audience", ["closed"])
def test_of_a_closed_alert_only_the_board_hears_and_only_that_one_waits(
    scene_of: Callable[..., Scene], audience: str
) -> None:
    """Would catch closed content, or its existence, on a path that blinded people read."""
    scene = scene_of(audience=audience)
    scene.pass_(minutes=31)
    assert set(scene.to()) == {"board@example.net"}
    assert scene.hook.calls == []
    for _, mail in scene.box.messages:
        said = str(mail["Subject"]) + mail.get_content()
        assert "An alert for the board waits in Slack." in said
        assert not any(word in said for word in ("sae", "Serious", "dosing", "1 subject", "critical", "minute"))


def test_a_closed_alert_cannot_be_cleared_for_the_second_path(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of(audience="closed", content="counts")
    with scene.study.database.reading() as conn:
        [parent] = [i for i in outbox.with_status(conn, outbox.Status.QUEUED, study_id="TWO") if i.kind == "parent"]
        alert = content_of(conn, parent, scene.study.voice)
    with pytest.raises(Withheld):
        disclose(PagedContent(Audience.CLOSED, "raised", alert=alert), Audience.CLOSED, scene.study.voice.setting)  # type: ignore[arg-type]


def test_content_none_says_only_that_one_waits(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of(content="none")
    scene.pass_()
    [(_, mail)] = scene.box.messages
    assert "A critical alert waits in Slack." in mail.get_content()
    assert "sae" not in mail.as_string()
    assert json.loads(scene.hook.calls[0][1])["alert"] is None


def test_when_slack_does_not_confirm_everybody_on_the_way_and_the_operators_are_called(
    scene_of: Callable[..., Scene],
) -> None:
    """Would catch a Slack that is down, and people who believe that nothing has happened."""
    scene = scene_of(after="3 h")
    assert scene.pass_(minutes=1) == 0
    scene.pass_(minutes=1, seconds=1)
    assert sorted(scene.to()) == ["mm@example.org", "ops@example.org", "pi@example.org"]
    mails = dict(scene.box.messages)
    assert "Slack has not confirmed the message for 2 minutes" in " ".join(
        mails["pi@example.org"].get_content().split()
    )
    assert "sae" not in mails["ops@example.org"].as_string(), "an operator may not read the alert"
    assert scene.events() == ["alert.unposted"]
    scene.posted()
    assert scene.pass_(minutes=20) == 0


FAULTS: list[tuple[str, str]] = [
    ("hang_up", "connecting: SMTPServerDisconnected"), ("451", "the server refuses the address: 451 not now"),
    ("550", "the server refuses the address: 550 not now"), ("535", "the server refuses the login: 535"),
    ("drop", "sending: SMTPServerDisconnected; it may have been taken"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), FAULTS, ids=[name for name, _ in FAULTS])
def test_mail_is_tried_again_with_growing_pauses_under_one_message_id(
    scene_of: Callable[..., Scene], fault: str, said: str
) -> None:
    """Would catch a page that is lost, a pause that hammers the server, or doubles that no mail system can tell."""
    scene = scene_of(webhook=False)
    scene.posted()
    scene.box.faults = [fault] * 3
    assert scene.pass_() == 0
    assert scene.rows() == [("mailto:pi@example.org", "queued", said)]
    assert scene.pass_(seconds=4) == 0
    assert len(scene.box.faults) == 2, "too early"
    assert scene.pass_(seconds=2) == 0
    assert scene.pass_(seconds=9) == 0
    assert len(scene.box.faults) == 1, "twice as long"
    assert scene.pass_(seconds=2) == 0
    assert scene.pass_(seconds=21) == 1
    assert len(set(scene.box.ids())) == 1
    assert len(scene.box.messages) == (4 if fault == "drop" else 1)
    [audited] = scene.audited()
    assert audited["attempts"] == 4


HOOK_FAULTS: list[tuple[str, str]] = [
    ("503", "the service answers 503"), ("404", "the service answers 404"), ("redirect", "the service answers 302"),
    ("drop", "the service is not reached: RemoteDisconnected; it may have been called"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), HOOK_FAULTS, ids=[name for name, _ in HOOK_FAULTS])
def test_the_webhook_is_called_again_under_one_key_and_at_no_other_address(
    scene_of: Callable[..., Scene], fault: str, said: str
) -> None:
    scene = scene_of(email=False)
    scene.posted()
    scene.hook.faults = [fault]
    assert scene.pass_() == 0
    assert scene.rows() == [("webhook:TWO", "queued", said)]
    assert scene.pass_(seconds=6) == 1
    assert len(scene.hook.calls) == 2
    (first, body), (second, again) = scene.hook.calls
    assert first["idempotency-key"] == second["idempotency-key"]
    assert body == again
    assert first["x-dsmbot-signature"] != second["x-dsmbot-signature"], "the time is signed"


def test_a_service_that_asks_to_wait_is_left_alone_as_long(scene_of: Callable[..., Scene]) -> None:
    scene = scene_of(email=False)
    scene.hook.faults = ["429 60"]
    scene.pass_()
    scene.pass_(seconds=58)
    assert len(scene.hook.calls) == 1
    scene.pass_(seconds=3)
    assert len(scene.hook.calls) == 2


def test_a_process_that_dies_while_sending_sends_again_and_ops_hears_of_a_path_that_fails(
    scene_of: Callable[..., Scene],
) -> None:
    scene = scene_of(webhook=False)
    scene.posted()
    watch(scene.study, scene.at[0])
    [item] = outbox.claim(scene.study.database, scene.at[0], ways=PAGES)
    assert item.status == "sending"
    scene.restart()
    scene.box.faults = ["550"] * 2
    scene.pass_(seconds=1)
    scene.pass_(minutes=1)
    scene.pass_(minutes=5)
    ops = [i for i in _queued(scene) if i.audience == "ops"]
    assert [(i.content["kind"], i.content["subject"]) for i in ops] == [("page_failed", "email")]
    assert scene.to() == ["pi@example.org"]
    scene.posted()
    scene.pass_(seconds=1)
    assert [i.content["kind"] for i in _queued(scene) if i.audience == "ops"] == ["page_works"]


def _queued(scene: Scene) -> list[outbox.Item]:
    with scene.study.database.reading() as conn:
        return outbox.with_status(conn, outbox.Status.QUEUED, study_id="TWO")


def test_a_server_without_encryption_gets_neither_password_nor_message(tmp_path: Path, cert: Path) -> None:
    """Would catch a client that goes on in the clear when somebody on the line takes STARTTLS out of the greeting."""
    body = {"host": "127.0.0.1", "from": "bot@example.org", "user": "bot", "to": {"investigator": ["pi@example.org"]}}
    trusted = lambda: ssl.create_default_context(cafile=cert)  # noqa: E731
    with mail_server() as box:
        settings = Email.model_validate_json(json.dumps({**body, "port": box.port}))
        assert "cannot be used: SMTPNotSupportedError" in reach(settings, PASSWORD, trusted)
        assert "AUTH" not in box.said
    with mail_server(cert) as box:
        settings = Email.model_validate_json(json.dumps({**body, "port": box.port}))
        assert "SSLCertVerificationError" in reach(settings, PASSWORD, ssl.create_default_context)
        assert "AUTH" not in box.said
        assert reach(settings, PASSWORD, trusted) == ""
        assert "DATA" not in box.said
    with mail_server(cert, implicit=True) as box:
        settings = Email.model_validate_json(json.dumps({**body, "port": box.port, "security": "tls"}))
        assert reach(settings, PASSWORD, trusted) == ""
        assert box.logins


def test_slack_delivery_leaves_pages_alone(scene_of: Callable[..., Scene]) -> None:
    """Would catch an e-mail address that is posted to as if it were a channel."""
    scene = scene_of()
    watch(scene.study, scene.at[0])
    taken = {item.kind for item in outbox.claim(scene.study.database, scene.at[0], limit=50)}
    assert taken
    assert not taken & {"email", "webhook"}
