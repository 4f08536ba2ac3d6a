"""What `dsmbot check` says of rules: notes beside the figures, warnings with their remedy, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, TypeAlias

from rules.statistics import Characteristics
from rules.statistics.exposure import ExposureCharacteristics, SimulatedAlpha
from rules.statistics.joint import JointResult, NotComputed

if TYPE_CHECKING:
    from bot.checking.rule_report import OneArm, RuleReport

Doubt: TypeAlias = tuple[str, str]
"""What is doubtful, and what to do."""

Row: TypeAlias = Characteristics | ExposureCharacteristics

DILUTED = "pooled: an excess in one arm is diluted"
"""Said of every rule over several arms."""

ENOUGH_POWER = 0.8
"""Power at twice the null rate below which "little power" is said beside the figures."""


def notes(rule: RuleReport, *, by_arm: bool, several: bool, watched_by: str) -> Iterator[str]:
    """What to know about a rule's figures, in sentences; none where it has none.

    Parameters
    ----------
    by_arm: it judges each arm by itself.   several: the trial is known to have several arms.
    watched_by: id of the rule that watches the same events by arm, or "".
    """
    if rule.attained_alpha is None:
        return
    whose = "Stops an arm in" if by_arm else "Stops"
    rows: Sequence[Row] = rule.oc
    null, harmful = rows[0], rows[1:]
    yield f"{whose} {null.p_stop:.1%} of trials whose true rate is {null.rate:.0%}, {_if(rule)}."
    if harmful:
        told = ", ".join(f"{row.p_stop:.1%} at {row.rate:.0%}" for row in harmful)
        low = ": little power at this size" if harmful[-1].p_stop < ENOUGH_POWER else ""
        yield f"{whose} {told}{low}."
    if by_arm:
        yield "Each arm is judged by this table and has its own chance of a false alarm."
    else:
        yield from _pooled(rule, several=several, watched_by=watched_by)
    for simulated in rule.simulated:
        yield f"Simulated whole trials, {simulated.onset}: {simulated.alpha:.1%} ± {2 * simulated.error:.1%}."


def _if(rule: RuleReport) -> str:
    return "as a Poisson process" if rule.events is not None else "if outcomes are recorded once and correctly"


def _pooled(rule: RuleReport, *, several: bool, watched_by: str) -> Iterator[str]:
    seen = f"the board's rule {watched_by} looks by arm" if watched_by else "only the board sees it by arm"
    if not several:
        yield f"Counts all arms together: harm on one arm would be diluted by the others, and {seen}."
        return
    yield f"Counts all arms together ({DILUTED}); {seen}."
    if rule.one_arm:
        yield f"{one_arm(rule.one_arm)}."
    elif rule.looks is not None:
        yield f"{no_control_rate()[0].capitalize()}."


def one_arm(rows: Sequence[OneArm]) -> str:
    """`Stops 18.1% of trials where one arm alone has 40% and the others 10%`, a row after the other."""
    told = [f"{r.p_stop:.1%} where {r.arm or 'one arm'} alone has {r.rate:.0%}" for r in rows]
    return f"Stops {', '.join(told)} (the others {rows[0].control_rate:.0%})"


def above_its_alpha(attained: float, rate: float, alpha: float) -> Doubt:
    """A protocol's table whose false alarm is not what is said."""
    return (
        f"the table stops {attained:.2%} of trials whose true rate is {rate:.0%}, more than its alpha of {alpha:.2%}",
        "Correct the table, or state the false alarm that it has",
    )


def little_power(row: Row) -> Doubt:
    """A rule that would miss what it is there for."""
    what = (
        f"under 50 % power at twice the null rate: where {row.rate:.0%} of subjects have an event, it stops only "
        f"{row.p_stop:.1%} of trials, so that its silence says little"
    )
    return what, "Plan more subjects, allow a higher alpha or a higher null rate, or tell the board how little it sees"


def uncalibrated(row: Row) -> Doubt:
    """A posterior cutoff that alarms in safe trials."""
    what = (
        f"this posterior cutoff stops {row.p_stop:.1%} of trials whose true rate is the acceptable {row.rate:.0%}: "
        "over 20 % false alarms, because nothing calibrates a cutoff"
    )
    return what, "Raise the cutoff, look less often, or use beta_binomial with an alpha"


def simulated_above(found: SimulatedAlpha, alpha: float) -> Doubt:
    """An exposure rule whose whole trials alarm more often than its process."""
    what = (
        f"simulated whole trials alarm in {found.alpha:.1%} (± {2 * found.error:.1%}; {found.onset}), more than 1.25 "
        f"times its alpha of {alpha:.1%}"
    )
    return what, "Choose a smaller alpha, enrol more slowly, or count subjects (kind boundary) instead of exposure"


def diluted(rows: Sequence[OneArm]) -> Doubt:
    """A pooled rule that nothing by arm stands beside."""
    figures = f": {one_arm(rows)[0].lower()}{one_arm(rows)[1:]}" if rows else ""
    return (
        f"{DILUTED}{figures}",
        "Add a rule on the same events with per: arm and audience: closed, which only the board hears",
    )


def no_control_rate() -> Doubt:
    """What keeps the figure for one arm from being computed."""
    return (
        "how often it stops when one arm alone has a raised rate cannot be computed: the design states no control_rate",
        "Set control_rate in its design, the rate that you expect in the other arms",
    )


def rule_lines(rule: RuleReport, width: int) -> list[str]:
    """A rule for a terminal: its sentence, its boundary, its characteristics as a table, its notes.

    Parameters
    ----------
    width: of the terminal, in characters.
    """
    lines = [f"{rule.id} · {rule.title}" if rule.title else rule.id, *wrapped(rule.says, width, "    ")]
    if rule.attained_alpha is not None:
        lines += wrapped(f"stops at {rule.table()} · false alarm {rule.attained_alpha:.2%}", width, "    ")
        lines += [f"    {line}" for line in _characteristics(rule.oc)]
    for note in rule.notes:
        lines += wrapped(f"- {note}", width, "    ", "      ")
    if rule.joint:
        lines += wrapped(f"- Simulated under null_scenario: alarms in {rule.joint['rule']:.1%} of safe trials.",
                         width, "    ", "      ")  # fmt: skip
    return lines


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Text in lines of the terminal, at most 100 characters wide, the first and the others with their indent."""
    after = first if rest is None else rest
    return wrap(text, max(40, min(width, 100)), initial_indent=first, subsequent_indent=after, break_on_hyphens=False)


def _characteristics(rows: Sequence[Row]) -> Iterator[str]:
    counting = all(isinstance(row, Characteristics) for row in rows)
    yield f"{'true rate':>9}  {'P(stop)':>8}  {'E(n)' if counting else 'E(exposure)':>11}  {'E(events)':>9}"
    for row in rows:
        observed = row.expected_n if isinstance(row, Characteristics) else row.expected_exposure
        yield f"{row.rate:>9.1%}  {row.p_stop:>8.2%}  {observed:>11,.1f}  {row.expected_events:>9.2f}"


def joint_lines(found: JointResult | NotComputed) -> list[str]:
    """The false alarms of all rules together, or why there are none."""
    if isinstance(found, NotComputed):
        return [found.reason]
    actions = ", ".join(f"{alarm.name.replace('_', ' ')} {alarm.probability:.1%}" for alarm in found.actions)
    said = (
        f"All rules together, in safe trials of {found.n} subjects under null_scenario ({found.trials:,} simulated): "
        f"some rule alarms in {found.any.probability:.1%} (± {2 * found.any.error:.1%}); by action: {actions}."
    )
    return [said] + [f"Not included: {rule}, because {why}." for rule, why in found.not_included.items()]
