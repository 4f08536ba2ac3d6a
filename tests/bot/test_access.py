"""Who may do and read what: every cell of the grid, every way an account can be doubtful, every fact that may leave."""

from __future__ import annotations

import ast
import itertools
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import (
    GRID,
    Account,
    Act,
    Refusal,
    Withheld,
    able_roles,
    authorise,
    disclose,
    grid_table,
)
from bot.clearance.findings import DETAILS, FACTS, RESTRICTED, alias
from bot.configuration.people import Role, Slack
from bot.contents.notices import OpsContent, OpsKind, StatusContent
from bot.views import AlertContent, ClosedView, EscalationContent, OpenView, RuleFacts, Setting
from rules.model import Action, Audience, Evidence, Finding, Reason, Standing, State

NOW = datetime(2026, 5, 14, 14, tzinfo=UTC)
OWN = "T0OWN"
KNOWN = Account(team_id=OWN, own_team=OWN, restricted=False, stranger=False, deleted=False)
SETTING = Setting("STS-CALC", "America/Chicago")


def people(**roles: list[Any]) -> Slack:
    return Slack.model_validate_json(json.dumps({"channels": {"open": "#a"}, "roles": roles}))


EVERYONE = people(**{role.value: [f"U{n}"] for n, role in enumerate(Role)})
MEMBER = {role: f"U{n}" for n, role in enumerate(Role)}


def alert(finding: Finding, audience: Audience = Audience.OPEN) -> AlertContent:
    rule = RuleFacts("tolerability", "t", "boundary", Action.PAUSE_ENROLMENT, audience=audience)
    return AlertContent(rule, finding, Reason.FIRST_CROSSING, NOW, NOW, NOW)


def finding(**facts: Any) -> Finding:
    item = Evidence("STS-001", Standing.COUNTED, "STS-001:12", "STS-001:E1", "AE", facts=facts)
    return Finding("tolerability", "study", State.CROSSED, evidence=(item,), first_crossed_on=date(2026, 5, 10))


@pytest.mark.parametrize(("role", "act", "audience"), list(itertools.product(Role, Act, Audience)))
def test_every_cell_of_the_grid_is_enforced(role: Role, act: Act, audience: Audience) -> None:
    """Would catch a check that forgets the role, the act or the audience."""
    decision = authorise(MEMBER[role], KNOWN, act, audience, EVERYONE)
    assert decision.allowed is (audience in GRID[role][act])
    assert decision.refusal is (None if decision.allowed else Refusal.NOT_THIS_ROLE)


@pytest.mark.parametrize("role", Role)
def test_blinded_roles_never_reach_closed_content_and_the_board_never_silences_an_open_alert(role: Role) -> None:
    """Would catch a slip of the pen in the grid itself."""
    reaches = {act for act in Act if Audience.CLOSED in GRID[role][act]}
    assert bool(reaches) is (role in (Role.DSMB, Role.UNBLINDED_STATISTICIAN))
    assert (Audience.OPEN in GRID[role][Act.ACKNOWLEDGE]) is (role in (Role.INVESTIGATOR, Role.MEDICAL_MONITOR))
    assert set(GRID[role]) == set(Act)


@pytest.mark.parametrize(("act", "audience"), list(itertools.product(Act, Audience)))
def test_nobody_off_the_roster_may_do_anything(act: Act, audience: Audience) -> None:
    """Would catch a default of yes."""
    assert authorise("U0STRANGER", KNOWN, act, audience, EVERYONE).refusal is Refusal.NOT_ON_ROSTER


@pytest.mark.parametrize("audience", [Audience.OPEN, Audience.CLOSED])
@pytest.mark.parametrize(
    ("account", "refusal"),
    [
        (replace(KNOWN, deleted=True), Refusal.DELETED),
        (replace(KNOWN, team_id="T0OTHER"), Refusal.OTHER_TEAM),
        (replace(KNOWN, stranger=True), Refusal.STRANGER),
        (replace(KNOWN, restricted=True), Refusal.GUEST),
    ],
)
def test_a_doubtful_account_is_refused_everywhere(account: Account, refusal: Refusal, audience: Audience) -> None:
    """Would catch an id that is trusted without looking at the account behind it."""
    role = Role.DSMB if audience is Audience.CLOSED else Role.INVESTIGATOR
    assert authorise(MEMBER[role], account, Act.ACKNOWLEDGE, audience, EVERYONE).refusal is refusal


@pytest.mark.parametrize(
    "account", [Account(), replace(KNOWN, team_id=None), replace(KNOWN, own_team=None), replace(KNOWN, restricted=None)]
)
def test_an_unknown_account_is_tolerated_for_open_and_refused_for_closed(account: Account) -> None:
    """Would catch closed content shown because a lookup failed, and an alert nobody can acknowledge in an outage."""
    closed = authorise(MEMBER[Role.DSMB], account, Act.STATUS, Audience.CLOSED, EVERYONE)
    assert closed.refusal is Refusal.UNKNOWN_ACCOUNT
    assert authorise(MEMBER[Role.INVESTIGATOR], account, Act.ACKNOWLEDGE, Audience.OPEN, EVERYONE).allowed


def test_a_guest_is_let_in_only_by_name_and_only_of_the_workspace_named() -> None:
    """Would catch a guest of another organisation riding on somebody else's authorisation."""
    roster = people(dsmb=[{"id": "U9", "team": "T0UNI", "guest": True, "authorised_by": "U1"}])
    guest = Account("T0UNI", OWN, restricted=True, stranger=False, deleted=False)
    assert authorise("U9", guest, Act.STATUS, Audience.CLOSED, roster).allowed
    assert not authorise("U9", replace(guest, team_id=OWN), Act.STATUS, Audience.CLOSED, roster).allowed
    assert not authorise("U9", replace(guest, deleted=True), Act.STATUS, Audience.CLOSED, roster).allowed


def test_the_table_of_the_documentation_names_every_role_and_act() -> None:
    """Would catch a role that the documentation forgets."""
    table = grid_table()
    assert all(f"| {role} |" in table for role in Role)
    assert all(act.value in table.splitlines()[0] for act in Act)
    assert able_roles(Act.ACCEPT, Audience.OPEN) == (Role.MEDICAL_MONITOR,)


@pytest.mark.parametrize(("content", "reader"), list(itertools.product(Audience, Audience)))
def test_content_reaches_only_readers_who_may_have_it(content: Audience, reader: Audience) -> None:
    """Would catch closed content in any other channel, and pharmacy content at the board."""
    allowed = content is reader or (content is Audience.OPEN)
    note = StatusContent(content, NOW)
    if not allowed:
        with pytest.raises(Withheld):
            disclose(note, reader, SETTING)
        return
    view = disclose(note, reader, SETTING)
    assert isinstance(view, ClosedView if reader in RESTRICTED else OpenView)


def test_an_escalation_and_an_explanation_carry_their_alerts_audience() -> None:
    """Would catch a closed alert that leaks through the message that calls for it."""
    closed = alert(finding(), Audience.CLOSED)
    with pytest.raises(Withheld):
        disclose(EscalationContent(closed, "dsmb", (), 30), Audience.OPEN, SETTING)


def test_only_disclose_makes_views() -> None:
    """Would catch a second door: any module that imports the seal."""
    with pytest.raises(TypeError, match="disclose"):
        OpenView(StatusContent(Audience.OPEN, NOW), Audience.OPEN, SETTING)
    users = [
        path.name
        for path in Path("bot").rglob("*.py")
        if any(isinstance(n, ast.Name | ast.alias) and "_SEAL" in (getattr(n, "id", ""), getattr(n, "name", ""))
               for n in ast.walk(ast.parse(path.read_text())))
    ]  # fmt: skip
    assert sorted(users) == ["access.py", "views.py"]


def cleared(content: AlertContent, setting: Setting = SETTING, audience: Audience = Audience.OPEN) -> AlertContent:
    view = disclose(content, audience, setting)
    assert isinstance(view.content, AlertContent)
    return view.content


def test_verbatim_text_and_foreign_facts_stay() -> None:
    """Would catch a plug-in rule that puts a narrative into its evidence."""
    content = cleared(alert(finding(AEDECOD="Rash", AETERM="itchy after cream B", narrative="Mr X", grade=2)))
    assert dict(content.finding.evidence[0].facts) == {"AEDECOD": "Rash", "grade": 2}


def test_no_allowed_name_tells_an_arm() -> None:
    """Would catch an allow-list that lets a lot or an arm through."""
    from rules.sdtm import is_arm_revealing

    assert not [name for name in FACTS | DETAILS if is_arm_revealing(name)]


@pytest.mark.parametrize("day", ["2026-05-10", "2026-05", "2026-05-10T08:00", "2026-05-01/2026-05-31"])
def test_days_of_events_are_not_shown_where_study_days_are(day: str) -> None:
    """Would catch a calendar date of a patient's event in Slack, however deep it lies."""
    found = replace(finding(onset=day, study_day=3), details={"first_crossing": {"first_crossed_on": day, "events": 4}})
    shown = cleared(alert(found))
    assert day not in str(shown.finding)
    assert shown.finding.first_crossed_on is None
    assert shown.finding.details == {"first_crossing": {"events": 4}}
    dated = cleared(alert(found), replace(SETTING, study_days=False))
    assert dated.finding.evidence[0].facts["onset"] == day


def test_times_of_people_stay_because_a_clock_runs_on_them() -> None:
    """Would catch a due time that vanishes with the dates of events."""
    assert "due_at" in cleared(alert(finding(due_at="2026-05-15T13:10:00+00:00"))).finding.evidence[0].facts


def test_an_alias_replaces_the_subject_everywhere_and_needs_the_databases_secret() -> None:
    """Would catch a subject number left in a key, a scope or a nested detail."""
    found = replace(
        finding(AEDECOD="Rash"), scope="STS-001:E1", details={"left": ["STS-001"], "hangs_on": [{"usubjid": "STS-001"}]}
    )
    setting = replace(SETTING, alias_salt="s1")
    shown = cleared(alert(found), setting).finding
    assert "STS-001" not in str(shown)
    assert shown.evidence[0].usubjid == alias("STS-001", setting) != alias("STS-001", replace(SETTING, alias_salt="s2"))


def test_the_ops_reader_gets_ops_and_open_content_in_an_open_view() -> None:
    """Would catch an ops message that needs a roster to be delivered."""
    assert isinstance(disclose(OpsContent(OpsKind.STARTED, NOW), Audience.OPS, SETTING), OpenView)


@given(st.permutations(["A", "B", "A", "B"]), st.permutations(["A", "B", "A", "B"]))
def test_open_views_are_equal_whatever_arms_ride_along(one: list[str], other: list[str]) -> None:
    """Would catch any name of an arm that survives clearing: the same study with allocation permuted, or absent."""

    def study(arms: list[str] | None) -> AlertContent:
        evidence = tuple(
            Evidence(
                f"S{i}",
                Standing.COUNTED,
                facts={"AEDECOD": "Rash", **({"ACTARM": a, "EXLOT": a, "KITNO": a} if a else {})},
            )
            for i, a in enumerate(arms or [""] * 4)
        )
        details: dict[str, Any] = {
            "counting": "subjects",
            **({"ARM": arms, "design": {"ARMCD": arms}} if arms else {"design": {}}),
        }
        return alert(Finding("r", "study", State.CROSSED, events=4, evidence=evidence, details=details))

    assert disclose(study(one), Audience.OPEN, SETTING) == disclose(study(other), Audience.OPEN, SETTING)
    assert disclose(study(one), Audience.OPEN, SETTING) == disclose(study(None), Audience.OPEN, SETTING)
