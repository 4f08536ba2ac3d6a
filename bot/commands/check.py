"""`dsmbot check`: the configuration, every rule's boundary, and Slack, before anybody relies on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.checking.rules import Report, check, refused
from bot.commands.guard import guarded
from bot.commands.output import console, print_json, print_lines
from bot.config import ConfigError, Problem, Secrets, StudyConfig
from bot.configuration.second_path import lacking
from bot.loading import load_studies, secrets_of
from bot.wording.check import rule_lines, wrapped
from bot.wording.text import count


@guarded
def run_check(config: list[Path] | None, *, offline: bool, as_json: bool) -> int:
    """Check. Exit 2 with problems, 1 with warnings, else 0."""
    report = _report(config, offline=offline)
    if as_json:
        print_json(report.document())
    print_lines(_lines(report, offline=offline))
    return report.exit_code


def _report(config: list[Path] | None, *, offline: bool) -> Report:
    try:
        configs = load_studies(config)
    except ConfigError as error:
        return refused(error)
    return check(configs) if offline else examined(configs)


def examined(configs: list[StudyConfig]) -> Report:
    """The whole check of configurations that load: rules, tokens, Slack, the second path."""
    return _with_slack(check(configs), configs)


def _with_slack(report: Report, configs: list[StudyConfig]) -> Report:
    try:
        secrets = secrets_of()
    except ConfigError as error:
        return report.extended(problems=error.problems)
    missing = secrets.missing()
    missing += [problem for config in configs for problem in lacking(config.slack.pager, secrets)]
    if missing:
        return report.extended(problems=missing, warnings=secrets.warnings)
    from bot.slack.preflight import preflight  # Slack's libraries take a second that --offline need not wait

    with console().status("Asking Slack"):
        found = preflight(configs, secrets)
    warnings = (*secrets.warnings, *found.warnings, *_second_path(configs, secrets))
    return report.extended(problems=found.problems, warnings=warnings, slack=found.document())


def _second_path(configs: list[StudyConfig], secrets: Secrets) -> Iterator[Problem]:
    """A mail server that cannot be used: critical alerts would call nobody by e-mail."""
    from bot.paging.attempt import system_tls
    from bot.paging.mail import reach

    for config in configs:
        pager = config.slack.pager
        if pager is not None and pager.email is not None:
            fault = reach(pager.email, secrets.smtp_password, system_tls)
            if fault:
                fix = "Check host, port, security, user and the password"
                yield config.document.problem(("slack", "paging", "email"), fault, fix)


def _lines(report: Report, *, offline: bool) -> list[str]:
    lines: list[str] = []
    for rule in report.rules:
        lines += [*rule_lines(rule, console().width), ""]
    lines += [line for said in report.joint for line in wrapped(said, console().width)]
    lines += [f"Problem: {problem}" for problem in report.problems]
    lines += [f"Warning: {warning}" for warning in report.warnings]
    if offline:
        lines.append("Slack was not asked (--offline): tokens, channels and people are unchecked.")
    verdict = "It can start." if report.ok else "It will not start until the problems are mended."
    counts = (count(len(found), one) for found, one in
              ((report.rules, "rule"), (report.problems, "problem"), (report.warnings, "warning")))  # fmt: skip
    return [*lines, f"{' · '.join(counts)}. {verdict}"]
