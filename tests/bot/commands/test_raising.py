"""A person raises a concern: the form, what is told of it, and that their words stay in the database."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.wording import replies
from storage.concerns import concerns
from tests.bot.commands.asked import CHANGES, asked_site, records
from tests.bot.commands.life import life
from tests.bot.commands.site import CHANNELS, Site
from tests.bot.commands.test_asking import BOARD, DOCTOR, ROLES, ask

DISCRETION = {
    "id": "discretion", "kind": "manual", "title": "At the investigator's discretion", "by": ["investigator"],
    "action": "notify", "urgency": "critical", "audience": "open",
}  # fmt: skip


def test_a_concern_alerts_with_the_coded_term_and_the_person_s_words_stay_here(site_of: Callable[..., Site]) -> None:
    """Would catch a person's own words in a channel, a concern lost, or one raised for a subject who does not exist."""
    site = asked_site(site_of, slack={"roles": ROLES}, rules=[*CHANGES["rules"], DISCRETION])
    with life(site) as living:
        records(living)
        space = site.workspace.workspace
        assert ask(living, BOARD, "raise") == replies.OFF_ROSTER
        opened = site.workspace.slash(DOCTOR, CHANNELS["open"], "/safety", "raise", settle=30)
        assert opened.view is not None
        typed = {"rule": "discretion", "subject": "S-020", "term": "Headache", "words": "Mrs Smith looks grey"}
        refused = site.workspace.submit_view(DOCTOR, typed)
        assert "Did you mean S-00" in refused.errors["subject"]
        taken = site.workspace.submit_view(DOCTOR, {**typed, "subject": "S-004"})
        assert taken.errors == {}

        def kept() -> list[tuple[str, str, str]]:
            with living.study.database.reading() as conn:
                return [(c.usubjid, c.term, c.note) for c in concerns(conn, "SITE-1")]

        assert space.wait_for(kept, 20)
        assert kept() == [("S-004", "Headache", "Mrs Smith looks grey")]
        living.cycle()
        said = site.said()
        assert "discretion" in said
        assert "S-004" in said
        assert "Smith" not in said
        assert "Smith" not in json.dumps(space.ephemeral(DOCTOR))
