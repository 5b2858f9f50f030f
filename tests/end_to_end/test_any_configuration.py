"""Configurations that are wrong in every way: a sentence with a code for each fault, or a run that ends well.

How many: see `test_any_stream.py`. A dry run, so that nothing is sent whatever the settings say.
"""

from __future__ import annotations

import copy
import random
import re
from typing import Any

import pytest
from bending import ODD, bent, odd, places
from bent_runs import FEW, PARTS, check_words, folder, listening, run, try_many
from every_kind import EVERY_RULE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_zendesk_events.errors import TargetError

SECRET = "qzs9"
"""Begins every secret."""
TAP = bent([])
SETTINGS: dict[str, Any] = {
    "api_url": "http://127.0.0.1:1",
    "client_id": "me",
    "client_secret": f"{SECRET}-secret",
    "source": "shop",
    "timezone": "Europe/Berlin",
    "since": "2020-01-01",
    "plan": "growth",
    "requests_per_minute": 100,
    "support_requests_per_minute": 50,
    "monthly_event_quota": 1_000,
    "max_events_per_day": 100,
    "max_deletions_per_day": 10,
    "unknown_customers": "create",
    "max_in_flight": 4,
    "request_timeout_seconds": 5,
    "max_outage_seconds": 5,
    "state_per_stream": False,
    "on_unknown_outcome": "verify",
    "ledger_retention_days": 400,
    "max_set_aside_percent": 100,
    "fail_on_set_aside": False,
    "batch_size_rows": 10,
    "blocked_identifier_values": ["nobody"],
    "rules": EVERY_RULE,
}
OTHER_SETTINGS: dict[str, Any] = {
    "subdomain": "acme",
    "access_token": f"{SECRET}-token",
    "refresh_token": f"{SECRET}-refresh",
    "email": "agent@example.com",
    "api_token": f"{SECRET}-api",
    "password": f"{SECRET}-password",
    "oauth_scope": "read write",
    "rules_file": "rules.yml",
    "stream_maps": {"orders": {"note": "note.lower()", "added": "amount * 2"}},
    "stream_map_config": {"hash_seed": "x"},
    "flattening_enabled": True,
    "flattening_max_depth": 2,
    "validate_records": False,
    "load_method": "upsert",
    "batch_config": {"encoding": {"format": "jsonl"}},
    "no_such_setting": 1,
}
RULE_KEYS = [
    "stream", "name", "when", "dedupe", "dedupe_key", "profile", "event", "object", "ticket", "delete",
    "tests", "type",
    "created_at", "properties", "identifiers", "attributes", "method", "fields", "external_id", "key",
    "comment", "id", "user",
]  # fmt: skip
TEMPLATES = [
    "{{", "}}", "{{ }}", "{{ mark", "{% if %}", "{% for x in y %}", "{# x", "{{ mark }} {{", "{{ not }}",
    "{{ mark if }}",
    "{{ mark.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ mark | attr('__class__') }}", "{{ self }}",
    "{{ loop }}",
    "{{ range(1000000000) }}", "{{ range(999) | list }}", "{{ 'x' * 10 ** 9 }}", "{{ 9 ** 9 ** 9 }}",
    "{{ [0] * 10 ** 9 }}",
    "{{ 2.0 ** 99999 }}", "{{ (0 - 8) ** 0.5 }}", "{{ 1 / 0 }}", "{{ number % 0 }}", "{{ number // 0 }}",
    "{{ 1e999 }}", "{{ -mark }}",
    "{% set x = 1 %}{{ x }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% include 'x' %}",
    "{% import 'x' as x %}",
    "{% extends 'x' %}", "{% block x %}{% endblock %}", "{{ mark | nonsense }}", "{{ mark is nonsense }}",
    "{{ nonsense() }}",
    "{{ mark | fromjson }}", "{{ record }}", "{{ stream }}", "{{ record | tojson | fromjson }}", "{{ deep.a.b.c }}",
    "{{ deep['a'][0] }}", "{{ deep.b | map('upper') | list }}", "{{ deep.b | sum }}", "{{ deep | dictsort }}",
    "{{ deep.b | sort }}",
    "{{ '%1000000000d' % number }}", "{{ '%s %s' % number }}", "{{ '%(a)s' % deep }}",
    "{{ '%*d' % (1000000000, number) }}",
    "{{ '%s' | format(mark) }}", "{{ '%1000000000s' | format(mark) }}", "{{ '{:>1000000000}'.format(1) }}",
    "{{ mark.format() }}",
    "{{ mark | center(1000000000) }}", "{{ mark | indent(1000000000) }}", "{{ mark | truncate(-1) }}",
    "{{ mark | wordwrap(0) }}",
    "{{ mark | replace('', 'x' * 1000) }}", "{{ mark | round }}", "{{ amount | round(400) }}",
    "{{ amount | round(-400) }}",
    "{{ amount | int(base=99) }}", "{{ mark | int }}", "{{ at | strftime('%Q%') }}", "{{ at | strftime(1) }}",
    "{{ mark | strftime('%Y') }}",
    "{{ mark | default }}", "{{ none | upper }}", "{{ none + 1 }}", "{{ [none] | join }}",
    "{{ mark | list | join(none) }}",
    "{{ mark | batch(0) | list }}", "{{ mark | slice(0) | list }}", "{{ deep | xmlattr }}",
    "{{ mark | urlize }}", "{{ mark | random }}",
    "{{ dict(a=1) }}", "{{ lipsum(1000) }}", "{{ cycler('a') }}", "{{ namespace() }}", "{{ [] | first }}",
    "{{ [] | max }}",
    "{{ {} | tojson(indent=1000000) }}", "{{ mark | tojson | tojson }}", "{{ mark ~ none ~ number }}",
    "{{ mark < number }}",
    "{{ mark in number }}", "{{ deep > none }}", "{{ true and }}", "{{ {'a': 1}.b.c }}", "{{ {mark: 1} }}",
    "{{ {deep: 1} }}",
    "{{ mark[99999999999999999999] }}", "{{ mark[1:2:0] }}", "{{ deep.b[::-1] }}", "{{ x.y.z | e }}",
    "{{ '\\ud83d' }}", "{{ '\\x00' }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "{{ " + "1 + " * 3_000 + "1 }}",
    "{{ " + "[" * 300 + "]" * 300 + " }}",
    "{{ mark }}" * 500, "{% if mark %}" * 200 + "{% endif %}" * 200, "{{ mark" + " | upper" * 1_000 + " }}",
    "mark ==", "mark =! 3",
]  # fmt: skip


def bend(settings: dict[str, Any], way: int, chance: random.Random) -> None:
    """Break one thing of a configuration."""
    rules = settings.get("rules")
    found = list(places(rules)) if isinstance(rules, list) else []
    if way == 0:
        settings[chance.choice([*SETTINGS, *OTHER_SETTINGS])] = odd([*ODD, *TEMPLATES], chance)
    elif way == 1:
        name = chance.choice(list(OTHER_SETTINGS))
        settings[name] = copy.deepcopy(OTHER_SETTINGS[name])
    elif way == 2:
        settings.pop(chance.choice(list(SETTINGS)), None)
    elif not found:
        return
    elif way == 3:
        holder, key = chance.choice(found)
        holder[key] = odd(ODD, chance)
    elif way == 4:
        texts = [(holder, key) for holder, key in found if isinstance(holder[key], str)]
        for holder, key in texts[:1] if chance.random() < 0.2 else chance.sample(texts, min(1, len(texts))):
            holder[key] = chance.choice(TEMPLATES)
    elif way == 5:
        holder, key = chance.choice(found)
        del holder[key]
    else:
        holder, key = chance.choice([(holder, key) for holder, key in found if isinstance(holder, dict)] or found)
        if isinstance(holder, dict):
            holder[chance.choice(RULE_KEYS)] = copy.deepcopy(chance.choice(found)[0])


def bent_settings(mutations: list[tuple[int, int]]) -> dict[str, Any]:
    """Return the settings, broken so."""
    broken = copy.deepcopy(SETTINGS)
    for place, (way, seed) in enumerate(mutations):
        bend(broken, way, random.Random(f"{place} {seed}"))  # noqa: S311 - chance, no secret; one may be drawn twice
    return broken


MUTATIONS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2**32)), min_size=1, max_size=4)


@settings(max_examples=FEW)
@given(mutations=MUTATIONS)
@example(mutations=[])
def test_any_configuration_is_read(mutations: list[tuple[int, int]]) -> None:
    """It is refused in sentences with a code each, or the run ends well; no secret, no customer is named."""
    read(bent_settings(mutations))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_any_of_many_configurations_is_read(part: int) -> None:
    """The same, with more patience."""
    try_many(lambda mutations: read(bent_settings(mutations)), 0.4, part, mutations=MUTATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_an_odd_template_is_refused_or_renders(template: str) -> None:
    """In each place of a rule of each kind, in no time."""
    event = {
        "type": "odd",
        "description": template,
        "properties": {"odd": template, "deep": [{"odd": f"a {template}"}]},
    }
    identifiers = {"shop_customer_id": template, "email": "{{ email }}"}
    rules = [
        {"name": "a", "stream": "*", "profile": {"identifiers": identifiers}, "event": event},
        {"name": "b", "stream": "*", "object": {"key": "thing", "external_id": template, "fields": {"odd": template}}},
        {
            "name": "c",
            "stream": "*",
            "ticket": {"subject": template, "comment": {"body": template}, "tags": [template]},
        },
        {"name": "d", "stream": "*", "delete": {"ticket": template}},
    ]
    read({**SETTINGS, "rules": rules, "since": None})
    when = template.removeprefix("{{").removesuffix("}}")
    read({**SETTINGS, "rules": [{**rules[0], "when": when, "dedupe_key": template}], "since": None})


_NAMES = re.compile(r'"(source|type)": "(?:[^"\\]|\\.)*"')
"""What a dry run shows as it is: a rule that writes a row's values there makes names of them."""


def read(broken: dict[str, Any]) -> None:
    """Run with these settings, as far as it goes."""
    with folder() as path, listening() as said:
        batches = path / "batches"
        batches.mkdir()
        config = {**broken, "dry_run": True, "data_dir": str(path / "data"), "ledger_url": "none"}
        config.setdefault("batch_config", {"storage": {"root": str(batches)}})
        (path / "rules.yml").write_text("- {stream: '*', event: [1, }")
        told = ""
        sentences: tuple[str, ...] = ("[ZE000]",)  # those of a run that was refused at its start
        try:
            ended = run(config, TAP.written(batches))
        except TargetError as fault:
            told, sentences = str(fault), fault.sentences
        else:
            assert ended.exit_code in {0, 1, 2, 3}
            assert ended.states == []
        assert sentences
        assert [one for one in sentences if not re.search(r"\[ZE\d{3}\]", one)] == []
        assert {one.name for one in path.iterdir()} == {"batches", "rules.yml"}
    said = [_NAMES.sub("", one) for one in said]
    check_words(said, TAP.whole, told)
    assert SECRET not in "\n".join([*said, told])
