"""`zendesk-events playground`: a local Zendesk, served alone or around a command."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import click
from click.core import ParameterSource

from target_zendesk_events.cli.browser import needing_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_zendesk_events.playground.faults import Fault
    from target_zendesk_events.playground.oauth import Credentials
    from target_zendesk_events.playground.server import Playground

VARIABLE = "ZENDESK_EVENTS_PLAYGROUND"
USUAL_PORT = 8642
NOT_FOUND, NOT_EXECUTABLE = 127, 126
PLANS = ("team", "growth", "professional", "enterprise", "enterprise_plus")
OF_FAILURES = ("retry_after", "body", "after_storing")
OF_FAULTS = ("on", "event_type", "contains", "every", "probability", "seed")
SHAPES = (
    "errors",
    "error_list",
    "error_object",
    "error_text",
    "html",
    "firewall",
    "text",
    "empty",
    "received",
    "too_many_jobs",
)


class _Seconds(click.FloatRange):
    """A time from 0 to a day; click itself lets NaN through any range."""

    def __init__(self) -> None:
        super().__init__(0, 86_400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Every option of the verb, in the order of its help."""
    options = [
        click.option("--config", multiple=True, help="Accepted as the target accepts it, a file or ENV; not read."),
        click.option(
            "--port", type=click.IntRange(0, 65_535), help=f"[default: {USUAL_PORT}, or a free one; 0: a free one]"
        ),
        click.option(
            "--database", metavar="FILE", help="Keep what is received in this SQLite file, and add to what it holds."
        ),
        click.option("--write-state", is_flag=True, help="Let the target write STATE while COMMAND runs."),
        click.option("--plan", type=click.Choice(PLANS), help="Limit requests as this plan of Zendesk does."),
        click.option(
            "--requests-per-minute", type=click.IntRange(0), help="Limit requests; 0 for no limit. [default: 0]"
        ),
        click.option(
            "--support-requests-per-minute", type=click.IntRange(0), help="The same for Support's API. [default: 0]"
        ),
        click.option(
            "--job-seconds", type=_Seconds(), default=1.0, metavar="SECONDS", help="How long a job takes. [default: 1]"
        ),
        click.option("--user", "users", multiple=True, metavar="ID", help="Only these user ids exist. [default: all]"),
        click.option(
            "--credentials", metavar="FILE", help="Accept only these: JSON with client_id, client_secret, ..."
        ),
        click.option("--token-seconds", type=_Seconds(), metavar="SECONDS", help="How long access tokens live."),
        click.option("--delay", type=_Seconds(), default=0.0, metavar="SECONDS", help="How long every answer takes."),
        click.option(
            "--fail",
            "fails",
            multiple=True,
            metavar="STATUS[:COUNT]",
            help="Answer so; COUNT may be 'all'. [default: 1]",
        ),
        click.option(
            "--drop", "drops", multiple=True, metavar="before|after[:COUNT]", help="Cut off, before or after storing."
        ),
        click.option(
            "--fault", "faults", multiple=True, metavar="JSON", help="A fault with all its fields: docs/playground.md."
        ),
        click.option(
            "--on",
            default="events",
            help="Which requests fail: events, reads, profiles, objects, tickets, ... (docs/playground.md), any.",
        ),
        click.option("--event-type", help="Only events of this type fail."),
        click.option("--contains", metavar="TEXT", help="Only requests with this text in their body fail."),
        click.option("--every", type=click.IntRange(1), default=1, metavar="K", help="Only each K-th fails."),
        click.option("--probability", type=click.FloatRange(0, 1), default=1.0, help="Only so many fail, by chance."),
        click.option("--seed", type=int, default=0, help="Where that chance starts."),
        click.option("--retry-after", metavar="[date:]SECONDS", help="Retry-After of failures, as a number or a date."),
        click.option("--body", type=click.Choice(SHAPES), default="errors", help="The shape of a failure's body."),
        click.option("--after-storing", is_flag=True, help="Failures come after the event was stored."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]})
@_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def playground(ctx: click.Context, /, command: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - the options
    """Serve a local Zendesk to try things on; with -- COMMAND, run it against that and stop with its exit code.

    Nothing that COMMAND's target sends leaves the machine, whatever its configuration says. No credentials are sent,
    unless --credentials asks for those of the configuration.
    """
    _check_needs(ctx, OF_FAILURES, "--fail", is_there=bool(options["fails"]))
    _check_needs(ctx, OF_FAULTS, "--fail or --drop", is_there=bool(options["fails"] or options["drops"]))
    with needing_extra():
        ctx.exit(_wrap(command, options) if command else _serve(options))


def _check_needs(ctx: click.Context, names: tuple[str, ...], needed: str, *, is_there: bool) -> None:
    """Refuse an option that says more about what is not asked for."""
    given = [name for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given and not is_there:
        _refuse(f"--{given[0].replace('_', '-')} needs {needed}")


def _serve(options: dict[str, Any]) -> int:
    from target_zendesk_events.playground.wrapping import told_to_end  # noqa: PLC0415 - an extra

    if options["write_state"]:
        _refuse("--write-state needs a COMMAND")
    with told_to_end() as end, _opened(options, USUAL_PORT) as served:
        click.echo(f"A local Zendesk on {served.url} (timelines there; Ctrl-C ends it)")
        click.echo(
            f'Point the target at it in its configuration: "api_url": "{served.url}"; the variable'
            f" TARGET_ZENDESK_EVENTS_API_URL={served.url} is read with --config ENV, or without any --config"
        )
        while not end.wait(1.0):  # a wait without end would keep a signal that comes just before it
            pass
        _say_what_came(served, options["database"])
    return 0


def _wrap(command: tuple[str, ...], options: dict[str, Any]) -> int:
    from target_zendesk_events.playground.wrapping import relaying  # noqa: PLC0415

    with relaying() as runner, _private_folder() as folder, _opened(options, 0) as served:
        query = {"folder": folder, "write_state": int(options["write_state"])}
        if options["credentials"] is not None:
            query["credentials"] = 1
        try:
            code = runner.run(command, {VARIABLE: f"{served.url}/?{urlencode(query)}"})
        except OSError as error:
            _say(f"{command[0]}: {error.strerror}")
            return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        _say_what_came(served, options["database"])
    return code


@contextmanager
def _private_folder() -> Iterator[str]:
    """Give a folder of the owner's alone; it goes at the end, but for one in which records were set aside."""
    folder = Path(tempfile.mkdtemp(prefix="zendesk-events-"))
    try:
        yield str(folder)
    finally:
        letters = sorted(folder.glob("*/dead-letters/*"))
        if letters:
            _say(f"what was set aside, and why, is kept in {letters[0].parent}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(options: dict[str, Any], usual_port: int) -> Iterator[Playground]:
    """Return the playground that the options describe, serving; a usual port that is taken gives way to a free one."""
    from target_zendesk_events.playground.server import Playground  # noqa: PLC0415

    port = options["port"]
    ports = [usual_port, 0] if port is None else [port]
    for attempt in ports:
        described = Playground(
            plan=options["plan"],
            requests_per_minute=options["requests_per_minute"],
            support_requests_per_minute=options["support_requests_per_minute"],
            job_seconds=options["job_seconds"],
            faults=_faults(options),
            delay=options["delay"],
            credentials=_credentials(options["credentials"]),
            token_seconds=options["token_seconds"],
            known_users=options["users"] or None,
            database=options["database"],
            port=attempt,
        )
        try:
            described.open()
        except OSError:
            continue
        except sqlite3.Error as error:
            _refuse(f"--database {options['database']}: {error}")
        with described:
            yield described
        return
    _refuse(f"port {port} is taken: choose another with --port, or leave it out")


def _faults(options: dict[str, Any]) -> list[Fault]:
    """Return the faults of --fault, --fail and --drop."""
    from target_zendesk_events.playground.faults import fault_from  # noqa: PLC0415

    shared = {name: options[name] for name in OF_FAULTS}
    failing = {**shared, "body": options["body"], "store": options["after_storing"]}
    try:
        failing |= _retry_after(options["retry_after"])
        described = [
            *map(json.loads, options["faults"]),
            *({**failing, "status": int(what), "count": count} for what, count in map(_counted, options["fails"])),
            *({**shared, "drop": what, "count": count} for what, count in map(_counted, options["drops"])),
        ]
        return [fault_from(one) for one in described]
    except ValueError as error:
        _refuse(f"--fault, --fail, --drop or --retry-after: {error}")


def _counted(text: str) -> tuple[str, int | None]:
    """Return what to do and how often: `503:3`, `before:all`, `500` (once)."""
    what, _, count = text.partition(":")
    return what, None if count == "all" else int(count or 1)


def _retry_after(text: str | None) -> dict[str, object]:
    if text is None:
        return {}
    form = "date" if text.startswith("date:") else "seconds"
    return {"retry_after": float(text.removeprefix("date:")), "retry_after_form": form}


def _credentials(file: str | None) -> Credentials | None:
    from target_zendesk_events.playground.oauth import Credentials  # noqa: PLC0415

    if file is None:
        return None
    try:
        return replace(Credentials(), **json.loads(Path(file).read_bytes()))
    except OSError as error:
        _refuse(f"--credentials: {error.strerror}")
    except (ValueError, TypeError):
        _refuse(f"--credentials: {file} must hold a JSON object of {', '.join(Credentials.__dataclass_fields__)}")


def _say_what_came(served: Playground, database: str | None) -> None:
    events, users, requests = len(served.events()), len(served.users()), len(served.requests())
    kept = (("records", served.records()), ("tickets", served.tickets()))
    others = "".join(f", {len(those)} {noun if len(those) > 1 else noun[:-1]}" for noun, those in kept if those)
    _say(f"the playground received {events} events of {users} customers{others} in {requests} requests")
    if database:
        _say(f"they are in {database}: look at them with zendesk-events playground --database {shlex.quote(database)}")


def _say(text: str) -> None:
    with suppress(OSError):
        click.echo(text, err=True)


def _refuse(text: str) -> NoReturn:
    raise click.UsageError(text)
