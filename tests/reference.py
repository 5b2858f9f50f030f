"""Writes the reference pages, and the recipes into theirs: `python -m tests.reference`.

What it writes comes from the code: the declared settings, the plans, each verb's `--help`, the sentences that end in
a code, the schema of rules and that of `last-run.json`, what each room says of itself. `tests/test_reference.py` holds
the pages to it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from target_zendesk_events.cli import VERBS
from target_zendesk_events.cli import main as verbs
from target_zendesk_events.settings import MEANINGLESS, SDK_SETTINGS, SETTINGS, Setting
from target_zendesk_events.settings.plans import PLANS
from target_zendesk_events.target import TargetZendeskEvents

sys.path.insert(0, str(Path(__file__).parent))
import coded
import house
import schema_pages

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "target_zendesk_events"
PAGES = ROOT / "docs" / "reference"
COOKBOOK = ROOT / "docs" / "cookbook"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
BACKFILL = ROOT / "docs" / "backfill.md"
LIMITS = ROOT / "docs" / "limits.md"
WRITTEN = "*Written by `python -m tests.reference`.*"
WIDTH = 96


def written() -> dict[Path, str]:
    """Return every page that is written, with its text."""
    pages = {
        "settings": settings_page(),
        "verbs": verbs_page(),
        "messages": messages_page(),
        "rules": schema_pages.rules_page(WRITTEN),
        "report": schema_pages.report_page(WRITTEN),
    }
    found = {PAGES / f"{name}.md": text for name, text in pages.items()}
    found[ARCHITECTURE] = _between(ARCHITECTURE, "rooms", rooms_table())
    found[LIMITS] = _between(LIMITS, "plans", plans_table())
    found[BACKFILL] = _between(BACKFILL, "times", times_table())
    for path in sorted(COOKBOOK.glob("*.yml")):
        found[path.with_suffix(".md")] = _between(
            path.with_suffix(".md"), path.name, f"\n```yaml\n{path.read_text(encoding='utf-8')}```\n\n"
        )
    return found


def _between(page: Path, what: str, text: str) -> str:
    """Return a page that others wrote, with the text in the place for it."""
    starts, ends = f"<!-- {what}: written by `python -m tests.reference` -->\n", "<!-- end -->"
    before, found, after = page.read_text(encoding="utf-8").partition(starts)
    if not found:
        message = f"{page} has no place for {what}"
        raise LookupError(message)
    return f"{before}{starts}{text}{ends}{after.partition(ends)[2]}"


# -- limits ------------------------------------------------------------------------------------------------------

NAMES = ("Suite Team", "Growth", "Professional", "Enterprise", "Enterprise Plus")
"""Zendesk's words for the plans, in the order of PLANS."""
COUNTS = (10_000, 100_000, 1_000_000)


def plans_table() -> str:
    """Return what each plan lets in, and what follows of it."""
    plans = list(PLANS.values())
    rows = {
        "": NAMES,
        "---": ["---"] * len(plans),
        "setting `plan`": [f"`{name}`" for name in PLANS],
        "events and profiles a minute": [f"{one.requests_per_minute:,}" for one in plans],
        "Support's requests a minute": [f"{one.support_requests_per_minute:,}" for one in plans],
        "events a month": [f"{one.events_per_month:,}" for one in plans],
        "events are kept, in days": [f"{one.retention_days:,}" for one in plans],
        "the month's quota at the full rate": [_long(one.events_per_month / one.requests_per_minute) for one in plans],
        "the daily brake by default": [f"{one.events_per_month // 10:,}" for one in plans],
    }
    return "\n" + "".join(f"| {' | '.join([name, *cells])} |\n" for name, cells in rows.items()) + "\n"


def times_table() -> str:
    """Return how long so many events take on each plan by default, or of how many months' quotas they are more."""
    rows = {"Events": NAMES, "---": ["---"] * len(NAMES)}
    for count in COUNTS:
        cells = []
        for one in PLANS.values():
            months = count / one.events_per_month
            cells.append(
                f"{months:.1f} months of quota" if months > 1 else _long(count / (0.9 * one.requests_per_minute))
            )
        rows[f"{count:,}"] = cells
    return "\n" + "".join(f"| {' | '.join([name, *cells])} |\n" for name, cells in rows.items()) + "\n"


def _long(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest or not hours else [])])


def rooms_table() -> str:
    """Return the table of rooms: the docstring of each, by floors."""
    rooms = [room for floor in (*house.floors(), [house.BESIDE]) for room in floor]
    rows = "".join(f"| `{room}` | {house.sentence(room)} |\n" for room in rooms)
    return f"\n| Room | What it is for |\n| --- | --- |\n{rows}\n"


# -- settings ----------------------------------------------------------------------------------------------------


def settings_table() -> str:
    """Return the table of settings."""
    rows = [f"| `{one.name}` | {one.default_text} | {_description(one)} |" for one in (*SETTINGS, *SDK_SETTINGS)]
    return "\n".join(["", "| Setting | Default | Meaning |", "| --- | --- | --- |", *rows, "", ""])


def _description(setting: Setting) -> str:
    secret = " Secret." if setting.secret else ""
    choices = "" if not setting.choices else f" One of {', '.join(f'`{one}`' for one in setting.choices)}."
    return f"{setting.description}{choices}{secret}".replace("|", "\\|")


def settings_page() -> str:
    """Return the page of settings."""
    return f"""# Settings

Every setting, in the JSON of `--config`, in `meltano.yml`, or in the environment with `--config ENV`.
{WRITTEN}

In the environment a setting's name is in capitals behind `TARGET_ZENDESK_EVENTS_`: `client_secret` is
`TARGET_ZENDESK_EVENTS_CLIENT_SECRET`. Lists and objects are JSON there, an empty variable counts as unset. Relative
paths start at `MELTANO_PROJECT_ROOT` where that is set, else at the working directory. An unknown setting, a wrong type
or a contradiction is told before anything is sent.
{settings_table()}
The Singer SDK's settings {_listed(MEANINGLESS)} mean nothing here: they are accepted, with one line in the log.
"""


def _listed(names: Any) -> str:
    *most, last = (f"`{name}`" for name in sorted(names))
    return f"{', '.join(most)} and {last}"


# -- verbs -------------------------------------------------------------------------------------------------------


def verbs_page() -> str:
    """Return the page of verbs: what each says of itself."""
    parts = [_help("target-zendesk-events", TargetZendeskEvents.cli, ()), _help("zendesk-events", verbs, ())]
    for verb in VERBS:
        command = getattr(import_module(f"target_zendesk_events.cli.{verb}"), verb)
        parts.append(_help(f"zendesk-events {verb}", verbs, (verb,)))
        if isinstance(command, click.Group):
            parts.extend(
                _help(f"zendesk-events {verb} {name}", verbs, (verb, name)) for name in sorted(command.commands)
            )
    return f"""# Verbs

What `target-zendesk-events` and each verb of `zendesk-events` say of themselves.
{WRITTEN}

`--config` takes a JSON file, or `ENV` for the environment, and may be given more than once: later files win.

{chr(10).join(parts)}"""


def _help(title: str, command: click.Command, arguments: tuple[str, ...]) -> str:
    name = title.partition(" ")[0]
    said = CliRunner().invoke(
        command, [*arguments, "--help"], prog_name=name, terminal_width=WIDTH, max_content_width=WIDTH
    )
    return f"## {title}\n\n```text\n{said.output.rstrip()}\n```\n"


def messages_page() -> str:
    """Return the page of codes, each with its sentences."""
    rows = [f"| [{code}](../errors.md#{code}) | {'<br>'.join(said)} |" for code, said in sorted(coded.coded().items())]
    table = "\n".join(rows)
    return f"""# Messages

Every code with the sentences that bear it, as they stand in the code; `…` stands for what varies.
{WRITTEN}

A code is for ever: it stands at the end of the sentence, in `codes` of `last-run.json`, and in a dead letter. It leads
to what to do, in [Errors](../errors.md). Of a sentence that is put together of
parts, the part that has the code is here.

| Code | Says |
| --- | --- |
{table}
"""


def main() -> None:
    """Write all of it."""
    PAGES.mkdir(exist_ok=True)
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
