"""Tables of adverse events: measures by filter, terms by class and by grade, listings, delay and gaps of records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rules.columns import Bools, Levels, highest
from rules.derive import Facts
from rules.kinds.evidence import witness
from rules.kinds.selection import select
from rules.kinds.words import EventFilter, Grade
from rules.tabulated.subjects import UNKNOWN_SITE, spread
from rules.tabulated.words import Listed, Measure, Quality, Spread, TermRow

Words: TypeAlias = NDArray[Any]
"""Text of each row, as Python strings."""

UNCODED = "Not coded"
MOST_LISTED = 5_000
"""Events that a listing of all events holds at most; how many there are in all is said beside it."""

_SEVERE = Grade(operator=">=", value=3)
OVERVIEW = {
    "any": EventFilter(),
    "treatment_emergent": EventFilter(treatment_emergent=True),
    "related": EventFilter(related=True, treatment_emergent=True),
    "severe": EventFilter(grade=_SEVERE, treatment_emergent=True),
    "serious": EventFilter(serious=True),
    "related_serious": EventFilter(serious=True, related=True),
    "death": EventFilter(death=True),
}
"""What the overview counts: the filters of rules, so that a rule that asks the same finds the same."""

_SAID = ("no", "not recorded", "yes")


def measure(facts: Facts, wanted: EventFilter, inside: Bools) -> Measure:
    """Subjects and events that a filter means, among the subjects flagged `inside`."""
    chosen = select(facts, wanted, None)
    subject = facts.event_column("subject")[chosen.row]
    mine = np.append(inside, False)[subject]
    certain = set(subject[mine & chosen.certain].tolist())
    everybody = set(subject[mine].tolist())
    return Measure(len(everybody), int(mine.sum()), len(everybody - certain))


def overview(facts: Facts) -> dict[str, Measure]:
    """Each of `OVERVIEW` in the treated population."""
    return {name: measure(facts, wanted, facts.population("treated")) for name, wanted in OVERVIEW.items()}


def of_interest(facts: Facts, lists: Iterable[str]) -> dict[str, Measure]:
    """Treatment-emergent events of each named term list in the treated population; lists not known are left out."""
    known = {*facts.derivation.terms, *facts.derivation.synonyms}
    treated = facts.population("treated")
    return {
        name: measure(facts, EventFilter(terms=(name,), treatment_emergent=True), treated)
        for name in lists
        if name in known
    }


def terms(facts: Facts) -> tuple[TermRow, ...]:
    """Classes, most treatment-emergent subjects first, each followed by its terms in the same order."""
    table = _coded(facts)
    table = table[np.append(facts.population("treated"), False)[table["subject"].to_numpy()] & (table["ae"])]
    rows: list[TermRow] = []
    classes = [_term_row(str(soc), "", of_class) for soc, of_class in table.groupby("soc", sort=True)]
    for head in sorted(classes, key=_order):
        inside = table[table["soc"] == head.soc].groupby("term", sort=True)
        rows += [head, *sorted((_term_row(head.soc, str(term), of_term) for term, of_term in inside), key=_order)]
    return tuple(rows)


def _order(row: TermRow) -> tuple[int, int, str, str]:
    return -row.emergent.subjects, -row.recorded.subjects, row.soc, row.term


def _term_row(soc: str, term: str, rows: pd.DataFrame) -> TermRow:
    emergent = rows[rows["emergent"] > 0]
    certain = set(emergent.loc[emergent["emergent"] > 1, "subject"])
    worst = emergent.groupby("subject")["grade"].max().to_numpy()
    return TermRow(
        soc, term,
        Measure(rows["subject"].nunique(), rows["event"].nunique()),
        Measure(emergent["subject"].nunique(), emergent["event"].nunique(), len(set(emergent["subject"]) - certain)),
        tuple(int((worst == grade).sum()) for grade in range(6)),
    )  # fmt: skip


def _coded(facts: Facts) -> pd.DataFrame:
    """Rows of `Facts.events` with the class and term by which tables group them: whatever the case of their letters."""
    at = facts.event_column("ae_row")
    return pd.DataFrame({
        "soc": _named(_classes(facts)), "term": _named(facts.event_column("AEDECOD")), "ae": at >= 0,
        "subject": facts.event_column("subject"), "event": facts.event_column("event"),
        "emergent": facts.event_column("treatment_emergent"), "grade": facts.event_column("grade"),
    })  # fmt: skip


def _classes(facts: Facts) -> Words:
    """AEBODSYS of each row, else AESOC; "" for deaths without a record in AE."""
    ae, at = facts.domains["AE"], facts.event_column("ae_row")
    body, soc = (ae.text(name).to_numpy(dtype=object) for name in ("AEBODSYS", "AESOC"))
    return np.asarray(np.append(np.where(ae.blank("AEBODSYS"), soc, body), "")[at])


def _named(words: Words) -> list[str]:
    """Each word as the first in the alphabet of those that differ only in case writes it."""
    as_written: dict[str, str] = {}
    for word in sorted({str(word).strip() for word in words}):
        as_written.setdefault(word.upper(), word)
    return [as_written[str(word).strip().upper()] or UNCODED for word in words]


def undosed(facts: Facts) -> Measure:
    """Events of subjects without a recorded first dose of whom nothing says that they were not dosed."""
    return measure(facts, OVERVIEW["any"], facts.perhaps_treated())


def listing(facts: Facts, wanted: EventFilter) -> tuple[tuple[Listed, ...], int]:
    """Events that a filter means, of everybody, in order of subject and onset; and how many there are in all."""
    chosen = select(facts, wanted, None)
    who, onset, key = (facts.event_column(name)[chosen.row] for name in ("USUBJID", "onset_lo", "event_key"))
    order = np.lexsort((key.astype(str), onset, who.astype(str)))
    classes = _classes(facts)
    return tuple(_listed(facts, int(chosen.row[i]), classes) for i in order[:MOST_LISTED]), len(order)


def _listed(facts: Facts, row: int, classes: Words) -> Listed:
    """An event by the row that stands for it; seriousness, causality and death by the worse of its states."""
    said = witness(facts).of_event(row)
    ae, at = facts.domains["AE"], int(facts.event_column("ae_row")[row])
    outcome = str(ae.text("AEOUT").iloc[at]).strip() if at >= 0 else ""
    return Listed(
        usubjid=str(facts.event_column("USUBJID")[row]),
        site=str(said.get("site") or UNKNOWN_SITE),
        soc=str(classes[row]).strip() or ("" if at < 0 else UNCODED),
        term=str(said.get("AEDECOD") or UNCODED),
        grade=int(said.get("grade", 0)),
        serious=_SAID[int(_worst(facts, "serious")[row])],
        related=_SAID[int(_worst(facts, "related")[row])],
        study_day=said.get("study_day"),
        outcome=outcome,
        criteria=tuple(said.get("criteria", ())),
        death=bool(_worst(facts, "death")[row] > 0),
        contradiction=bool(said.get("contradiction", False)),
    )


def _worst(facts: Facts, name: str) -> Levels:
    event = facts.event_column("event")
    size = int(event.max(initial=-1)) + 1
    found: Levels = facts.remember(("worst", name), lambda: highest(size, event, facts.event_column(name))[event])
    return found


def lags(facts: Facts) -> dict[str, Spread]:
    """Site → days from onset until the record became known, of records in AE whose onset is exactly known."""
    use, days = _entry_days(facts)
    site = np.append(facts.subjects["site"].to_numpy(dtype=object), "")[facts.event_column("subject")]
    names = sorted({str(name) for name in site[use]}, key=lambda name: (name == "", name))
    return {name or UNKNOWN_SITE: spread(days[use & (site == name)]) for name in names}


def entry(facts: Facts) -> Spread:
    """The same of all sites together."""
    use, days = _entry_days(facts)
    return spread(days[use])


def _entry_days(facts: Facts) -> tuple[Bools, NDArray[np.int64]]:
    """Rows whose onset is exactly known, and days from it until each became known."""
    lo, hi = facts.event_column("onset_lo"), facts.event_column("onset_hi")
    known = facts.events["known_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[D]")
    use = (facts.event_column("ae_row") >= 0) & (lo == hi) & ~facts.event_column("onset_assumed")
    return use, np.maximum((known - lo).astype("timedelta64[D]").astype(np.int64), 0)


def quality(facts: Facts) -> Quality:
    """What the records in AE lack."""
    rows = facts.event_column("ae_row") >= 0
    lo, hi = facts.event_column("onset_lo"), facts.event_column("onset_hi")
    no_onset = np.isnat(lo)
    flags = {
        "uncoded": facts.event_column("AEDECOD") == "",
        "without_onset": no_onset,
        "partial_onset": ~no_onset & (lo != hi),
        "without_grade": facts.event_column("grade") == 0,
        "without_causality": facts.event_column("related") == 1,
    }
    counted = {name: int((rows & flag).sum()) for name, flag in flags.items()}
    return Quality(records=int(rows.sum()), contradictions=len(facts.contradictions()), **counted)
