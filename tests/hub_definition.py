"""The loader as Meltano's Hub has it, made of `meltano.yml`, the declared settings and the package's own metadata.

From the checkout's root: `python -m tests.hub_definition` writes it anew.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from target_zendesk_events.settings import SDK_SETTINGS, SETTINGS, Setting

ROOT = Path(__file__).parent.parent
PACKAGE = importlib.metadata.metadata("target-zendesk-events")
REPOSITORY = dict(one.split(", ") for one in PACKAGE.get_all("Project-URL", ()))["Source"]
VARIANT = urlsplit(REPOSITORY).path.split("/")[1]
"""The Hub tells variants of a plugin apart by the owners of their repositories."""
LOGO = "/assets/logos/loaders/target-zendesk-events.svg"
FILE = ROOT / "hub" / "_data" / "meltano" / "loaders" / "target-zendesk-events" / f"{VARIANT}.yml"
EXTRAS = "playground,postgres"
PYTHON = "Programming Language :: Python :: "
TEXTS = {
    "definition": "puts the records of any Singer tap into Zendesk: onto customers' timelines, as events of Zendesk's"
    " Events API; into customers' profiles; into custom objects; and into tickets.",
    "settings_preamble": """\
Give one way to authenticate, exactly: OAuth client credentials (`client_id` and `client_secret`) are the one that
Zendesk recommends. What becomes of records stands in `rules_file`, a file of YAML beside `meltano.yml`: Meltano expands
`$NAME` in its own file. Without rules nothing is sent, and rules to start from are printed.
""",
    "next_steps": """\
1. Look at it without an account: `meltano invoke target-zendesk-events:demo` sends sample streams to a Zendesk on your
   own machine.
1. Write rules for the streams of your tap, to read and correct:
   `meltano invoke TAP --discover | meltano invoke target-zendesk-events:init`
1. Look at what a run would send, before anything is sent:
   `meltano invoke TAP | meltano invoke target-zendesk-events:preview`
1. Check the account: `meltano invoke target-zendesk-events:check`
1. Run it against a Zendesk on your own machine, whatever the configuration says:
   `meltano invoke target-zendesk-events:playground -- meltano run TAP target-zendesk-events`
""",
    "usage": f"""\
## Testing

`meltano test target-zendesk-events` runs the tests that stand beside the rules, without network or credentials.
`meltano config test target-zendesk-events` checks the credentials, and sends nothing.

## Troubleshooting

Every sentence that ends a run, a stream or a record has a code at its end, as in `[ZE107]`:
[what each means, and what to do]({REPOSITORY}/blob/main/docs/errors.md).
""",
}
"""What the Hub's page says beside what is generated there, in Markdown."""


def described() -> dict[str, Any]:
    """Return the loader as `meltano.yml` has it."""
    loaders = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]["loaders"]
    return next(loader for loader in loaders if loader["name"] == PACKAGE["Name"])


def as_meltano_has_it(setting: Setting) -> dict[str, Any]:
    """Return a setting's definition; where it says of its default, no constant is meant."""
    defined: dict[str, Any] = {"name": setting.name, "label": setting.title, "description": setting.description}
    if setting.otherwise:
        defined["description"] += f" Default: {setting.otherwise}."
    if setting.choices:
        defined["kind"] = "options"
        defined["options"] = [{"label": _label(one), "value": one} for one in setting.choices]
    elif setting.kind != "string":
        defined["kind"] = setting.kind
    if setting.secret:
        defined["sensitive"] = True
    return defined


def _label(choice: str) -> str:
    return choice.replace("_", " ").capitalize()


def as_the_hub_has_it(setting: Setting) -> dict[str, Any]:
    """Return a setting's definition with its kind, and with its default where that is a constant.

    Meltano hands a default over as if it were set: so none where absence means something of its own.
    """
    defined = {"kind": "string", **as_meltano_has_it(setting)}
    return defined if setting.default is None else {**defined, "value": setting.default}


def definition() -> dict[str, Any]:
    """Return the whole definition."""
    loader = described()
    kept = ("name", "namespace", "label", "description", "commands", "requires_meltano", "settings_group_validation")
    return {
        **{key: loader[key] for key in kept},
        **TEXTS,
        "capabilities": sorted([*loader["capabilities"], "validate-records"]),
        "docs": f"{REPOSITORY}/tree/main/docs",
        "domain_url": "https://developer.zendesk.com/api-reference/ticketing/users/events-api/events-api/",
        "executable": PACKAGE["Name"],
        "keywords": ["meltano_sdk", "zendesk", "events", "custom objects", "tickets", "reverse etl"],
        "logo_url": LOGO,
        "maintenance_status": "beta",
        "pip_url": f"{PACKAGE['Name']}[{EXTRAS}]",
        "quality": "unknown",
        "repo": REPOSITORY,
        "settings": [as_the_hub_has_it(one) for one in (*SETTINGS, *SDK_SETTINGS)],
        "supported_python_versions": [
            one.removeprefix(PYTHON) for one in PACKAGE.get_all("Classifier", ()) if one.startswith(f"{PYTHON}3.")
        ],
        "variant": VARIANT,
    }


class _Folded(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and keys in the order of the alphabet, as the Hub's files have them."""


def _written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Folded.add_representer(str, _written)


def written() -> str:
    """Return the definition as the file has it."""
    return yaml.dump(definition(), Dumper=_Folded, sort_keys=True, allow_unicode=True, width=100)


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
