"""One row for each subject: dosed when, followed through when, left when, dead when, in which population.

Populations: ICH E9 §5.2. Where records leave a choice, the comment says which
is the conservative one and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rules.columns import NAT, Bools, Columns, Days, Ints, Span, any_in, earliest, latest
from rules.model import Derivation

Table: TypeAlias = dict[str, NDArray[Any]]
"""Columns by name while the table is built."""

TRUE_WORDS = frozenset({"Y", "YES", "TRUE", "1"})
"""How a flag says yes; anything else that is recorded says no."""

_CONTACT: Mapping[str, tuple[str, ...]] = {
    "SV": ("SVSTDTC", "SVENDTC"),
    "AE": ("AEDTC",),
    "DS": ("DSSTDTC",),
    "EX": ("EXSTDTC", "EXENDTC"),
    "DV": ("DVSTDTC",),
}
"""Domain → dates that prove somebody assessed the subject; other domains prove it by their --DTC.

An AE's onset proves nothing: it may be told much later. AEDTC, the day its form was reviewed, does.
"""

_EARLY_EPOCHS = frozenset({"SCREENING", "RUN-IN", "WASHOUT", "TREATMENT"})
"""Completing one of these is not leaving the study."""


class SubjectTable:
    """Builds the subject table of one snapshot.

    Parameters
    ----------
    domains: domain → columns, at least DM, AE, EX, DS (absent ones are empty) and the contact domains.
    derivation: code lists.
    cutoff: clinical cut-off; records dated after it do not count.
    arms: USUBJID → arm, None in a blinded snapshot.
    """

    def __init__(
        self,
        domains: Mapping[str, Columns],
        derivation: Derivation,
        cutoff: np.datetime64,
        arms: Mapping[str, str] | None,
    ) -> None:
        self._domains, self._derivation, self._cutoff, self._arms = domains, derivation, cutoff, arms
        named = {name for columns in domains.values() if len(columns) for name in columns.recorded("USUBJID")[1]}
        self.ids = pd.Index(sorted(name for name in named if name.strip()), dtype="str", name="USUBJID")
        self.places = {name: at for at, name in enumerate(self.ids.tolist())}
        self._at: dict[str, Ints] = {}

    def build(self) -> pd.DataFrame:
        """The table; columns are documented at `rules.derive.Facts.subjects`."""
        table: Table = {"site": self._site()}
        self._dosing(table)
        self._outcome(table)
        self._populations(table)
        size = len(self.ids)
        order = np.lexsort((np.arange(size), table["first_dose_lo"]))
        position = np.zeros(size, dtype=np.int64)
        position[order] = np.arange(1, size + 1)  # NaT sorts last, so that the dosed come first
        table["position"] = np.where(table["treated"], position, 0)
        stored = {k: v.astype("datetime64[s]") if v.dtype.kind == "M" else v for k, v in table.items()}
        texts = {name: pd.Series(stored.pop(name), dtype="str") for name in ("site", "arm") if name in stored}
        return pd.DataFrame(texts | stored).set_axis(self.ids, axis=0)

    def at(self, domain: str) -> Ints:
        """Row of the table of each record, -1 where the record names no subject."""
        if domain not in self._at:
            self._at[domain] = self._domains[domain].subject_at(self.places)
        return self._at[domain]

    def _rows(self, domain: str, keep: Bools | None = None) -> tuple[Ints, Bools]:
        at = self.at(domain)
        return at, (at >= 0) if keep is None else (at >= 0) & keep

    def _earliest(self, domain: str, span: Span, keep: Bools | None = None) -> Span:
        at, keep = self._rows(domain, keep)
        return Span(*(earliest(len(self.ids), at[keep], days[keep]) for days in span))

    def _latest(self, domain: str, span: Span, keep: Bools | None = None) -> Span:
        at, keep = self._rows(domain, keep)
        return Span(*(latest(len(self.ids), at[keep], days[keep]) for days in span))

    def _any(self, domain: str, flags: Bools) -> Bools:
        at, keep = self._rows(domain, flags)
        return any_in(len(self.ids), at, keep)

    def _by_cutoff(self, span: Span) -> Span:
        """Dates that may lie by the cut-off, without the days that lie after it; others become unknown."""
        seen = span.where(np.asarray(span.lo <= self._cutoff))
        return Span(seen.lo, np.minimum(seen.hi, self._cutoff))

    def _site(self) -> NDArray[Any]:
        """SITEID of each subject's first row in DM, by record key."""
        dm, found = self._domains["DM"], np.full(len(self.ids), "", dtype=object)
        at, sites = dm.text("SITEID").to_numpy(dtype=object), self.at("DM")
        for row in np.argsort(dm.text("record_key").to_numpy(dtype=object), kind="stable")[::-1]:
            if sites[row] >= 0:
                found[sites[row]] = at[row]
        return found

    def _dosing(self, table: Table) -> None:
        """First dose is RFXSTDTC, else the earliest EXSTDTC. Last dose is the later of RFXENDTC and the last EX."""
        dm, ex = self._domains["DM"], self._domains["EX"]
        reference = self._earliest("DM", self._by_cutoff(dm.days("RFXSTDTC")))
        recorded = self._earliest("EX", self._by_cutoff(ex.days("EXSTDTC")))
        first = reference.otherwise(recorded)
        ends = self._by_cutoff(ex.days("EXENDTC")).otherwise(self._by_cutoff(ex.days("EXSTDTC")))
        reference_end, last_recorded = (
            self._latest("DM", self._by_cutoff(dm.days("RFXENDTC"))),
            self._latest("EX", ends),
        )
        _put(table, "first_dose", first)
        _put(table, "last_dose", Span(*(np.fmax(a, b) for a, b in zip(reference_end, last_recorded, strict=True))))
        known = ~np.isnat(first.lo)
        table["first_dose_partial"] = known & ~first.exact()
        table["treated"] = known
        table["treatment_ended"] = ~np.isnat(reference_end.lo)

    def _outcome(self, table: Table) -> None:
        ds, codes = self._domains["DS"], self._derivation
        dates = self._by_cutoff(ds.days("DSSTDTC").otherwise(ds.days("DSDTC")))
        died = ds.isin("DSDECOD", codes.death)
        table["followed_through"] = self._followed_through()
        self._death(table, dates, died)
        withdrawn = self._earliest("DS", dates, ds.isin("DSDECOD", codes.withdrawn) & ~self._of_treatment_only())
        completed = self._earliest("DS", dates, ds.isin("DSDECOD", codes.completed) & ~self._of_epoch_only())
        self._left(table, withdrawn, completed)
        table["treatment_ongoing"] = table["treated"] & ~table["treatment_ended"] & ~self._disposed()
        for name in ("lost", "screen_failure"):
            table[name] = self._any("DS", ds.isin("DSDECOD", getattr(codes, name)))

    def _death(self, table: Table, dates: Span, died: Bools) -> None:
        """Dead by DS, DM or AE; the date from DS, else DTHDTC, else the end of the fatal event."""
        dm, ae = self._domains["DM"], self._domains["AE"]
        fatal = ae.isin("AESDTH", TRUE_WORDS) | ae.isin("AEOUT", self._derivation.fatal_outcome)
        in_dm = dm.isin("DTHFL", TRUE_WORDS) | ~np.isnat(dm.days("DTHDTC").lo)
        death = self._earliest("DS", dates, died)
        death = death.otherwise(self._earliest("DM", self._by_cutoff(dm.days("DTHDTC"))))
        _put(table, "death", death.otherwise(self._earliest("AE", self._by_cutoff(ae.days("AEENDTC")), fatal)))
        table["dead_by_record"] = self._any("DS", died) | self._any("DM", in_dm)
        table["dead"] = table["dead_by_record"] | self._any("AE", fatal)

    def _left(self, table: Table, withdrawn: Span, completed: Span) -> None:
        """Documented as having left: withdrawal, completion or death, dated, and nobody saw the subject afterwards."""
        _put(table, "withdrawn", withdrawn)
        _put(table, "completed", completed)
        left = Span(*(np.fmin(a, b) for a, b in zip(withdrawn, completed, strict=True)))
        left = left.where(~(table["followed_through"] > left.hi))
        death = Span(table["death_lo"], table["death_hi"])
        left = Span(*(np.fmin(a, b) for a, b in zip(left, death, strict=True)))
        _put(table, "left", left)
        table["treatment_ended"] = table["treatment_ended"] | ~np.isnat(left.lo)

    def _disposed(self) -> Bools:
        """Some disposition, of the study or of its treatment, says that dosing may have ended, dated or not."""
        ds, codes = self._domains["DS"], self._derivation
        final = ds.isin("DSDECOD", codes.completed | codes.withdrawn | codes.lost | codes.death)
        final |= self._of_treatment_only() | ds.isin("DSCAT", ("DISPOSITION EVENT",))
        final &= ~ds.isin("EPOCH", _EARLY_EPOCHS - {"TREATMENT"}) & ~ds.isin("DSDECOD", codes.randomised)
        return self._any("DS", final) | self._any("DM", self._domains["DM"].isin("DTHFL", TRUE_WORDS))

    def _of_treatment_only(self) -> Bools:
        """Dispositions that speak of study treatment, not of the study."""
        at, words = self._domains["DS"].codes("DSSCAT")
        return np.array(["TREATMENT" in word or "DRUG" in word for word in words] or [False])[at]

    def _of_epoch_only(self) -> Bools:
        return self._of_treatment_only() | self._domains["DS"].isin("EPOCH", _EARLY_EPOCHS)

    def _followed_through(self) -> Days:
        """Last date with positive evidence of assessment; the earliest day of a partial date, never a planned one."""
        found = np.full(len(self.ids), NAT)
        for domain in self._derivation.contact_domains:
            columns = self._domains[domain]
            for name in _CONTACT.get(domain, (f"{domain}DTC",)):
                span = columns.days(name)
                span = span.otherwise(columns.days("DSDTC")) if domain == "DS" else span
                found = np.fmax(found, self._latest(domain, self._by_cutoff(span), self._assessed_rows(domain)).lo)
        return found

    def _assessed_rows(self, domain: str) -> Bools:
        """A visit that did not occur, a test not done and a subject declared lost are no evidence."""
        columns = self._domains[domain]
        if domain == "SV":
            return ~columns.isin("SVOCCUR", ("N", "NO"))
        if domain == "DS":
            return ~columns.isin("DSDECOD", self._derivation.lost)
        return ~columns.isin(f"{domain}STAT", ("NOT DONE",))

    def _populations(self, table: Table) -> None:
        """Randomised: recorded in DS; where DS records no randomisation at all, RFSTDTC, which SDTM leaves empty for
        screen failures. Treated: a first dose is known. Assessed: treated, with a laboratory result since."""
        ds, dm, lb = self._domains["DS"], self._domains["DM"], self._domains["LB"]
        recorded = self._any("DS", ds.isin("DSDECOD", self._derivation.randomised))
        if not recorded.any():
            recorded = self._any("DM", ~dm.blank("RFSTDTC")) & ~table["screen_failure"]
        treated = table["treated"]
        table["randomised"] = recorded
        tested = self._latest("LB", self._by_cutoff(lb.days("LBDTC")), self._assessed_rows("LB"))
        table["assessed"] = treated & (tested.hi >= table["first_dose_lo"])
        if self._arms is not None:
            table["arm"] = np.array([self._arms.get(name, "") for name in self.ids], dtype=object)


def _put(table: Table, name: str, span: Span) -> None:
    table[f"{name}_lo"], table[f"{name}_hi"] = span
