"""A practice workspace has the channels and people of a configuration, and the board's channel is the board's."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.app import load_studies
from bot.practice import workspace_for
from bot.workspace.people import BOT_USER_ID
from tests.bot.commands.site import BASE, CHANNELS, merged


def config(folder: Path, **changes: object) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(merged(BASE, changes)), encoding="utf-8")
    return path


def test_channels_and_members_follow_the_roles(tmp_path: Path) -> None:
    guest = {"id": "U0GUEST", "guest": True, "authorised_by": "U0INVESTIGATOR", "team": "T0BOARD"}
    changes = {"roles": {"dsmb": ["U0DSMBCHAIR", guest], "unblinded_statistician": ["U0STAT"]}}
    made = workspace_for(load_studies([config(tmp_path, slack=changes)], {}))
    members = {audience: set(made.channel(name).members) - {BOT_USER_ID} for audience, name in CHANNELS.items()}
    assert members["closed"] == {"U0DSMBCHAIR", "U0GUEST", "U0STAT"}
    assert members["pharmacy"] == {"U0PHARMACIST"}
    assert members["ops"] == {"U0INVESTIGATOR", "U0MONITOR", "U0OPERATOR"}
    assert members["open"] >= members["ops"] | members["pharmacy"]
    assert [made.channel(name).is_private for name in CHANNELS.values()] == [False, True, True, True]
    assert made.person("U0GUEST").is_restricted
    assert made.person("U0GUEST").team_id == "T0BOARD"
    assert made.person("DSMB member 2").id == "U0GUEST"  # names are roles: nobody real can be meant


def test_a_channel_given_by_its_id_keeps_it(tmp_path: Path) -> None:
    made = workspace_for(load_studies([config(tmp_path, slack={"channels": {"open": "C0123456789"}})], {}))
    assert made.channel("C0123456789").id == "C0123456789"
    assert BOT_USER_ID in made.channel("C0123456789").members
