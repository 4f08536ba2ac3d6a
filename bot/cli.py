"""The command line: names, options and exit codes. Each command's work is one module in `bot/commands/`.

Exit 0: it ran, whatever was found. 1: a source failed, a delivery is held, `check` has warnings, or
`replay --as-run` found a difference. 2: bad input or configuration. With `--json`, stdout carries one JSON
document and all else goes to stderr. Heavy imports wait inside the commands, so that `--help` is instant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="dsmbot",
    help=(
        "Safety monitoring of clinical trials, in Slack: polls adverse-event and pharmacy records, applies the "
        "protocol's stopping rules exactly, tells the right people.\n\nTry it without Slack or data: dsmbot demo"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
audit_app = typer.Typer(help="The hash-chained record of everything that happened.", no_args_is_help=True)
db_app = typer.Typer(help="The database: upgrade, back up, restore.", no_args_is_help=True)
slack_app = typer.Typer(help="What Slack needs to know about the app.", no_args_is_help=True)
source_app = typer.Typer(help="Record sources: try one, admit a smaller file once.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(db_app, name="db")
app.add_typer(slack_app, name="slack")
app.add_typer(source_app, name="source")

Config = Annotated[
    list[Path] | None,
    typer.Option("-c", "--config", help="Study configuration; may repeat. Default: config.yaml here."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; all else on stderr.")]
Closed = Annotated[
    bool, typer.Option("--closed", help="The side of rules by arm, for people who are unblinded, instead of the open.")
]


def _version(show: bool) -> None:
    if show:
        from bot import __version__

        typer.echo(f"dsmbot {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of dsmbot itself."""
    del version


@app.command()
def demo(
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Play without waiting for anyone, then stop.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="calm, toxic or messy.")] = "toxic",
    seed: Annotated[int, typer.Option(help="Seed of the simulated trial.")] = 7,
    port: Annotated[int, typer.Option(help="Port of the practice page; the next free one is taken if busy.")] = 8765,
    as_json: Json = False,
) -> None:
    """Play a simulated study in a practice workspace in the browser. No Slack, no data.

    Example: dsmbot demo --scenario messy --seed 3
    """
    from bot.commands.demo import run_demo

    raise typer.Exit(run_demo(until_done=until_done, scenario=scenario, seed=seed, port=port, as_json=as_json))


@app.command()
def setup(config: Config = None) -> None:
    """Walk through the Slack app, its tokens, the channels and the people, and write them to the configuration.

    Example: dsmbot setup -c config.yaml
    """
    from bot.commands.setup import run_setup

    raise typer.Exit(run_setup(config))


@app.command()
def check(
    config: Config = None,
    offline: Annotated[bool, typer.Option("--offline", help="Leave Slack out; say so.")] = False,
    as_json: Json = False,
) -> None:
    """Read the configuration, show every rule's boundary, and test Slack: tokens, scopes, channels, people.

    Example: dsmbot check -c config.yaml --json
    """
    from bot.commands.check import run_check

    raise typer.Exit(run_check(config, offline=offline, as_json=as_json))


@app.command()
def drill(
    config: Config = None,
    wait: Annotated[float, typer.Option(help="Minutes to wait for everybody.")] = 15.0,
    practice: Annotated[bool, typer.Option("--practice", help="In the practice workspace instead of Slack.")] = False,
    port: Annotated[int, typer.Option(help="Port of the practice page.")] = 8765,
    as_json: Json = False,
) -> None:
    """Ask everybody on the roster to press "I got this on my phone", and list who did not.

    Example: dsmbot drill --wait 10
    """
    from bot.commands.drill import run_drill

    raise typer.Exit(run_drill(config, wait=wait, practice=practice, port=port, as_json=as_json))


@app.command("go-live")
def go_live(
    approved_by: Annotated[str, typer.Option("--approved-by", help="Given and family name, or a Slack id.")],
    out: Annotated[Path, typer.Option(help="The record to write, a PDF.")],
    config: Config = None,
    accept: Annotated[list[str] | None, typer.Option("--accept", help="Code of a warning that is accepted.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Write a new record although nothing changed.")] = False,
    as_json: Json = False,
) -> None:
    """Record that a study goes live: needs a clean check, a passed drill, a rehearsal that agrees, a named approver.

    Example: dsmbot go-live --approved-by "Given Family, principal investigator" --out go-live.pdf
    """
    from bot.commands.go_live import run_go_live

    raise typer.Exit(
        run_go_live(config, approved_by=approved_by, out=out, accept=accept or (), again=again, as_json=as_json)
    )


@app.command()
def run(
    config: Config = None,
    practice: Annotated[bool, typer.Option("--practice", help="Use the practice workspace instead of Slack.")] = False,
    port: Annotated[int, typer.Option(help="Port of the practice page.")] = 8765,
) -> None:
    """Watch the studies until stopped: poll, evaluate, deliver, answer.

    Example: dsmbot run -c config.yaml
    """
    from bot.commands.run import run_forever

    raise typer.Exit(run_forever(config, practice=practice, port=port))


@app.command()
def poll(config: Config = None, as_json: Json = False) -> None:
    """Do one cycle now: poll every source, evaluate, deliver, and report what happened.

    Example: dsmbot poll -c config.yaml --json
    """
    from bot.commands.poll import run_poll

    raise typer.Exit(run_poll(config, as_json=as_json))


@app.command()
def replay(
    config: Config = None,
    start: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = None,
    by: Annotated[str, typer.Option(help="Order in which records appear: batch, entry-date or onset.")] = "batch",
    as_run: Annotated[
        bool, typer.Option("--as-run", help="Judge each past evaluation again by its own rules; report differences.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replay the study through its rules. Nothing is posted.

    Example: dsmbot replay --by entry-date --json
    """
    from bot.commands.replay import run_replay

    raise typer.Exit(run_replay(config, start=start, end=end, by=by, as_run=as_run, as_json=as_json))


@app.command()
def summary(
    out: Annotated[Path, typer.Option("--out", help="File to write; its ending says the form: .pdf, .xlsx or .md.")],
    config: Config = None,
    audience: Annotated[str, typer.Option(help="Who will read it: open.")] = "open",
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="As known at the end of this day, or at this moment (study time). Default: now."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the open summary of any moment: enrolment, adverse events, rules, alerts, data. Nothing is posted.

    Example: dsmbot summary --audience open --as-of 2026-05-14 --out summary.pdf
    """
    from bot.commands.summary import run_summary

    raise typer.Exit(run_summary(config, audience=audience, as_of=as_of, out=out, as_json=as_json))


@app.command()
def design(
    method: Annotated[str, typer.Argument(help="Name of the design, such as pocock or exposure_pocock.")],
    null_rate: Annotated[float, typer.Option(help="Event probability per subject that is still acceptable.")],
    alpha: Annotated[float | None, typer.Option(help="Probability of stopping at the null rate.")] = None,
    max_n: Annotated[int | None, typer.Option(help="Look after each subject up to this one.")] = None,
    looks: Annotated[str | None, typer.Option(help="Numbers of subjects at which to look: 10,20,30.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter of the design, in its order or by name; may repeat.")
    ] = None,
    window: Annotated[float | None, typer.Option(help="Exposure designs: follow-up of one subject.")] = None,
    max_exposure: Annotated[str | None, typer.Option(help="Exposure designs: maximum or expected.")] = None,
    rates: Annotated[str | None, typer.Option(help="True rates at which to show characteristics: .1,.2,.3.")] = None,
    as_json: Json = False,
    plot: Annotated[Path | None, typer.Option(help="Draw to F.png, .svg or .pdf, and F-characteristics.")] = None,
) -> None:
    """Compute a stopping boundary, its false alarm and its exact operating characteristics. Reads no configuration.

    Example: dsmbot design beta_binomial --null-rate .2 --alpha .1 --max-n 20 --param 0.6,2.4
    """
    from bot.commands.design import run_design
    from bot.commands.design_options import Asked

    typed = Asked(method, null_rate, alpha, max_n, looks, tuple(param or ()), window, max_exposure, rates)
    raise typer.Exit(run_design(typed, as_json=as_json, plot=plot))


@audit_app.command("verify")
def audit_verify(
    config: Config = None,
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="SEQ:HASH printed in a note or report; may repeat.")
    ] = None,
    closed: Closed = False,
    as_json: Json = False,
) -> None:
    """Recompute the audit chain and compare it with anchors that people hold.

    Example: dsmbot audit verify --anchor 1204:9f3a6c
    """
    from bot.commands.audit import run_verify

    raise typer.Exit(run_verify(config, anchors=anchor or [], closed=closed, as_json=as_json))


@audit_app.command("export")
def audit_export(
    config: Config = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default stdout.")] = None,
    closed: Closed = False,
) -> None:
    """Write the audit record as JSON lines, oldest first.

    Example: dsmbot audit export --out audit.jsonl
    """
    from bot.commands.audit import run_export

    raise typer.Exit(run_export(config, out=out, closed=closed))


@db_app.command("upgrade")
def db_upgrade(config: Config = None) -> None:
    """Create the database, or bring it to this version's schema.

    Example: dsmbot db upgrade
    """
    from bot.commands.db import run_upgrade

    raise typer.Exit(run_upgrade(config))


@db_app.command("backup")
def db_backup(
    target: Annotated[Path, typer.Argument(help="File to write; must not exist.")], config: Config = None
) -> None:
    """Copy the database while it runs, then verify the copy's audit chain.

    Example: dsmbot db backup backups/dsmbot-2026-05-14.db
    """
    from bot.commands.db import run_backup

    raise typer.Exit(run_backup(config, target=target))


@db_app.command("restore")
def db_restore(
    source: Annotated[Path, typer.Argument(help="File that `db backup` wrote.")], config: Config = None
) -> None:
    """Fill an empty database from a backup, then verify its audit chain.

    Example: dsmbot db restore backups/dsmbot-2026-05-14.db
    """
    from bot.commands.db import run_restore

    raise typer.Exit(run_restore(config, source=source))


@slack_app.command("manifest")
def slack_manifest(
    suffix: Annotated[str, typer.Option(help="Gives /safety-SUFFIX, for several studies in one workspace.")] = "",
) -> None:
    """Print the app manifest to paste into Slack.

    Example: dsmbot slack manifest --suffix calc
    """
    from bot.commands.slack import run_manifest

    raise typer.Exit(run_manifest(suffix=suffix))


@source_app.command("test")
def source_test(
    source_id: Annotated[str, typer.Argument(help="Id of the source in the configuration.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Read a source once and report; nothing is stored, nothing is posted.

    Example: dsmbot source test edc
    """
    from bot.commands.source import run_test

    raise typer.Exit(run_test(config, source_id=source_id, as_json=as_json))


@source_app.command("accept")
def source_accept(
    source_id: Annotated[str, typer.Argument(help="Id of the source in the configuration.")],
    reason: Annotated[str, typer.Option(help="Why the smaller file is right; kept in the audit record.")],
    config: Config = None,
    by: Annotated[str, typer.Option(help="Who accepts it; default: the account that runs this.")] = "",
) -> None:
    """Admit a file that lost more than `max_shrink` of its rows, once.

    Example: dsmbot source accept edc --reason "site 03 withdrawn, e-mail of 12 May"
    """
    from bot.commands.source import run_accept

    raise typer.Exit(run_accept(config, source_id=source_id, reason=reason, by=by))


def main() -> None:
    """Entry point of the `dsmbot` command."""
    app()
