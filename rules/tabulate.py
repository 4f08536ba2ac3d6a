"""The tables of an open report, from the facts of one snapshot: pure, pooled over arms, coded terms only.

What an open report to a monitoring board holds (NIH and NIAMS templates): enrolment, screen failures, deviations,
demographics, treatment and status, adverse events by class and term and by severity, serious events, deaths, all
events, laboratory. Numerators and denominators are those of `rules.derive`; events are chosen as rules choose them.
"""

from __future__ import annotations

from collections.abc import Iterable

from rules.derive import Facts
from rules.kinds.words import EventFilter
from rules.tabulated import events, subjects
from rules.tabulated.words import Tables

DOMAINS = ("DM", "AE", "EX", "DS", "SV")
"""Domains whose absence makes a table emptier than the study is."""


def tabulate(facts: Facts, interest: Iterable[str] = ()) -> Tables:
    """Every table of one snapshot.

    Parameters
    ----------
    facts: of a snapshot; of an unblinded one the tables are the same, because no table asks for an arm.
    interest: names of term lists whose events are of special interest; one that the study does not have is left out.

    Raises
    ------
    SnapshotError: where a frame breaks the promise of `rules.model.Snapshot.frames`.
    """
    serious, _ = events.listing(facts, EventFilter(serious=True))
    deaths, _ = events.listing(facts, EventFilter(death=True))
    listing, listed = events.listing(facts, EventFilter())
    return Tables(
        populations=facts.populations(),
        sites=subjects.sites(facts),
        demographics=subjects.demographics(facts),
        deviations=subjects.deviations(facts),
        disposition=subjects.disposition(facts),
        followed=subjects.followed(facts),
        on_treatment=subjects.on_treatment(facts),
        dosed=subjects.dosed_by_month(facts),
        person_days=subjects.person_days(facts),
        contact=subjects.contact(facts),
        overview=events.overview(facts),
        interest=events.of_interest(facts, interest),
        terms=events.terms(facts),
        undosed=events.undosed(facts),
        serious=serious,
        deaths=deaths,
        listing=listing,
        listed=listed,
        labs=subjects.labs(facts),
        lags=events.lags(facts),
        entry=events.entry(facts),
        quality=events.quality(facts),
        absent=tuple(name for name in DOMAINS if name not in facts.snapshot.frames),
    )
