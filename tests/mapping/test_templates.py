"""Templates: types are kept, null is safe, dot and index read the record, and the sandbox holds."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_zendesk_events.mapping.syntax import BadTemplateError
from target_zendesk_events.mapping.templates import Constant, Scope, Templates, Text, templates_in
from target_zendesk_events.mapping.values import BadValueError, json_value, text_of

TEMPLATES = Templates(dt.timezone.utc)
RECORD: dict[str, Any] = {
    "id": 5,
    "code": "0987654321",
    "nothing": None,
    "yes": True,
    "whole": 12345.0,
    "price": 9.5,
    "exact": Decimal("1.50"),
    "day": dt.date(2024, 5, 6),
    "order": {"items": [1, {"sku": "a-1"}], "keys": "k", "context_ip": "x", "context_os": "y"},
    "tags": ["a", None, "b"],
    "words": ["a", "b"],
    "text": '{"n": 1}',
    "first-name": "given",
    "range": "a field",
    "dict": "a field",
    "self": "a field",
    "loop": "a field",
    "result": "a field",
    "record": "hidden",
    "stream": "hidden",
}


def value_of(source: Any, *, lenient: bool = False, record: dict[str, Any] | None = None) -> Any:
    """Return what a template makes of a record."""
    given_record = RECORD if record is None else record
    built_in = {"record": given_record, "stream": "orders"}
    return TEMPLATES.compile(source, lenient=lenient).of(Scope(given_record, built_in))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ id }}", 5),
        ("{{id}}", 5),
        ("{{ id }} ", 5),
        ("  {{ id }}\n", 5),
        ("{# why #}{{ id }}", 5),
        ("{{ yes }}", True),
        ("{{ nothing }}", None),
        ("{{ order.items }}", [1, {"sku": "a-1"}]),
        ("{{ order }}", RECORD["order"]),
        ("{{ code }}", "0987654321"),
        ("{{ '0987654321' }}", "0987654321"),
        ("{{ [id, nothing] }}", [5, None]),
        ("{{ {'a': id} }}", {"a": 5}),
        ("{{ words | map('upper') }}", ["A", "B"]),
        ('{{ "}}" }}', "}}"),
        ("{{ '{{' ~ id ~ '}}' }}", "{{5}}"),
        ("{{ id + 1 }}", 6),
        ("{{ 'big' if id > 3 }}", "big"),
        ("{{ 'big' if id > 9 }}", None),
    ],
)
def test_one_expression_keeps_its_type(source: str, value: Any) -> None:
    """A value that is one expression yields a number, an object, a list or null as such."""
    assert TEMPLATES.compile(source).is_expression
    assert value_of(source) == value
    assert type(value_of(source)) is type(value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ id }}{{ id }}", "55"),
        ("{{ id }}!", "5!"),
        ("n{{ id }}", "n5"),
        ("{{ id }} {{ id }} ", "5 5 "),
        ("{% if id > 3 %}big{% else %}small{% endif %}", "big"),
        ("{% for one in words %}{{ loop.index }}{{ one }}{% endfor %}", "1a2b"),
        ("{% set twice = id * 2 %}{{ twice }}", "10"),
        ("{% macro b(x) %}<{{ x }}>{% endmacro %}{{ b(id) }}{{ b(1) }}", "<5><1>"),
        ("{% set s = namespace(n=0) %}{% for i in range(4) %}{% set s.n = s.n + i %}{% endfor %}{{ s.n }}", "6"),
        ("{% raw %}{{ id }}{% endraw %}", "{{ id }}"),
        ("{{ yes }}!", "true!"),
        ("{{ not yes }}!", "false!"),
        ("{{ order.items }}!", '[1, {"sku": "a-1"}]!'),
        ("{{ tags }}!", '["a", null, "b"]!'),
        ("{{ whole }}!", "12345!"),
        ("{{ price }}!", "9.5!"),
        ("{{ exact }}!", "1.50!"),
        ("{{ day }}!", "2024-05-06!"),
        ("{{ yes ~ id }}", "true5"),
    ],
)
def test_text_around_an_expression_makes_a_string(source: str, text: str) -> None:
    """Text, statements or a second expression make a string: booleans as `true`, objects as JSON."""
    assert value_of(source) == text


@pytest.mark.parametrize("source", ["orders", "", "{id}", "100 %}", "}}", "a # b", 5, 5.5, True, None])
def test_what_has_no_braces_is_a_constant(source: Any) -> None:
    """A string without braces, and what is no string, stands for itself."""
    assert isinstance(TEMPLATES.compile(source), Constant)
    assert value_of(source) is source


@given(st.text().filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))))
def test_a_constant_is_never_changed(text: str) -> None:
    """Whatever a constant is, not even its line ends change."""
    assert value_of(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_field_passes_through_an_expression_untouched(value: Any) -> None:
    """No value of a record is ever taken for a literal, a template or another type."""
    record = {"field": value}
    assert value_of("{{ field }}", record=record) is value
    assert value_of("{{ record.field }}", record=record) is value
    assert value_of("{{ record['field'] }}", record=record) is value


@given(st.text())
def test_text_of_a_record_is_never_a_template(text: str) -> None:
    """Braces inside a record are text."""
    assert value_of("<{{ field }}>", record={"field": text}) == f"<{text}>"


@pytest.mark.parametrize(
    ("source", "strict", "lenient"),
    [
        ("user-{{ nothing }}", None, "user-"),
        ("{{ id }}{{ absent }}", None, "5"),
        ("{{ 'user-' ~ nothing }}", None, "user-"),
        ("{{ tags | join('-') }}", None, "a--b"),
        ("{{ [order, {'keys': none}] | join('-', attribute='keys') }}", None, "k-"),
        ("{{ 'user-%s' % nothing }}", None, "user-"),
        ("{{ 'user-%s' | format(nothing) }}", None, "user-"),
        ("{{ '%(a)s-' | format(a=nothing) }}", None, "-"),
        ("{% for one in tags %}{{ one }}{% endfor %}", None, "ab"),
        ("{% set all %}{{ nothing }}{% endset %}<{{ all }}>", None, "<>"),
        ("{% macro m(x) %}{{ x }}{% endmacro %}<{{ m(nothing) }}>", None, "<>"),
        ("{% if nothing %}{{ nothing }}{% endif %}x", "x", "x"),
        ("{{ nothing | default('none') }}-x", "none-x", "none-x"),
        ("{{ ('a' ~ nothing) | default('z') }}", "z", "a"),
    ],
)
def test_null_inside_text(source: str, strict: str | None, lenient: str) -> None:
    """Null makes a text null, however it is put together; in lenient places it is written as nothing."""
    assert value_of(source) == strict
    assert value_of(source, lenient=True) == lenient


@pytest.mark.parametrize(
    "source",
    [
        "{{ nothing }}",
        "{{ absent }}",
        "{{ absent.deeper['still'][0] }}",
        "{{ nothing.x }}",
        "{{ order.absent }}",
        "{{ order.items[9] }}",
        "{{ order.items.name }}",
        "{{ id.real }}",
        "{{ code.upper }}",
        "{{ code['upper'] }}",
        "{{ code | attr('upper') }}",
        "{{ order.get }}",
        "{{ order.update }}",
        "{{ words | map(attribute='upper') | first }}",
        "{{ code.__class__ }}",
        "{{ order.__class__.__mro__ }}",
        "{{ nothing[:3] }}",
        "{{ absent_function }}",
        "{{ namespace }}",
        "{{ [] | first }}",
        *(f"{{{{ nothing | {name} }}}}" for name in ("upper", "lower", "trim", "title", "string", "int", "float")),
        "{{ nothing | replace('a', 'b') }}",
        "{{ nothing | truncate(3) }}",
        "{{ nothing | join(',') }}",
        "{{ nothing | fromjson }}",
        "{{ nothing | datetime }}",
        "{{ nothing | without('a') }}",
    ],
)
def test_absent_and_below_null_is_null(source: str) -> None:
    """An absent field, what is below null, and what would be a Python method: null, and it stays null in filters."""
    assert value_of(source) is None


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ order.items[0] }}", 1),
        ("{{ order['items'][1].sku }}", "a-1"),
        ("{{ order.items.1['sku'] }}", "a-1"),
        ("{{ order.items[-1].sku }}", "a-1"),
        ("{{ order.keys }}", "k"),
        ("{{ code[:3] }}", "098"),
        ("{{ words[1:] }}", ["b"]),
        ("{{ record['first-name'] }}", "given"),
        ("{{ record.id }}", 5),
        ("{{ record.record }}", "hidden"),
        ("{{ stream }}", "orders"),
        ("{{ range }}", "a field"),
        ("{{ dict }}", "a field"),
        ("{{ self }}", "a field"),
        ("{{ loop }}", "a field"),
        ("{{ result }}", "a field"),
        ("{{ range(3) | list }}", [0, 1, 2]),
    ],
)
def test_names_read_the_record(source: str, value: Any) -> None:
    """A name is the record's field, also one that Jinja knows; only `record` and `stream` win over fields."""
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ text | fromjson }}", {"n": 1}),
        ("{{ order | fromjson }}", RECORD["order"]),
        ("{{ order | without('context_*', 'items') }}", {"keys": "k"}),
        ("{{ (record | without('*')) }}", {}),
        ("{{ order | tojson }}", json.dumps(RECORD["order"])),
        ("{{ '<' | tojson }}", '"<"'),
        ("{{ nothing | default(3) }}", 3),
        ("{{ absent | d }}", ""),
        ("{{ 0 | default(3) }}", 0),
        ("{{ 0 | default(3, true) }}", 3),
        ("{{ nothing | int(7) }}", 7),
        ("{{ nothing | float(default=1.5) }}", 1.5),
        ("{{ yes | string }}", "true"),
        ("{{ order.items | string }}", '[1, {"sku": "a-1"}]'),
        ("{{ nothing is defined }}", False),
        ("{{ absent is undefined }}", True),
        ("{{ id is defined }}", True),
        ("{{ 'u-%03d-%s' % (id, yes) }}", "u-005-true"),
        ("{{ '<' | e ~ '<' }}", "&lt;<"),
    ],
)
def test_filters(source: str, value: Any) -> None:
    """Filters beside Jinja's own; `default` replaces null, and only null stays null in the others."""
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "moment"),
    [
        ("{{ '2024-05-06 07:08' | datetime }}", "2024-05-06T07:08:00+00:00"),
        ("{{ '06.05.2024 07:08' | datetime('%d.%m.%Y %H:%M') }}", "2024-05-06T07:08:00+00:00"),
        ("{{ '06.05.2024' | datetime('%d.%m.%Y', 'Europe/Berlin') }}", "2024-05-05T22:00:00+00:00"),
        ("{{ '2024-05-06' | datetime(timezone='Europe/Berlin') }}", "2024-05-05T22:00:00+00:00"),
        ("{{ '2024-05-06 +0100' | datetime('%Y-%m-%d %z', 'Europe/Berlin') }}", "2024-05-05T23:00:00+00:00"),
        ("{{ 1714979280 | datetime }}", "2024-05-06T07:08:00+00:00"),
        ("{{ 20240506 | datetime('%Y%m%d') }}", "2024-05-06T00:00:00+00:00"),
    ],
)
def test_the_datetime_filter_understands_a_text(source: str, moment: str) -> None:
    """`datetime` reads by strptime codes or ISO-8601; its zone is for texts without an offset."""
    assert value_of(source).isoformat() == moment


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("renews on {{ '2026-11-01T23:30:00' | strftime('%-d %B %Y') }}", "renews on 1 November 2026"),
        ("{{ '2026-11-01T23:30:00Z' | strftime('%d.%m.%Y %H:%M') }}", "02.11.2026 00:30"),
        ("{{ '2026-11-01T23:30:00Z' | strftime('%H:%M %Z', 'UTC') }}", "23:30 UTC"),
        ("{{ '2026-11-01T23:30:00' | strftime('%H:%M', timezone='UTC') }}", "22:30"),
        ("{{ '2026-11-01' | strftime('%d %H:%M', 'America/New_York') }}", "01 00:00"),
        ("{{ '2026-W44-7' | strftime('%d %H:%M', 'America/New_York') }}", "01 00:00"),
        ("{{ day | strftime('%d %H:%M', 'Pacific/Auckland') }}", "06 00:00"),
        ("{{ 1714979280 | strftime(format='%Y-%m-%d') }}", "2024-05-06"),
        ("{{ '01.11.2026' | datetime('%d.%m.%Y') | strftime('%A') }}", "Sunday"),
        ("{{ nothing | strftime('%Y') }}", None),
    ],
)
def test_a_time_is_written_in_words(source: str, text: str | None) -> None:
    """`strftime` tells a time in the setting's zone or the one it is given; a date is that day everywhere."""
    assert Templates(zoneinfo.ZoneInfo("Europe/Berlin")).compile(source).of(Scope(RECORD)) == text


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("{{ nothing + 1 }}", TypeError),
        ("{{ nothing > 1 }}", TypeError),
        ("{{ id / 0 }}", ZeroDivisionError),
        ("{{ 'a' in nothing }}", TypeError),
        ("{{ range(10 ** 9) | list }}", OverflowError),
        ("{{ 'a' * 10 ** 9 }}", BadValueError),
        ("{{ 10 ** 100000 }}", BadValueError),
        ("{{ '%1000000000d' % id }}", BadValueError),
        ("{{ '%.1000000000f' % id }}", BadValueError),
        ("{{ '%*d' % (1000000000, id) }}", BadValueError),
        ("{{ '%1000000000s' | format(code) }}", BadValueError),
        ("{{ '%(a)1000000000s' | format(a=code) }}", BadValueError),
        ("{{ code | center(1000000000) }}", BadValueError),
        ("{{ code | indent(1000000000) }}", BadValueError),
        ("{{ code | replace('', 'x' * 500000) }}", BadValueError),
        ("{{ words | join('x' * 900000) }}", BadValueError),
        ("{{ words | batch(1000000000, 'x') | list }}", BadValueError),
        ("{{ words | slice(1000000000) | list }}", BadValueError),
        ("{{ order | tojson(indent=1000000000) }}", BadValueError),
        ("{{ code | fromjson | fromjson + 1 }}", Exception),
        ("{{ 'no json' | fromjson }}", BadValueError),
        ("{{ 'nan' | fromjson }}", BadValueError),
        ("{{ id | without('a') }}", BadValueError),
        ("{{ 'x' | datetime }}", BadValueError),
        ("{{ 'x' | strftime('%Y') }}", BadValueError),
        ("{{ day | strftime(nothing) }}", BadValueError),
        ("{% set time = day | datetime %}{{ time.year }}", BadValueError),
        ("{{ 'x' | datetime('%Y') }}", BadValueError),
        ("{{ id | datetime(timezone=code) }}", BadValueError),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", RecursionError),
    ],
)
def test_what_fails_on_a_record_raises(source: str, error: type[Exception]) -> None:
    """Arithmetic with null, endless loops and texts that are not what a filter needs are errors, not values."""
    with pytest.raises(error):
        value_of(source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ id", "does not parse"),
        ("{{ }}", "does not parse"),
        ("{% if id %}", "does not parse"),
        ("{{ status = 'paid' }}", "got '='; write == to compare"),
        ("{{ a == '=' and b = 1 }}", "; write == to compare"),
        ("{{ a === b }}", "; write =="),
        ("{{ a !== b }}", "; write !="),
        ("{{ a <> b }}", "; write !="),
        ("{{ a => b }}", "; write >="),
        ("{{ a =~ 'x' }}", "; write `'part' in text`"),
        ("{{ a && b }}", "; write and"),
        ("{{ a || b }}", "; write or"),
        ("{{ !a }}", "; write not"),
        ("{{ a ? b : c }}", "; write `a if b else c`"),
        ("{{ a AND b }}", "; write and"),
        ("{{ NOT a }}", "; write not"),
        ("{{ a is null }}", "there is no test 'null'; write `is none`"),
        ("{{ id | uper }}", "no filter 'uper'; did you mean 'upper'?"),
        ("{{ id is evn }}", "no test 'evn'; did you mean 'even'?"),
        ("{{ code.upper() }}", "write `| upper`"),
        ("{{ order.items() }}", "write `| items`"),
        ("{{ code.split('-') }}", "use a filter"),
        ("{{ upper(code) }}", "`value | upper`"),
        ("{{ lipsum() }}", "calls a field"),
        ("{{ order['items']() }}", "can be called"),
        ("{% include 'x' %}", "`{% include %}` has no place"),
        ("{% extends 'x' %}", "`{% extends %}` has no place"),
        ("{% import 'x' as x %}", "`{% import %}` has no place"),
        ("{% block x %}{% endblock %}", "`{% block %}` has no place"),
        ("{% autoescape true %}{% endautoescape %}", "`{% autoescape %}` has no place"),
        ("{{ code | datetime('%d', 'Mars/Olympus') }}", "no time zone"),
        ("{{ code | strftime('%d', 'Mars/Olympus') }}", "no time zone"),
        ("{{ code | strftime }}", "`strftime` lacks a format"),
        ("{{ code.strftime('%d') }}", "a Python method, and a dot reads a field: write `| strftime`"),
        ("{{ (code | datetime).year }}", "a time has no fields: write `| strftime('%Y')`"),
        ("{{ (code | datetime('%d'))['month'] }}", "a time has no fields: write `| strftime('%m')`"),
        ("{{ (code | datetime).isoformat() }}", "a time has no fields: write a part of it"),
        ("{{ code | datetime(timezone='Mars/Olympus') }}", "no time zone"),
    ],
)
def test_a_template_that_cannot_work_is_refused(source: str, says: str) -> None:
    """What would fail on every record is told before the first, with what to write instead."""
    with pytest.raises(BadTemplateError) as caught:
        TEMPLATES.compile(source)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "source", ["what? {{ id", "{{ code | replace('=', '?' }}", "{{ code | round(method='ceil' }}", "{{ a b }}"]
)
def test_other_languages_are_not_blamed_for_other_faults(source: str) -> None:
    """In text, in quotes and among arguments, such signs are Jinja's too."""
    with pytest.raises(BadTemplateError) as caught:
        TEMPLATES.compile(source)
    assert "; write" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "fields", "built_ins"),
    [
        ("{{ a }}{{ b.c }}", {"a", "b"}, set()),
        ("{{ record['x-y'] }}", {"x-y"}, {"record"}),
        ("{{ record.x }}", set(), {"record"}),
        ("{{ record[a] }}", {"a"}, {"record"}),
        ("{{ stream }}", set(), {"stream"}),
        ("{% set a = b %}{{ a }}", {"b"}, set()),
        ("{% for a in b %}{{ a }}{{ loop.index }}{% endfor %}", {"b"}, set()),
        ("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(c) }}", {"b", "c"}, set()),
        ("{{ range(a) }}{{ namespace(b=1) }}", {"a"}, set()),
        ("{{ range }}", {"range"}, set()),
        ("{{ self }}", {"self"}, {"record"}),
        ("{{ a | default(b) if c is defined }}", {"a", "b", "c"}, set()),
        ("constant", set(), set()),
    ],
)
def test_the_fields_that_a_template_names(source: str, fields: set[str], built_ins: set[str]) -> None:
    """Bare names and `record['literal']` count; what the template itself sets does not, nor `record.field`."""
    value = TEMPLATES.compile(source)
    assert value.fields == fields
    assert value.built_ins == built_ins


def test_one_template_sets_nothing_for_the_next() -> None:
    """What `{% set %}` sets ends with its template, though a record's templates share their variables."""
    scope = Scope({"id": 1})
    assert TEMPLATES.compile("{% set id = 2 %}{{ id }}!").of(scope) == "2!"
    assert TEMPLATES.compile("{{ id }}").of(scope) == 1


@pytest.mark.parametrize("source", ["id == 5", "{{ id == 5 }}", " {{ id == 5 }} ", "\nid == 5\n"])
def test_an_expression_may_have_braces_around_it(source: str) -> None:
    """`when` takes its expression with and without braces."""
    assert TEMPLATES.compile_expression(source).of(Scope(RECORD)) is True


@pytest.mark.parametrize("source", ["{{ a }}{{ b }}", "{{ a }} or so", "{% if a %}1{% endif %}", "a b", "{{ a"])
def test_one_expression_is_no_more_than_one(source: str) -> None:
    """Text, statements and a second expression are refused where one expression is asked for."""
    with pytest.raises(BadTemplateError):
        TEMPLATES.compile_expression(source)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": None, "b": {"c": None}}, {"b": {}}),
        ([None, 1], [None, 1]),
        (2**53 - 1, 2**53 - 1),
        (-(2**53) + 1, -(2**53) + 1),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        (1e17, "100000000000000000"),
        (9.5, 9.5),
        (Decimal("9.5"), 9.5),
        (Decimal("9.0"), 9),
        (Decimal(9007199254740993), "9007199254740993"),
        (dt.date(2024, 5, 6), "2024-05-06"),
        (dt.datetime(2024, 5, 6, tzinfo=dt.timezone.utc), "2024-05-06T00:00:00+00:00"),
        ((1, 2), [1, 2]),
        (map(str, [1]), ["1"]),
        ({2: "x", None: "y", True: "z"}, {"2": "x", "true": "z", "null": "y"}),
        (True, True),
    ],
)
def test_values_as_json(value: Any, written: Any) -> None:
    """Numbers are JSON numbers, beyond 2^53-1 strings; nulls are left out of objects, and only of objects."""
    assert json_value(value) == written
    assert type(json_value(written)) is type(written)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), {"a": [float("nan")]}, object(), b"x"]
)
def test_what_json_has_no_word_for_is_refused(value: Any) -> None:
    """NaN, the infinities and Python's own things are refused, in bodies as in text."""
    with pytest.raises(BadValueError):
        json_value(value)
    with pytest.raises(BadValueError):
        text_of(value)


@pytest.mark.parametrize("value", ["\ud83d", {"a": ["\ud83d"]}, {"\ud83d": 1}])
def test_half_of_a_character_is_refused(value: Any) -> None:
    """Half of a surrogate pair has no UTF-8, so no body could hold it."""
    with pytest.raises(BadValueError, match="surrogate"):
        json_value(value)


def test_a_text_of_statements_is_text() -> None:
    """A value with statements in it is text, even around a single expression."""
    assert isinstance(TEMPLATES.compile("{% if id %}{{ id }}{% endif %}"), Text)


def test_what_many_rules_say_alike_is_compiled_once() -> None:
    """Most of a start with many rules went by in compiling the same few templates; zone and place tell them apart."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    source = "{{ total | round(2) }} of {{ id }}"
    first = templates_in(berlin).compile(source)
    assert templates_in(berlin).compile(source) is first
    assert templates_in(berlin).compile(source, lenient=True) is not first
    assert templates_in(dt.timezone.utc).compile(source) is not first
