"""What a count counts by itself: the site, the subject, the coded term or the organ class of each event."""

from __future__ import annotations

import numpy as np

from rules.columns import folded
from rules.derive import Facts
from rules.kinds.selection import Selected

UNCODED = "uncoded"
"""Scope of events without a coded term, or without an organ class."""

UNKNOWN_SCOPE = "unknown"
"""Scope of events without a subject or a site, under `per: subject` and `per: site`."""


def scopes_of(facts: Facts, chosen: Selected, per: str, similar: tuple[str, ...]) -> list[list[str]]:
    """The scopes of each event: one, or every list of `similar` that holds its coded term.

    Parameters
    ----------
    per: site, subject, term or soc.
    similar: term lists whose terms count as the same under `per: term`; the scope is then the list's name.
    """
    if per == "subject":
        return [[str(v).strip() or UNKNOWN_SCOPE] for v in facts.event_column("USUBJID")[chosen.row]]
    if per == "term":
        terms = [str(v) for v in facts.event_column("AEDECOD")[chosen.row]]
        return _terms(facts, _as_first_spelt(terms, chosen), similar)
    if per == "soc":
        return [[value or UNCODED] for value in _as_first_spelt(_classes(facts, chosen), chosen)]
    sites = [str(v) or UNKNOWN_SCOPE for v in facts.subjects["site"]] + [UNKNOWN_SCOPE]
    return [[sites[at]] for at in facts.event_column("subject")[chosen.row]]


def _as_first_spelt(values: list[str], chosen: Selected) -> list[str]:
    """Each value as the first known of the events spells it: sites and coding tools differ in case and blanks, a scope
    must not, or two subjects with "Rash" and "RASH" would each stand alone."""
    values = [value.strip() for value in values]
    if len({value.upper() for value in set(values)}) == len(set(values)):
        return values
    spelt: dict[str, str] = {}
    for _, value in sorted(zip(chosen.known.tolist(), values, strict=True)):
        spelt.setdefault(value.upper(), value)
    return [spelt[value.upper()] for value in values]


def _terms(facts: Facts, terms: list[str], similar: tuple[str, ...]) -> list[list[str]]:
    lists = {name: folded(facts.derivation.terms.get(name, ())) for name in similar}
    found = []
    for term in terms:
        among = [name for name, members in lists.items() if term.strip().upper() in members]
        found.append(among or [term or UNCODED])
    return found


def _classes(facts: Facts, chosen: Selected) -> list[str]:
    ae, at = facts.domains["AE"], facts.event_column("ae_row")[chosen.row]
    first, second = (np.append(ae.text(name).to_numpy(dtype=object), "")[at] for name in ("AEBODSYS", "AESOC"))
    return [str(a).strip() or str(b).strip() for a, b in zip(first, second, strict=True)]
