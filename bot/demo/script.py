"""The demo's script, about 75 seconds: what happens on the stage, what the terminal and the page say meanwhile.

Acts that a scenario does not lead to are left out and said: a calm trial has no alert to acknowledge.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

from bot.config import Role
from bot.demo.groups import tell_groups
from bot.demo.stage import Stage
from bot.slack.blocks import ActionId, Choice
from bot.telling.outgoing import alert_key
from bot.wording.text import count
from rules.model import Audience, Reason, State
from storage import alerts, outbox
from storage.alert_records import OpenAlert
from storage.heads import read_head

BEGIN_DAY = 35
"""Day of the trial on which monitoring begins: weeks in which one subject is dosed are nothing to look at."""

QUIET_DAYS = 130
"""Days after which a scenario that crosses nothing is over."""

PATIENCE = 15.0
"""Seconds the demo waits for a person before it goes on."""


DAY_SECONDS = 0.24
"""How long a simulated day lasts at speed 1, the work of the day included."""


@dataclass
class Pacing:
    """How long things take: as a person can follow, or not at all with `--until-done`."""

    until_done: bool
    dawn: float = 0.0

    def rest(self, seconds: float) -> None:
        """Let people look."""
        if not self.until_done:
            threading.Event().wait(seconds)

    def day(self, stage: Stage) -> None:
        """The length of a simulated day; the page's drawer pauses and hurries it."""
        if not self.until_done:
            stage.time.running.wait()
            threading.Event().wait(max(0.0, self.dawn + DAY_SECONDS / stage.time.speed - monotonic()))
            self.dawn = monotonic()


@dataclass
class Script:
    """Plays the acts in order.

    Parameters
    ----------
    stage: set up.   pacing: see `Pacing`.   told: is given each line for the terminal.
    """

    stage: Stage
    pacing: Pacing
    told: Callable[[str], None]
    acknowledged: bool = False

    def play(self) -> None:
        """Every act that the scenario leads to."""
        self._opening()
        boundary = self._reactions()
        if boundary is None:
            self.told("Nothing was crossed in this scenario; the daily notes say what was checked.")
        else:
            self._acknowledge(boundary)
            self._why(boundary)
            self._correction(boundary)
        self._closed_side()
        self._dropped_connection()
        self.stage.settle(20)
        self._guide("")

    def _opening(self) -> None:
        """Monitoring begins, the first daily note comes."""
        self._guide("Monitoring of a simulated trial begins, in its sixth week. The daily note says what was checked.")
        self.stage.look()
        self.stage.next_day()
        self._week()
        self.pacing.rest(7)

    def _reactions(self) -> OpenAlert | None:
        """Days pass until a stopping boundary is crossed, or nothing more is to come."""
        self._guide("Reactions trickle in. Each is judged when it is entered, in order of first dose.")
        while self.stage.day < QUIET_DAYS:
            self._day()
            crossed = [a for a in self.stage.open_alerts() if self._kind(a) == "boundary" and a.state is State.CROSSED]
            if crossed or self.stage.day % 7 == 0:
                self._week(crossed[0] if crossed else None)
            if crossed:
                self.stage.workspace.workspace.set_caption(f"{self._caption()} · time stands still")
                self._guide("A stopping rule is crossed; time stands still. Phone, top right, shows the lock screen.")
                self.pacing.rest(6)
                return crossed[0]
        return None

    def _acknowledge(self, alert: OpenAlert) -> None:
        """Somebody presses Acknowledge, or nobody does and the next role is called."""
        self._guide("Press Acknowledge: the message changes for everyone. It is not a decision and not a signature.")
        if self.pacing.until_done:
            self._press(alert, ActionId.ACKNOWLEDGE)
        self.acknowledged = self._wait(lambda: self._current(alert).acknowledgement is not None, PATIENCE)
        if self.acknowledged:
            by = self._current(alert).acknowledgement
            with self.stage.study.database.reading() as conn:
                seq = read_head(conn, self.stage.study.id).audit_seq
            self.told(f"acknowledged by {by.user_id if by else '?'} · audit entry {seq}")
            self.stage.settle(5)
            self.pacing.rest(5)
            return
        self.told("nobody acknowledged: the medical monitor is called")
        self.stage.time.at += timedelta(minutes=31)
        self.stage.look()
        self.pacing.rest(4)

    def _why(self, alert: OpenAlert) -> None:
        """Who is counted, who is not, and why."""
        self._guide("Open ⋯ and choose Why?: every subject counted, and every one that is not, with the reason.")
        if self.pacing.until_done:
            self._press(alert, ActionId.MENU, Choice.WHY)
        self.pacing.rest(10)

    def _correction(self, alert: OpenAlert) -> None:
        """A late correction lowers the count; the first crossing stays recorded."""
        self._guide("Time goes on. A reaction is corrected from grade 2 to grade 1: what was said is not unsaid.")
        for _ in range(21):
            self._day()
            with self.stage.study.database.reading() as conn:
                versions = alerts.latest(conn, alert.alert_id).versions
            changed = [version for version in versions if version.reason is Reason.BASIS_CHANGED]
            if changed:
                before, after = changed[-1].before.get("events"), changed[-1].after.get("events")
                self.told(f"basis changed, {before} → {after}; the first crossing stays recorded")
                self.pacing.rest(8)
                return

    def _closed_side(self) -> None:
        """What the board sees and nobody else."""
        tell_groups(self.stage)
        self.stage.settle(5)
        self._guide("Become the DSMB member (top bar): a hidden channel appears. Become the investigator: it is gone.")
        self.told(f"closed side → {self.stage.channel(Audience.CLOSED)} (arms there are invented)")
        self.pacing.rest(10)

    def _dropped_connection(self) -> None:
        """Slack accepts a message and the connection breaks: one message, not two."""
        self._guide("Now the connection drops after Slack has accepted a message. One message, not two.")
        drop = self.stage.workspace.faults.accept_then_drop(methods=("chat.postMessage",))
        before = len(self.stage.open_alerts())
        for _ in range(14):
            self._day()
            if drop.count == 0 and len(self.stage.open_alerts()) > before:
                break
        self.stage.settle(20)
        doubled = len(self.stage.workspace.duplicates())
        self.told(f"a connection was dropped after Slack had accepted: {doubled} messages are there twice")
        self.pacing.rest(5)

    def _press(self, alert: OpenAlert, action: ActionId, choice: Choice | None = None) -> None:
        """A practice person presses a button of the alert's message."""
        with self.stage.study.database.reading() as conn:
            key = alert_key(conn, self.stage.study.id, alert.rule_id, alert.scope, alert.episode)
            posted = outbox.find(conn, key)
        if posted is None or posted.ts is None or posted.channel_id is None:
            return
        person = self.stage.study.config.slack.holders(Role.INVESTIGATOR)[0].id
        value = None
        if choice is not None:
            value = _option(self.stage.workspace.messages(posted.channel_id), posted.ts, choice)
        self.stage.workspace.click(person, posted.channel_id, posted.ts, action.value, value)

    def _current(self, alert: OpenAlert) -> OpenAlert:
        return next(item for item in self.stage.open_alerts() if item.alert_id == alert.alert_id)

    def _kind(self, alert: OpenAlert) -> str:
        rule = self.stage.study.rule(alert.rule_id)
        return rule.kind if rule else ""

    def _wait(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait for a person, without letting simulated time pass."""
        pause = threading.Event()
        for _ in range(int(seconds / 0.2)):
            if true():
                return True
            self.stage.settle(0.1)
            pause.wait(0.2)
        return true()

    def _day(self) -> None:
        self.pacing.day(self.stage)
        self.stage.next_day()
        self.stage.workspace.workspace.set_caption(self._caption())

    def _week(self, alert: OpenAlert | None = None) -> None:
        line = self._caption()
        if alert is not None:
            with self.stage.study.database.reading() as conn:
                finding = alerts.latest(conn, alert.alert_id).finding
            line += f" · 🛑 {alert.rule_id} {finding.events} of {finding.at_n} → {self.stage.channel(alert.audience)}"
        self.told(line)
        self.stage.workspace.workspace.set_caption(self._caption())

    def _caption(self) -> str:
        rows = self.stage.source.trial.rows_known_by(self.stage.time.now())
        week = self.stage.day // 7 + 1
        return f"week {week} · {len(rows['DM'])} enrolled · {count(len(rows['AE']), 'AE')}"

    def _guide(self, text: str) -> None:
        self.stage.workspace.workspace.set_guide(text)


def _option(messages: Sequence[Mapping[str, Any]], ts: str, choice: Choice) -> str | None:
    """Value of a menu option of a posted message, as a person would choose it."""
    posted = next((message for message in messages if message["ts"] == ts), {})
    for block in posted.get("blocks", ()):
        for element in block.get("elements", ()):
            for option in element.get("options", ()):
                if str(option.get("value", "")).startswith(choice.value):
                    return str(option["value"])
    return None
