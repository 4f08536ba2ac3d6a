"""By arm, on the unblinded side: whose records a rule judges together, and who may belong there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.columns import Bools
from rules.derive import Facts
from rules.errors import RuleError
from rules.kinds.matching import bit
from rules.kinds.selection import Selected
from rules.kinds.sequence import Sequence

NOT_READABLE = "the allocation is not readable here"
"""Why a rule by arm cannot be judged on a blinded snapshot, which has no arms."""


NOBODY_YET = "nobody has been given an arm yet"
"""Why a rule by arm has no arm to speak of."""


@dataclass(frozen=True, slots=True)
class Group:
    """The subjects whom one finding is about.

    Parameters
    ----------
    scope: "study", or "arm:" and the code of the arm.
    inside: subjects of the group, flags on `facts.subjects`.
    perhaps: dosed subjects without a recorded arm: each may belong to any.
    """

    scope: str
    inside: Bools
    perhaps: Bools

    def events(self, facts: Facts, chosen: Selected) -> Selected:
        """The selected events of these subjects; those of a subject who only may belong here are in doubt."""
        subject = facts.event_column("subject")[chosen.row]
        perhaps = np.append(self.perhaps, False)[subject]
        here = np.append(self.inside, self.scope == "study")[subject] | perhaps
        return chosen.doubting(np.where(perhaps, bit("ACTARMCD"), 0)).where(here)

    def sequence(self, order: Sequence) -> Sequence:
        """The dosed subjects of the group in the same order.

        Who only may belong here keeps a place for certain crossings, where a subject without an event delays, and
        has one for possible crossings only with an event.
        """
        perhaps = self.perhaps[order.subject]
        return order.where(self.inside[order.subject] | perhaps).without(self.perhaps)


def whole_study(facts: Facts) -> Group:
    """Everybody, whatever their arm."""
    everybody = np.ones(len(facts.subjects), dtype=bool)
    return Group("study", everybody, ~everybody)


def groups(facts: Facts, per: str) -> list[Group]:
    """The groups that a rule judges by themselves: the study, or each arm that somebody was given.

    Raises
    ------
    RuleError: by arm, where the snapshot is blinded.
    """
    if per != "arm":
        return [whole_study(facts)]
    arm = arms_of(facts)
    perhaps = (arm == "") & facts.population("treated")
    return [Group(f"arm:{code}", arm == code, perhaps) for code in sorted(set(arm.tolist()) - {""})]


def arms_of(facts: Facts) -> np.ndarray[tuple[int, ...], np.dtype[np.object_]]:
    """The arm of each subject, "" where none is recorded. Raises RuleError where the snapshot is blinded."""
    if facts.snapshot.arms is None:
        raise RuleError(NOT_READABLE)
    return facts.subjects["arm"].fillna("").to_numpy(dtype=object)
