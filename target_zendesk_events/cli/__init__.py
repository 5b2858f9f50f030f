"""`zendesk-events`: verbs for people."""

from __future__ import annotations

from importlib import import_module

import click

VERBS = {
    "check": "Check the account: who the credentials are, and what they may do.",
    "demo": "Send sample streams to a local Zendesk, and show what it then holds.",
    "forget": "Delete a customer's profile and events, and let no record bring the person back.",
    "init": "Write a rules file from a tap's catalog or its messages.",
    "ledger": "Ask what was sent: counts, single records; forget on purpose.",
    "login": "Log in by the browser, for a client without a secret.",
    "logout": "Take the login back, in Zendesk and here.",
    "objects": "Show the custom objects that rules name, and make what the account lacks.",
    "playground": "Serve a local Zendesk to try things on, or run a command against it.",
    "preview": "Show what a run would send, before anything is sent.",
    "replay": "Send again what was set aside, and clear away what is settled.",
    "status": "Show what an operator alarms on: ages of streams, the last run, what waits.",
    "test": "Run the tests that stand beside the rules.",
    "timeline": "Show a customer's profile and events as Zendesk has them.",
}


class Verbs(click.Group):
    """A group whose verbs are imported when they are used: module `name` of this package holds command `name`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every verb, in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.command(
    cls=Verbs, subcommand_metavar="VERB [OPTIONS]...", context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="target-zendesk-events", prog_name="zendesk-events")
def main() -> None:
    """Tools around target-zendesk-events, which puts the records of any Singer tap into Zendesk."""
