"""Tables of subjects: by site, by disposition, by characteristic; how long they were treated and followed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.columns import NAT, Bools
from rules.derive import Facts
from rules.tabulated.words import LabRow, SiteRow, Spread

AGES = ((0, 17, "under 18"), (18, 64, "18 to 64"), (65, 84, "65 to 84"), (85, 999, "85 or older"))
"""Age groups of results databases (EU Regulation 536/2014, summary of results); no single age is shown."""

UNKNOWN_SITE, UNSAID = "not recorded", "not recorded"


def sites(facts: Facts) -> tuple[SiteRow, ...]:
    """One row a site, by its number; subjects that no row of DM gives a site come last."""
    table = facts.subjects
    names = table["site"].to_numpy(dtype=object)
    flags = [facts.population("all"), *(table[name].to_numpy(dtype=bool) for name in _SITE_COLUMNS)]
    rows = [
        SiteRow(str(site) or UNKNOWN_SITE, *(int((column & (names == site)).sum()) for column in flags))
        for site in sorted(set(names.tolist()), key=lambda site: (site == "", site))
    ]
    return tuple(rows)


_SITE_COLUMNS = ("screen_failure", "randomised", "treated")


def disposition(facts: Facts) -> tuple[tuple[str, int], ...]:
    """Treated subjects, each once, by the first that applies, in this order."""
    table, left = facts.subjects, facts.population("treated")
    found = []
    for name, flags in (
        ("died", table["dead"].to_numpy(dtype=bool)),
        ("withdrew", _dated(facts, "withdrawn")),
        ("lost to follow-up", table["lost"].to_numpy(dtype=bool)),
        ("completed", _dated(facts, "completed")),
        ("on treatment", table["treatment_ongoing"].to_numpy(dtype=bool)),
        ("off treatment, in follow-up", np.ones(len(table), dtype=bool)),
    ):
        found.append((name, int((left & flags).sum())))
        left = left & ~flags
    return tuple(found)


def _dated(facts: Facts, name: str) -> Bools:
    return np.asarray(~np.isnat(_days(facts, f"{name}_lo")))


def _days(facts: Facts, name: str) -> NDArray[Any]:
    return facts.subjects[name].to_numpy("datetime64[D]")


def followed(facts: Facts) -> Spread:
    """Days at risk of treated subjects, from first dose: as `Facts.person_days` counts them, without a window."""
    return spread(facts.person_days()[facts.population("treated")])


def person_days(facts: Facts) -> int:
    """Their sum."""
    return int(facts.person_days()[facts.population("treated")].sum())


def dosed_by_month(facts: Facts) -> tuple[tuple[str, int], ...]:
    """Treated subjects by the month of their first dose, without a gap, up to the month of the cut-off."""
    days = _days(facts, "first_dose_lo")[facts.population("treated")]
    months = days[~np.isnat(days)].astype("datetime64[M]")
    if not len(months):
        return ()
    every = np.arange(months.min(), max(months.max(), facts.cutoff.astype("datetime64[M]")) + np.timedelta64(1, "M"))
    return tuple((str(month), int((months == month).sum())) for month in every)


def on_treatment(facts: Facts) -> Spread:
    """Days from first to last recorded dose, both included, of treated subjects with both."""
    start, end = _days(facts, "first_dose_lo"), _days(facts, "last_dose_hi")
    known = facts.population("treated") & ~np.isnat(start) & ~np.isnat(end) & (end >= start)
    return spread((end - start)[known].astype(np.int64) + 1)


def contact(facts: Facts) -> Spread:
    """Days from the last evidence of assessment to the cut-off, of treated subjects who have not left.

    Who was never assessed since first dose counts from it.
    """
    staying = facts.population("treated") & np.isnat(_days(facts, "left_lo"))
    last = np.fmax(_days(facts, "followed_through"), _days(facts, "first_dose_lo"))[staying]
    return spread((facts.cutoff - last[~np.isnat(last)]).astype(np.int64))


def spread(days: NDArray[Any]) -> Spread:
    """Of a set of whole days; all zero where there is none."""
    if not len(days):
        return Spread()
    middle, ninth = np.quantile(days, [0.5, 0.9], method="inverted_cdf")
    return Spread(len(days), int(middle), int(days.min()), int(days.max()), int(ninth))


def demographics(facts: Facts) -> tuple[tuple[str, str, int], ...]:
    """Treated subjects by sex, age group and race as DM codes them; a characteristic nobody recorded is left out."""
    dm = facts.domains["DM"]
    places = {str(name): at for at, name in enumerate(facts.subjects.index)}
    at, treated = dm.subject_at(places), facts.population("treated")
    mine = (at >= 0) & np.append(treated, False)[at]
    found: list[tuple[str, str, int]] = []
    for label, variable in (("Sex", "SEX"), ("Age, years", "AGE"), ("Race", "RACE")):
        if dm.blank(variable)[mine].all():
            continue
        said = [_category(variable, word) for word in dm.text(variable).to_numpy(dtype=object)[mine]]
        groups = _age_names if variable == "AGE" else sorted(set(said) - {UNSAID})
        counted = [(name, said.count(name)) for name in (*groups, UNSAID)]
        found += [(label, name, number) for name, number in counted if number]
    return tuple(found)


def _category(variable: str, word: object) -> str:
    text = str(word).strip()
    if variable != "AGE":
        return text.capitalize() if len(text) > 1 else {"F": "Female", "M": "Male"}.get(text, text or UNSAID)
    try:
        age = int(float(text))
    except ValueError:
        return UNSAID
    return next((name for low, high, name in AGES if low <= age <= high), UNSAID)


_age_names = tuple(name for _, _, name in AGES)


def deviations(facts: Facts) -> tuple[tuple[str, int, int], ...]:
    """Coded protocol deviations with subjects and records, most subjects first."""
    dv = facts.domains.get("DV")
    if dv is None or not len(dv):
        return ()
    names = [str(word).strip() or "not coded" for word in dv.text("DVDECOD")]
    who = dv.text("USUBJID").tolist()
    rows = [
        (name, len({subject for subject, other in zip(who, names, strict=True) if other == name}), names.count(name))
        for name in set(names)
    ]
    return tuple(sorted(rows, key=lambda row: (-row[1], -row[2], row[0])))


def labs(facts: Facts) -> tuple[LabRow, ...]:
    """Laboratory tests of the assessed from first dose on, by name; below and above range as LBNRIND says."""
    lb = facts.domains["LB"]
    if not len(lb) or lb.blank("LBNRIND").all():
        return ()
    places = {str(name): at for at, name in enumerate(facts.subjects.index)}
    at = lb.subject_at(places)
    first = np.append(_days(facts, "first_dose_lo"), NAT)[at]
    since = (lb.days("LBDTC").hi >= first) & np.append(facts.population("assessed"), False)[at]
    low, high = (np.array([mark in word for word in lb.codes("LBNRIND")[1]] or [False])[lb.codes("LBNRIND")[0]]
                 for mark in ("LOW", "HIGH"))  # fmt: skip
    test = lb.text("LBTEST" if lb.has("LBTEST") else "LBTESTCD").to_numpy(dtype=object)
    rows = []
    for name in sorted({str(word) for word in test[since] if word}):
        mine = since & (test == name)
        rows.append(LabRow(name, *(len(set(at[mine & flags].tolist())) for flags in (np.ones_like(mine), low, high))))
    return tuple(rows)
