"""Messages to ops: what failed or recovered, where, and what to do. By source, row and column, never by value."""

from __future__ import annotations

from collections.abc import Mapping

from bot.views import ClosedView, FaultLine, OpenView, OpsContent, OpsKind
from bot.wording.alerts import unescaped_lines
from bot.wording.phrases import FINE, LOOK, MARK, STOP, marked
from bot.wording.said import Said
from bot.wording.text import SENTENCE, listed, mention, safe, unescaped, words
from bot.wording.times import moment

SAYS: Mapping[OpsKind, tuple[str, str, str]] = {
    OpsKind.STARTED: (FINE, "Monitoring started", "Rules are evaluated after every poll from now on."),
    OpsKind.SOURCE_FAILED: (
        LOOK,
        "Source failed",
        (
            "{subject} could not be read. Nothing was deleted; its last records stay in use and grow old. The other "
            "sources go on. This is said once, until it recovers."
        ),
    ),
    OpsKind.SOURCE_RECOVERED: (FINE, "Source recovered", "{subject} was read completely again."),
    OpsKind.SOURCE_STALE: (
        LOOK,
        "Records are old",
        "{subject} has had no complete read for longer than its limit. This is not 'no events'.",
    ),
    OpsKind.SOURCE_FAULTS: (
        LOOK,
        "Doubtful records",
        (
            "Doubtful values in {subject}: {number:,}. The rows are kept and counted on the careful side; please have "
            "them corrected at the source."
        ),
    ),
    OpsKind.SOURCE_WARNING: (LOOK, "Source warning", "{subject} was read, with a doubt."),
    OpsKind.RULE_FAILED: (
        STOP,
        "Rule could not be evaluated",
        "Nobody is watching rule {subject} until this is mended.",
    ),
    OpsKind.RULE_RECOVERED: (FINE, "Rule evaluated again", "Rule {subject} is watched again."),
    OpsKind.CYCLE_FAILED: (
        STOP,
        "The cycle fails",
        (
            "Each look at the records ends in a fault of the program. Nothing new is evaluated until this is mended; "
            "nothing that was stored is lost."
        ),
    ),
    OpsKind.CYCLE_RECOVERED: (FINE, "The cycle works again", "Records are read and evaluated again."),
    OpsKind.SOCKET_LOST: (
        STOP,
        "Socket to Slack lost",
        (
            "Messages are still posted, but no click and no command arrives: nobody can acknowledge. It is opened "
            "again by itself as soon as Slack can be reached."
        ),
    ),
    OpsKind.SOCKET_BACK: (FINE, "Socket to Slack is back", "Clicks and commands arrive again."),
    OpsKind.SECOND_GONE: (FINE, "Alone on this Slack app again", "Every click reaches this process."),
    OpsKind.MEMBER_GONE: (
        LOOK,
        "Role holder deactivated",
        (
            "{subject} is deactivated in Slack and receives no alert. Name a successor in slack.roles, or have the "
            "account switched on again."
        ),
    ),
    OpsKind.MEMBER_BACK: (FINE, "Role holder active again", "{subject} is active in Slack again."),
    OpsKind.ROLE_EMPTY: (
        STOP,
        "Nobody holds this role",
        "No active {subject} can receive alerts. The next role of slack.escalate is called at once.",
    ),
    OpsKind.PAGE_FAILED: (
        STOP,
        "The second path fails",
        (
            "Critical alerts cannot be sent by {subject}: whoever does not look into Slack is not called. It is tried "
            "again until it works."
        ),
    ),
    OpsKind.PAGE_WORKS: (FINE, "The second path works again", "What waited for {subject} has been sent."),
    OpsKind.ROLE_FILLED: (FINE, "The role is held again", "An active {subject} can receive alerts again."),
    OpsKind.SECOND_SOCKET: (
        STOP,
        "Second connection on this Slack app",
        (
            "{number:,} connections share the app. Slack sends each click to one of them at random, so "
            "acknowledgements can get lost."
        ),
    ),
    OpsKind.OUTBOX_HELD: (STOP, "Messages are held", "Messages for {subject} that cannot be delivered: {number:,}."),
    OpsKind.OUTBOX_SLOW: (STOP, "Messages wait", "Messages not delivered yet: {number:,}."),
    OpsKind.OUTBOX_DRAINED: (FINE, "Messages no longer wait", "Whatever was due has been delivered."),
    OpsKind.OUTBOX_RECOVERED: (FINE, "Delivery recovered", "Messages for {subject} are delivered again."),
    OpsKind.CHANNEL_BLOCKED: (
        STOP,
        "Closed channel blocked",
        "Nothing is posted to {subject} until its membership is settled.",
    ),
    OpsKind.CHANNEL_RELEASED: (FINE, "Closed channel released", "{subject} is in order again."),
    OpsKind.HISTORY_UNREADABLE: (
        LOOK,
        "Channel history unreadable",
        (
            "What became of messages in {subject} cannot be looked up ({number:,}). Critical alerts are sent again, "
            "marked as possible duplicates; other messages wait."
        ),
    ),
    OpsKind.SUMMARY_FAILED: (
        STOP,
        "Summary could not be made",
        "The {subject} summary that is due was not posted. Rules are evaluated all the same; it is tried again.",
    ),
}
"""Kind → shape, heading, and the sentence that says what it means; `{subject}` and `{number}` are filled in."""


_OF_A_PERSON = (OpsKind.MEMBER_GONE, OpsKind.MEMBER_BACK)
_OF_A_ROLE = (OpsKind.ROLE_EMPTY, OpsKind.ROLE_FILLED)
_OURS = ("socket", "cycle")
"""Subjects that the title has named already."""


def ops(view: OpenView | ClosedView) -> Said:
    """One message to ops. Raises TypeError for another kind of content."""
    content = view.content
    if not isinstance(content, OpsContent):
        raise TypeError(f"no ops notice but {type(content).__name__}")
    shape, title, template = SAYS[content.kind]
    meaning = template.format(subject=_named(content), number=content.number)
    reason = safe(content.reason, SENTENCE)
    reason += "." if reason and not reason.endswith((".", ".)", "…")) else ""
    fix = f"What to do: {safe(content.fix, SENTENCE)}" if content.fix else ""
    lines = tuple(filter(None, [f"*{reason}*" if reason else "", meaning, *map(_fault, content.faults), fix]))
    since = f"Since {moment(content.since, view.setting.timezone)}. " if content.since else ""
    as_of = f"{since}Said {moment(content.at, view.setting.timezone)}."
    shown = "" if content.kind in _OF_A_PERSON or content.subject in _OURS else _named(content)
    about = f"{title}: {shown}" if shown else title
    essential = " · ".join(filter(None, [title.upper(), shown]))
    return Said(
        text=marked(
            unescaped_lines([f"{essential} · {safe(view.setting.study_id)}:", reason, meaning, fix, as_of]),
            view.setting.mode,
        ),
        head=f"{shape} {marked(unescaped(about), view.setting.mode)}",
        lines=lines,
        meta=tuple(filter(None, [as_of, MARK[view.setting.mode]])),
    )


def _named(content: OpsContent) -> str:
    """What it is about: a person by mention, a role in words, everything else by its name."""
    if content.kind in _OF_A_PERSON:
        return mention(content.subject)
    return safe(words(content.subject) if content.kind in _OF_A_ROLE else content.subject)


def _fault(line: FaultLine) -> str:
    rows = listed((f"{row:,}" for row in line.rows[:10]), limit=10)
    more = f" (showing {min(10, len(line.rows))} of {line.total:,})" if line.total > min(10, len(line.rows)) else ""
    where = f"{safe(line.file)}, column {safe(line.variable)}" if line.variable else safe(line.file)
    return f"• {safe(words(line.kind))}: {where}, {'row' if line.total == 1 else 'rows'} {rows}{more}"
