"""What the table of settings is to others: a JSON schema for Singer, names of variables for the environment."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from target_zendesk_events.settings.declared import DECLARED, MEANINGLESS, SETTINGS, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "TARGET_ZENDESK_EVENTS_"


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of our own settings, new at each call.

    The SDK's `append_builtin_config` adds its own beside them, and leaves those alone that stand here already
    (`batch_size_rows`): so each stands once. What it adds in vain, `hide_meaningless` takes out again.
    """
    return {"type": "object", "properties": {setting.name: _property(setting) for setting in SETTINGS}}


def hide_meaningless(schema: dict[str, Any]) -> None:
    """Take out of a config schema what the SDK adds to every target and does nothing here."""
    for name in MEANINGLESS:
        schema["properties"].pop(name, None)


def environment_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that the environment gives, as raw text; `read_settings` parses them."""
    variables = {name: _variable(name) for name in (*DECLARED, *MEANINGLESS)}
    return {name: environ[variable] for name, variable in variables.items() if variable in environ}


def misspelt_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that nearly names a setting; Meltano sets others with this prefix too."""
    known = {*DECLARED, *MEANINGLESS}
    ours = [variable for variable in environ if variable.startswith(ENVIRONMENT_PREFIX)]
    rests = [variable.removeprefix(ENVIRONMENT_PREFIX).lower() for variable in ours]
    near = {rest: difflib.get_close_matches(rest, known, n=1, cutoff=0.85) for rest in rests if rest not in known}
    return [
        f"{ENVIRONMENT_PREFIX}{rest.upper()} is no setting and is not read; did you mean {_variable(found[0])}?"
        for rest, found in near.items()
        if found
    ]


def unread_variables(config: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that is set and whose value the configuration does not have.

    A runner that hands the same settings over in a file and in the environment, as Meltano does, is told nothing.
    """
    return [
        f"{_variable(name)} is set and not read: --config ENV, beside the file, reads the environment"
        if config.get(name) is None
        else f"{_variable(name)} is set and not read: the configuration has another value for {name}"
        for name, text in environment_config(environ).items()
        if text and name in DECLARED and not _says_the_same(text, config.get(name))
    ]


def _says_the_same(text: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if value == text:
        return True
    try:
        return bool(json.loads(text) == value)
    except ValueError:
        return isinstance(value, bool) and text.lower() == str(value).lower()


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.upper()


def _property(setting: Setting) -> dict[str, Any]:
    description = setting.description
    if setting.otherwise:
        description += f" Default: {setting.otherwise}."
    schema: dict[str, Any] = {
        "type": [setting.kind, "null"],
        "title": setting.title,
        "description": description,
    }
    optional = {
        "default": setting.default,
        "enum": list(setting.choices) or None,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "items": {"type": setting.items} if setting.items else None,
    }
    schema |= {key: value for key, value in optional.items() if value is not None}
    if setting.secret:
        schema |= {"secret": True, "writeOnly": True}
    return schema
