"""Where the trial stands, in words and as a picture, word for word."""

from __future__ import annotations

from typing import Any

from bot.contents.prognosis import MOST, Prognosis, picture, prognosis
from bot.views import StandingContent, WhyContent
from bot.wording.outlook import NOT_COMPUTED, false_alarm, reply, standing, subtitle, title
from bot.wording.why import why
from rules.model import Finding
from tests.bot.test_wording import made, view
from tests.rules.tables import only
from tests.rules.test_boundary_kind import DOSES, JUNE, boundary, records

DESIGN = {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "prior_a": 0.6, "prior_b": 2.4, "max_n": 20}
SEEN = "P1 2026-05-01; P2 2026-05-01; P3 2026-05-01; P5 2026-03-19"
TWO = "P1 2026-03-05 RELATED; P4 2026-03-06 RELATED"
THREE = f"{TWO}; P2 2026-03-07 RELATED"


BEFORE = """\
*Where the trial stands*
Closed windows only: 1 event in 3 subjects. P(rate above 20 %) = 59.1 %; rate 26.7 %, 95 % between 2.8 % and 64.7 %; \
prior: the design's prior, Beta(0.6, 2.4).
Nearest look so far: 2 of the 4 events that stop at 6; 2 more among 2 subjects without an outcome yet would cross it.
Next look that can stop: 7 subjects, at 4 events; 2 so far, 2 more.
Chance to cross (in brackets: if the true rate is 20 %): from the subjects already dosed 6.5 % (2.2 %), within the \
next 5 subjects 25.7 % (11.7 %), by subject 20, the end of the design 39.8 % (20.2 %).
2 subjects without an outcome yet: if none has an event, 2 events in all, not crossed; if all have one, 4 events in \
all, crossed at subject 6.
Follow-up so far is worth 4.5 of 6 dosed subjects (onset uniform over the window)."""


def finding(events: str, **design: Any) -> tuple[Any, Finding]:
    one = boundary(design=DESIGN | design)
    return one, only(one, records(DOSES, events, SEEN, cutoff=JUNE))


def of(events: str, **design: Any) -> Prognosis:
    one, found = finding(events, **design)
    shown = prognosis(one.stored(), found)
    assert shown is not None
    return shown


def test_before_a_crossing() -> None:
    """Catches a posterior on open windows, a chance without its condition, a distance to the wrong look."""
    assert "\n".join(standing(of(TWO))) == BEFORE


def test_after_a_crossing_nothing_is_adjusted_and_no_chance_is_told() -> None:
    """Catches a chance of 100 % beside a rule that is crossed, and an interval that looks like an estimate."""
    said = standing(of(THREE))
    assert said[1].endswith("prior: the design's prior, Beta(0.6, 2.4); not adjusted for stopping.")
    assert said[2] == "Crossed at subject 4, where 3 stop: there is no distance left to tell."
    assert not any("Chance" in line for line in said)


def test_a_design_without_a_prior_is_told_with_jeffreys() -> None:
    """Catches a posterior that does not name its prior."""
    shown = of(TWO, method="pocock", prior_a=None, prior_b=None)
    assert "prior: Jeffreys, Beta(0.5, 0.5)." in standing(shown)[1]


def test_nothing_that_slack_reads_as_markup_is_said() -> None:
    """Catches "< 0.1 %", which a mrkdwn field reads as the beginning of a link."""
    tiny = of("", null_rate=0.001, alpha=0.05, max_n=20, prior_a=1.0, prior_b=999.0)
    text = "\n".join([*standing(tiny), false_alarm(tiny)])
    assert "&lt; 0.1 %" in text
    assert "<" not in text


def test_the_picture_says_in_words_what_it_shows() -> None:
    """Catches a picture of another trial than the words speak of."""
    shown = of(THREE)
    drawn = picture(shown, title=title(shown), subtitle=subtitle(shown))
    assert drawn.content.startswith(b"\x89PNG")
    assert "Beta-binomial boundary, null rate 20 %, false alarm 9.6 %; window 28 days" in drawn.alt
    assert "So far 3 events among 6 dosed subjects." in drawn.alt
    assert "The boundary is crossed at subject 4, with 3 events." in drawn.alt


def test_why_tells_where_the_trial_stands() -> None:
    """Catches details that are not cleared for Slack, and an explanation without the posterior and its prior."""
    one, found = finding(THREE)
    lines = why(view(WhyContent(made(found), one.stored(), 1, "0"))).lines
    assert standing(of(THREE))[1] in lines


def test_designs_too_large_to_wait_for_are_left_out() -> None:
    """Catches a modal that opens after Slack has given up."""
    one, found = finding(TWO, method="table", alpha=None, prior_a=None, prior_b=None, max_n=None,
                         looks=[4, MOST + 1], stop_at=[3, 4])  # fmt: skip
    assert prognosis(one.stored(), found) is None


def test_the_alerts_thread_tells_where_the_trial_stood() -> None:
    """Catches a thread without the false alarm and its condition, and a top-level text that leaves figures out."""
    one, found = finding(THREE)
    said = reply(view(StandingContent(made(found), one.stored())))
    assert said.head == "Where the trial stands: tolerability"
    assert said.lines[0] == standing(of(THREE))[1]
    assert said.lines[-1] == (
        "False alarm 9.6 % by design, where the true rate is 20 %, if outcomes are recorded once and correctly."
    )
    assert said.lines[0] in said.text
    assert "Data as of" in said.text
    old = reply(view(StandingContent(made(found), {})))
    assert old.lines == (NOT_COMPUTED,)
