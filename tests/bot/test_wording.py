"""The texts as shipped, word for word: whoever changes one changes it here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from bot.access import disclose
from bot.contents.notices import (
    FaultLine,
    OpenAlertLine,
    OpsContent,
    OpsKind,
    RuleLine,
    SourceLine,
    StartingStateContent,
    StatusContent,
    WeekContent,
)
from bot.views import (
    Acknowledgement,
    AlertContent,
    Call,
    Content,
    EscalationContent,
    Mode,
    RuleFacts,
    WhyContent,
)
from bot.wording import replies
from bot.wording.alerts import alert, status
from bot.wording.changes import HEADINGS, change, escalation
from bot.wording.notes import note, starting_state, week
from bot.wording.ops import SAYS, ops
from bot.wording.said import Said
from bot.wording.why import stopping_points, why
from rules.model import Action, Audience, Evidence, Finding, Reason, Standing, State, Urgency
from tests.bot.slack.bench import RULE, START, crossed, setting

ASKED = "<@U1>, please acknowledge, then record a decision."
TOLERABILITY = RuleFacts(
    "tolerability",
    "reaction, grade ≥ 2",
    "boundary",
    Action.PAUSE_ENROLMENT,
    sentence="A sentence.",
)
SERIOUS = RuleFacts(
    "related-serious",
    "Related serious event",
    "event",
    Action.HOLD_DOSING,
    scope_of_action="all_subjects",
    urgency=Urgency.CRITICAL,
)


def made(found: Finding, rule: RuleFacts = TOLERABILITY, **changes: Any) -> AlertContent:
    values: dict[str, Any] = {
        "rule": rule,
        "finding": found,
        "reason": Reason.FIRST_CROSSING,
        "opened_at": START,
        "changed_at": START,
        "data_as_of": START,
        "mention": ("U1",),
        "role": "investigator",
    }
    return AlertContent(**{**values, **changes})


def view(content: Content, audience: Audience = Audience.OPEN, **changes: Any) -> Any:
    return disclose(content, audience, setting(**changes))


def one_event(**changes: Any) -> Finding:
    facts = {
        "AEDECOD": "Hypersensitivity",
        "grade": 3,
        "serious": True,
        "criteria": ["AESHOSP"],
        "related": True,
        "study_day": 31,
        "crossing": True,
    }
    item = Evidence("P-014", Standing.COUNTED, "P-014:7", "P-014:E7", "AE", facts=facts)
    values: dict[str, Any] = {
        "rule": "related-serious",
        "scope": "P-014:E7",
        "state": State.CROSSED,
        "events": 1,
        "stop_at": 1,
        "evidence": (replace(item, **changes),),
        "details": {"counting": "events"},
    }
    return Finding(**values)


def test_a_stopping_boundary() -> None:
    """The alert everybody must understand at the first glance, on a lock screen and in the channel."""
    said = alert(view(made(crossed())))
    assert said.text == (
        "STOPPING RULE CROSSED · STS-CALC · tolerability: 4 events among the first 7 dosed subjects; the rule stops at "
        "4 of 7. 3 later subjects still in follow-up. The protocol says: pause enrolment. DSMBot has paused nothing. "
        "<@U1>, please acknowledge, then record a decision. Data as of Thu 14 May 2026 09:00 CDT (UTC−5)."
    )
    assert said.head == "🛑 Stopping rule crossed: tolerability"
    assert said.lines == (
        "*4 events among the first 7 dosed subjects* (reaction, grade ≥ 2). *The rule stops at 4 of 7.*",
        "2 of these 7 are still in follow-up and cannot undo the crossing. 3 later subjects pending, none overdue.",
        f"*The protocol says: pause enrolment.* DSMBot has paused nothing. {ASKED}",
    )
    assert said.meta == (
        "Crossed on study day 14 · entered 2 days after onset · data as of Thu 14 May 2026 09:00 CDT (UTC−5)",
    )


def test_dates_are_shown_only_where_the_study_says_so() -> None:
    """Would catch a calendar date of a patient's event in Slack."""
    assert "12 May" not in str(alert(view(made(crossed()))))
    dated = alert(view(made(crossed(first_crossed_on=date(2026, 5, 12))), study_days=False))
    assert dated.meta[0].startswith("Crossed 12 May · entered 2 days after onset")


def test_a_provisional_crossing_asks_for_the_field_and_not_for_the_action() -> None:
    """Would catch a protocol action proposed on a fact that nobody has recorded."""
    found = crossed(state=State.PROVISIONAL)
    doubtful = tuple(
        replace(item, missing=("AEREL",)) if item.usubjid in ("STS-003", "STS-004") else item for item in found.evidence
    )
    said = alert(view(made(replace(found, evidence=doubtful))))
    assert said.head == "🔶 Stopping rule would be crossed: tolerability"
    assert said.lines[0] == "*Would be crossed if causality, missing for STS-003 AE 3 and STS-004 AE 4, is 'related'.*"
    assert "Please complete these 2 fields" in said.text
    assert "The protocol says" not in said.text + str(said.lines)


def test_a_crossing_found_at_the_first_poll_says_that_it_is_not_news() -> None:
    """Would catch an old crossing told as if it had just happened."""
    said = alert(view(made(crossed(), already_true=True)))
    assert said.head == "🛑 Already true when monitoring began: Stopping rule crossed: tolerability"
    assert said.text.startswith("ALREADY TRUE WHEN MONITORING BEGAN: STOPPING RULE CROSSED · STS-CALC")


def test_a_crossing_that_the_records_no_longer_show_stays_recorded() -> None:
    """Would catch an alert that resolves and vanishes."""
    said = alert(view(made(crossed(3, state=State.WITHIN), crossing=crossed(), reason=Reason.BASIS_CHANGED)))
    assert said.head == "🔶 No longer met on today's records: tolerability"
    assert "The first crossing stays recorded: 4 events among the first 7 dosed subjects" in said.text
    assert "DSMBot has resumed nothing; a person must decide." in said.text


def test_a_rule_that_cannot_be_evaluated_is_not_a_rule_that_is_within_its_limit() -> None:
    """Would catch silence about a rule that nobody is watching."""
    said = alert(view(made(crossed(state=State.NOT_EVALUABLE, reason="AE has no column AESTDTC"))))
    assert said.head == "🔶 Could not be evaluated: tolerability"
    assert said.text.startswith(
        "COULD NOT BE EVALUATED · STS-CALC · tolerability: AE has no column AESTDTC Until this is mended nobody"
    )


def test_more_subjects_than_the_design_has_looks_for() -> None:
    """Would catch a boundary that is silently extended."""
    said = alert(view(made(crossed(state=State.BEYOND_DESIGN, at_n=23))))
    assert "computed for fewer subjects" in said.text
    assert "A person must decide how this rule goes on." in said.lines


def test_one_related_serious_event() -> None:
    """The commonest critical alert."""
    said = alert(view(made(one_event(), SERIOUS)))
    assert said.head == "🛑 Related serious event: subject P-014"
    assert said.lines == (
        "*Hypersensitivity*, grade 3, serious (hospitalised), related · study day 31",
        "Rule related-serious: 1 event, acts at 1.",
        f"*The protocol says: hold dosing, all subjects.* DSMBot has held nothing. {ASKED}",
    )


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("AEREL", "Causality is missing; treated as related."),
        ("AETOXGR", "Grade is missing; treated as reaching the threshold."),
        ("AESTDTC", "Onset date is missing; treated as after first dose."),
        ("XXTERM", "XXTERM is missing; treated as the unfavourable value."),
    ],
)
def test_what_a_missing_fact_was_taken_as(variable: str, sentence: str) -> None:
    """Would catch an assumption that nobody is told of."""
    said = alert(view(made(one_event(missing=(variable,)), SERIOUS)))
    assert sentence in said.lines
    assert sentence in said.text


def test_a_count_rule_says_where() -> None:
    """Would catch a site's count read as the study's."""
    found = Finding("sites", "701", State.CROSSED, events=3, stop_at=2, details={"counting": "subjects", "per": "site"})
    rule = RuleFacts("sites", "Two related grade 3", "count", Action.NOTIFY)
    said = alert(view(made(found, rule)))
    assert said.head == "🛑 Rule met: sites · site 701"
    assert said.lines[0] == "*3 subjects · site 701, acts at 2* (Two related grade 3)."
    assert "please acknowledge." in said.text
    assert "decision" not in said.text


def test_who_has_seen_it() -> None:
    """The line that changes for everyone after a click."""
    at = START + timedelta(minutes=6)
    calls = (Call("medical_monitor", START + timedelta(minutes=32)), Call("investigator", START + timedelta(days=1)))
    unseen = made(crossed(), calls=calls)
    seen = made(crossed(), acknowledgement=Acknowledgement("U9", at))
    back = made(crossed(), withdrawn=Acknowledgement("U9", at), calls=calls[:1])
    later = made(crossed(), acknowledgement=Acknowledgement("U9", at), changed_at=at + timedelta(hours=2))
    zone = "CDT (UTC−5)"
    called = f"the medical monitor is called at 09:32 {zone}"
    assert status(unseen, setting()) == (
        f"○ Not acknowledged · {called}, then the investigator is called at Fri 15 May 09:00 {zone}"
    )
    assert status(seen, setting()) == f"● Acknowledged by <@U9> 09:06 · decision still open · updated 09:06 {zone}"
    assert status(back, setting()) == (
        f"○ Not acknowledged · <@U9> acknowledged by mistake, withdrawn 09:06 {zone} · {called} · updated 09:06 {zone}"
    )
    assert status(later, setting()) == (
        f"● Acknowledged by <@U9> 09:06 · decision still open · the finding has changed since · updated 11:06 {zone}"
    )


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_to_speak_has_words(reason: Reason) -> None:
    """Would catch a new reason that is told as nothing."""
    content = made(crossed(5, at_n=9), reason=reason, change={"before": {"events": 4}, "after": {"events": 5}})
    said = change(view(content))
    assert said.text.startswith(HEADINGS[reason][1].upper())
    assert "4 → 5" in said.text


def test_basis_changed() -> None:
    """The late correction of the demo: 4 → 3, and the crossing stays."""
    content = made(
        crossed(3, state=State.WITHIN),
        reason=Reason.BASIS_CHANGED,
        crossing=crossed(),
        change={
            "before": {"events": 4, "state": "CROSSED", "counted": ["a"]},
            "after": {"events": 3, "state": "WITHIN", "counted": []},
        },
    )
    said = change(view(content))
    assert said.lines[0] == (
        "*events 4 → 3; met → within its limit. "
        "Now 3 events among the first 7 dosed subjects, the rule stops at 4 of 7.*"
    )
    assert said.lines[1] == "The first crossing stays recorded. DSMBot has resumed nothing; a person must decide."


def test_an_escalation_names_whom_it_calls_and_what_slack_cannot_do() -> None:
    """Would catch a call to nobody."""
    said = escalation(view(EscalationContent(made(crossed()), "medical_monitor", ("U7",), 30)))
    assert said.head == "🛑 Not acknowledged: calling the medical monitor"
    assert said.text.startswith(
        "NOT ACKNOWLEDGED · STS-CALC · tolerability: Nobody has acknowledged this for 30 minutes."
    )
    assert "<@U7>, please look now and acknowledge." in said.text
    assert "Slack wakes nobody" in said.meta[0]
    nobody = escalation(view(EscalationContent(made(crossed()), "pharmacist", (), 30)))
    assert "the pharmacist (nobody holds this role), please look now" in nobody.text


def test_the_daily_note() -> None:
    """The note that makes silence mean something."""
    at = START - timedelta(hours=1)
    content = StatusContent(
        Audience.OPEN,
        at,
        evaluated_at=at,
        rules=(
            *(RuleLine(f"r{i}", "t", State.WITHIN) for i in range(4)),
            RuleLine("tolerability", "t", State.PENDING, n_evaluable=2, needs=3),
        ),
        alerts=(
            OpenAlertLine(
                "related-serious",
                "study",
                State.CROSSED,
                at - timedelta(days=3),
                "U9",
                at - timedelta(days=2),
                link="https://x.example/archives/C1/p1",
            ),
        ),
        sources=(
            SourceLine("EDC", at - timedelta(minutes=5), True),
            SourceLine("pharmacy", at - timedelta(minutes=10), True),
        ),
        next_at=at + timedelta(days=1),
        down_at=at + timedelta(days=1, minutes=30),
        ops=("U5",),
        seq=1204,
        digest="9f3a77",
    )
    said = note(view(content))
    assert said.head == "✅ Checked: nothing new · 1 alert still open"
    assert said.lines == (
        "4 of 5 rules evaluated, none newly crossed. Too early to judge: tolerability (2 evaluable, needs 3).",
        "Open: related-serious, acknowledged, no decision for 2 days → <https://x.example/archives/C1/p1|view>",
        "Records: EDC 07:55, pharmacy 07:50 CDT (UTC−5), both current.",
    )
    assert said.meta == (
        "Next note Fri 15 May 2026 08:00 CDT (UTC−5). None by 08:30? Assume DSMBot is down and tell <@U5>.",
        "Nothing new does not mean safe.",
        "Record 1,204 · 9f3a…",
    )
    assert "all quiet" not in str(said).lower()
    assert "no decision for 2 days. Records:" in said.text  # an address is not read aloud
    assert "<@U9>" not in str(said)


def test_a_note_that_could_not_check_everything_says_the_cause_first() -> None:
    """Would catch a green tick over a source that failed or a rule that nobody watches."""
    content = StatusContent(
        Audience.OPEN,
        START,
        evaluated_at=START,
        due_at=START - timedelta(hours=3),
        rules=(
            RuleLine("a", "t", State.NOT_EVALUABLE, reason="AE has no column AEREL"),
            RuleLine("b", "t", State.NEAR, events=1, stop_at=2),
        ),
        sources=(SourceLine("edc", None, False, "the folder is missing"),),
        problems=("2 messages are held",),
    )
    said = note(view(content))
    assert said.head == "🔶 Could not check everything · no alert open"
    assert said.lines == (
        "Late: this note was due Thu 14 May 2026 06:00 CDT (UTC−5).",
        "2 messages are held",
        "Records from edc are not current: the folder is missing.",
        "a could not be evaluated: AE has no column AEREL",
        "1 of 2 rules evaluated, none newly crossed.",
        "b near its limit: 1 event, stops at 2.",
        "Records: edc never read completely.",
    )
    assert said.meta[-1] == "Nothing new does not mean safe."
    never = note(view(StatusContent(Audience.OPEN, START)))
    assert never.head.startswith("🔶")
    assert "The rules have not been evaluated yet." in never.lines


def test_a_note_with_many_alerts_counts_what_it_leaves_out() -> None:
    """Would catch a silent cut of what is open."""
    many = tuple(OpenAlertLine("r", f"s{i}", State.CROSSED, START) for i in range(14))
    said = note(view(StatusContent(Audience.OPEN, START, evaluated_at=START, alerts=many, newly=("r",))))
    assert said.head == "🛑 Checked: 1 rule newly crossed · 14 alerts still open"
    assert "Showing 10 of 14 open alerts." in said.lines
    assert "Open: r (s0), not acknowledged yet." in said.lines


def test_the_week_and_the_starting_state() -> None:
    """The head of a thread, and the one message to accept."""
    assert week(view(WeekContent(Audience.OPEN, START))).head == "Daily notes, week of Thu 14 May 2026"
    content = StartingStateContent(
        Audience.OPEN,
        START,
        (RuleLine("a", "t", State.WITHIN, events=2, stop_at=4, at_n=9), RuleLine("b", "t", State.CROSSED)),
        events=40,
        subjects=1,
        crossed=("b",),
        mention=("U7",),
    )
    said = starting_state(view(content))
    assert said.lines == (
        "*40 adverse events of 1 subject were already recorded.* Already met, each alerted on its own: b.",
        "a: within its limit, 2 events, stops at 4 of 9.",
        "<@U7>, please accept this starting state; nothing of it is alerted again.",
    )
    assert said.status == "○ Not accepted yet"
    done = replace(content, accepted_by="U7", accepted_at=START)
    assert starting_state(view(done)).status == "● Accepted by <@U7> 09:00 CDT (UTC−5)"


@pytest.mark.parametrize("kind", OpsKind)
def test_every_ops_message_says_what_where_and_what_to_do(kind: OpsKind) -> None:
    """Would catch an ops message that only a programmer understands."""
    said = ops(view(OpsContent(kind, START, subject="edc", reason="it broke", fix="mend it", number=2), Audience.OPS))
    assert said.text.startswith(SAYS[kind][1].upper())
    assert "edc" in said.text
    assert "it broke" in said.text
    assert "What to do: mend it" in said.text
    assert "{" not in said.text
    assert said.head[0] in "🛑🔶✅"


def test_a_reason_that_ends_in_brackets_is_a_whole_sentence() -> None:
    """Catches: "... no first doses (DM.RFXSTDTC or EX.EXSTDTC) Nobody is watching", two sentences read as one."""
    broken = OpsContent(OpsKind.RULE_FAILED, START, subject="r", reason="the records have no first doses (DM.RFXSTDTC)")
    assert "(DM.RFXSTDTC)." in " ".join(ops(view(broken, Audience.OPS)).lines)


def test_faults_are_told_by_row_and_column_never_by_value() -> None:
    """Would catch a patient's data in an ops channel; FaultLine has no place for a value."""
    line = FaultLine("edc", "ae.csv", "AESTDTC", "impossible_date", tuple(range(1, 13)), 40)
    said = ops(view(OpsContent(OpsKind.SOURCE_FAULTS, START, "edc", number=40, faults=(line,)), Audience.OPS))
    assert (
        "• impossible date: ae.csv, column AESTDTC, rows 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10 (showing 10 of 40)"
        in said.lines
    )


@pytest.mark.parametrize(("mode", "word"), [(Mode.PRACTICE, "SIMULATED"), (Mode.REHEARSAL, "REHEARSAL")])
def test_every_kind_of_message_is_marked_outside_the_live_study(mode: Mode, word: str) -> None:
    """Would catch an invented alert that looks real on a lock screen."""
    every: list[Said] = [
        alert(view(made(crossed()), mode=mode)),
        change(view(made(crossed()), mode=mode)),
        escalation(view(EscalationContent(made(crossed()), "dsmb", (), 30), mode=mode)),
        note(view(StatusContent(Audience.OPEN, START), mode=mode)),
        week(view(WeekContent(Audience.OPEN, START), mode=mode)),
        starting_state(view(StartingStateContent(Audience.OPEN, START, ()), mode=mode)),
        ops(view(OpsContent(OpsKind.STARTED, START), Audience.OPS, mode=mode)),
    ]
    for said in every:
        assert said.text.startswith(f"{word} · ")
        assert word in said.head
        assert word in " ".join(said.meta)
    assert replies.acknowledged(Acknowledgement("U1", START), setting(mode=mode)).startswith(word)
    closed = made(crossed(), replace(TOLERABILITY, audience=Audience.CLOSED))
    assert "Arms shown here are invented." in alert(view(closed, Audience.CLOSED, mode=mode)).meta


def test_why() -> None:
    """Who is counted, who is not and why, the rule and its version, data time, delay, revisions, code version."""
    before = WhyContent(made(crossed(5), crossing=crossed()), RULE, 1, "0")
    assert "First crossing, still recorded: 4 events" in str(why(view(before)).lines)
    content = WhyContent(made(crossed(), crossing=crossed()), RULE, 12, "0.1.0", {"STS-001:1": 3, "STS-002:2": 1})
    assert "still recorded" not in str(why(view(content)).lines)
    said = why(view(content))
    text = "\n".join((*said.lines, *said.meta))
    for fact in (
        "*Rule tolerability, version 1*",
        "A sentence.",
        "null rate 20 %; false alarm 9.6 % by design",
        "Stops at 2 of 2–3, 3 of 4–6 and 4 of 7–10.",
        "*Counted: 4*",
        "• STS-001, no. 1, AE 1, Application site dermatitis, grade 2, related, study day 11",
        "*Not counted, still in follow-up, no event yet: 5*",
        "• STS-006, no. 6",
        "batch 12",
        "Entered 2 days after onset.",
        "Counted records with more than one revision: STS-001 AE 1 (3).",
        "DSMBot 0.1.0",
    ):
        assert fact in text


def test_why_shows_at_most_forty_of_each_group_and_says_so() -> None:
    """Would catch a modal that Slack refuses."""
    many = tuple(Evidence(f"S{i}", Standing.COUNTED, f"S{i}:1", domain="AE") for i in range(55))
    said = why(view(WhyContent(made(crossed(evidence=many)), {}, 1, "0")))
    assert "Showing 40 of 55." in said.lines


def test_readings_that_doubtful_facts_leave_open_are_told() -> None:
    """Would catch a result that hides how much hangs on missing facts and on subjects who left."""
    reading = {"state": "WITHIN", "events": 2, "at_n": None, "stop_at": 4}
    more = {
        "if_resolved": {"against": reading, "for": {**reading, "state": "CROSSED", "events": 4, "at_n": 7}},
        "if_left_counted": {"as_no_event": reading, "as_event": reading},
        "next": {"look": 8, "stop_at": 4},
    }
    text = str(why(view(WhyContent(made(crossed(details=more)), RULE, 1, "0"))).lines)
    assert "If the missing facts turn out favourable: within its limit, 2 events; if not: met, 4 events at 7." in text
    assert "With subjects who left counted as no event: within its limit, 2 events; as event: within" in text
    assert "At the next look, 8 subjects, it stops at 4." in text


def test_a_boundary_table_in_words() -> None:
    """Would catch a look read as a count."""
    assert stopping_points([[1, 2, None], [3, 3, 3], [4, 6, 4]]) == "3 of 3 and 4 of 4–6"
    assert stopping_points([[1, 9, None]]) == "no count"


def test_refusals_are_the_shipped_ones() -> None:
    """Would catch a refusal that reveals whether there is something to hide."""
    assert replies.OFF_ROSTER == (
        "I can't help with that here. Nothing was shown, and the request was recorded. Questions go to the study's "
        "DSMB contact."
    )
    assert replies.WRONG_PLACE == (
        "Please ask again in the board's own channel or in a direct message to me. Nothing was shown here."
    )
    assert replies.BLOCKED_CHANNEL == (
        "Messages here are paused until the membership is settled. The roster owner has been told."
    )


@pytest.mark.parametrize("nasty", ["<!channel>", "<@U0EVIL>", "*x*", "a\x00\u202eb", "z" * 50_000])
def test_foreign_text_is_harmless_wherever_it_can_stand(nasty: str) -> None:
    """Would catch one field that is not escaped: rule titles, terms, subjects, reasons, sources, roles, notes."""
    item = Evidence(
        nasty,
        Standing.COUNTED,
        nasty,
        nasty,
        nasty,
        missing=(nasty,),
        facts={
            "AEDECOD": nasty,
            "grade": nasty,
            "study_day": nasty,
            "criteria": [nasty],
            "serious": True,
            "crossing": True,
        },
    )
    rule = RuleFacts(nasty, nasty, "count", Action.NOTIFY, scope_of_action=nasty, sentence=nasty)
    found = Finding(
        nasty, nasty, State.PROVISIONAL, 1, stop_at=1, evidence=(item,), reason=nasty, details={"per": nasty}
    )
    content = made(
        found, rule, change={"before": {"events": nasty, "state": nasty}, "after": {"events": "y", "state": "z"}}
    )
    note_ = StatusContent(
        Audience.OPEN,
        START,
        rules=(RuleLine(nasty, nasty, State.NOT_EVALUABLE, reason=nasty),),
        problems=(nasty,),
        alerts=(OpenAlertLine(nasty, nasty, State.CROSSED, START, nasty, START),),
        sources=(SourceLine(nasty, START, False, nasty),),
        newly=(nasty,),
        ops=(nasty,),
        digest=nasty,
        seq=1,
        next_at=START,
        down_at=START,
    )
    fault = FaultLine(nasty, nasty, nasty, nasty, (1,), 1)
    every = [
        alert(view(content)),
        change(view(content)),
        escalation(view(EscalationContent(content, nasty, (nasty,), 1))),
        alert(view(made(replace(found, state=State.NOT_EVALUABLE), rule))),
        alert(view(made(one_event(), replace(SERIOUS, id=nasty)))),
        note(view(note_)),
        why(view(WhyContent(content, {"design": {"method": nasty}, "boundary": {}}, 1, nasty))),
        ops(view(OpsContent(OpsKind.SOURCE_FAULTS, START, nasty, nasty, nasty, faults=(fault,)), Audience.OPS)),
    ]
    for said in every:
        text = "\n".join((said.text, *said.lines, *said.meta, said.status))
        assert "<!" not in text
        assert "<@U0EVIL>" not in text
        assert "\x00" not in text
        assert "\u202e" not in text
        assert "*x*" not in text
        assert len(text) < 20_000
