"""Where the trial stands against a boundary, from stored facts: for "Why?", an alert's thread, `rule ID`, a summary.

Pure: a stored rule version and a finding give the figures, `bot.wording.outlook` the words, `picture` the drawing.
May not know the database, Slack or who asks: a finding is cleared (`bot.access`) before anything of it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.kinds.outlook import WITHIN, boundary_of, course_of, outlook_of, prior_of
from rules.model import Finding
from rules.statistics import Boundary, Course, Outlook

if TYPE_CHECKING:
    from bot.figures.canvas import Picture

MOST = 2_000
"""Subjects of a design beyond which the figures take longer than a person who clicked is let wait."""


@dataclass(frozen=True, slots=True)
class Prognosis:
    """Where a trial, or one arm of it, stands against its boundary.

    Parameters
    ----------
    rule, scope: of the finding.   boundary: of the rule version that judged.
    course: outcomes of the dosed subjects in order, and their follow-up.
    outlook: posterior on closed windows with its named prior, distance, chances to cross (also at the null rate),
        best and worst case, effective sample size, the caveat after a crossing.
    window_days: length of the window in which an event counts.
    """

    rule: str
    scope: str
    boundary: Boundary
    course: Course
    outlook: Outlook
    window_days: int


def prognosis(definition: Mapping[str, Any], finding: Finding, *, within: int = WITHIN) -> Prognosis | None:
    """Where the trial stood when this finding was made; None for other kinds than `boundary`, for findings without a
    course (not evaluable, or stored before courses were), and for designs of more than `MOST` subjects.

    Parameters
    ----------
    definition: the stored rule version that judged, `bot.lookup.content.definition` of its body (for the configured
        rule itself: `rule.stored()`).
    finding: latest of its scope, or of the alert version that is explained.
    within: further subjects to be dosed for the nearer chance.
    """
    boundary, course = boundary_of(definition), course_of(finding)
    if boundary is None or course is None or max(boundary.max_n, len(course)) > MOST:
        return None
    found = outlook_of(boundary, finding, within=within, reporting_prior=prior_of(definition))
    assert found is not None
    return Prognosis(finding.rule, finding.scope, boundary, course, found, int(finding.details["window_days"]))


def picture(found: Prognosis, *, title: str, subtitle: str, form: str = "png") -> Picture:
    """The boundary with the trial's path on it; `Picture.alt` says the same in words. Imports matplotlib.

    Parameters
    ----------
    title, subtitle: written above; the subtitle names the design (`bot.wording.outlook.subtitle`).
    form: "png", "svg" or "pdf".
    """
    from bot.figures.boundary import boundary_figure  # matplotlib is slow to import and seldom needed

    return boundary_figure(found.boundary, title=title, subtitle=subtitle, course=found.course, form=form)
