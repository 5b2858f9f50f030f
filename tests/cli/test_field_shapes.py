"""What templates make of records, and which field of Zendesk's that is."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.cli.field_shapes import Shape, joined, shape_of

SCHEMA = {
    "properties": {
        "plan": {"type": ["null", "string"]},
        "renews_on": {"type": "string", "format": "date"},
        "paid_on": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "updated_at": {"type": ["string", "null"], "format": "date-time"},
        "seats": {"type": "integer"},
        "price": {"type": ["number", "null"]},
        "share": {"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]},
        "active": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {
            "type": ["object", "null"],
            "properties": {"city": {"type": "string"}, "number": {"type": "integer"}},
        },
        "code": {"type": ["string", "integer"]},
        "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
        "free": {},
        "anything": True,
        "day_or_number": {"type": ["string", "integer"], "format": "date"},
        "owner": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"age": {"type": "integer"}}}]},
        "first-name": {"type": "string"},
        "address.city": {"type": "integer"},
    }
}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("{{ plan }}", "text"),
        ("{{plan}}", "text"),
        ("{{ renews_on }}", "date"),
        ("{{ paid_on }}", "date"),
        ("{{ updated_at }}", "text"),
        ("{{ when }}", "text"),
        ("{{ seats }}", "integer"),
        ("{{ price }}", "decimal"),
        ("{{ share }}", "decimal"),
        ("{{ active }}", "checkbox"),
        ("{{ address.number }}", "integer"),
        ("{{ record.seats }}", "integer"),
        ("{{ record['first-name'] }}", "text"),
        ("{{ address.city }}", "integer"),
        ("{{ plan }} for {{ seats }}", "text"),
        ("gold", "text"),
        (True, "checkbox"),
        (7, "integer"),
        (7.5, "decimal"),
        ("{{ tags | join(', ') }}", "text"),
        ("{{ code | string }}", "text"),
        ("{{ code | int }}", "integer"),
        ("{{ code | float }}", "decimal"),
        ("{{ tags | length }}", "integer"),
        ("{{ updated_at | strftime('%Y-%m-%d') }}", "date"),
        ('{{ updated_at | strftime("%Y-%m-%d", "Europe/Berlin") }}', "date"),
        ("{{ updated_at | strftime('%d %B') }}", "text"),
        ("{{ updated_at | datetime }}", "text"),
        ("{{ updated_at | strftime }}", "text"),
        ("{{ plan | replace('%Y-%m-%d', '') }}", "text"),
        ("{{ owner.age }}", "integer"),
        *(
            (f"{{{{ plan | {name} }}}}", "text")
            for name in ("lower", "upper", "title", "capitalize", "trim", "replace")
        ),
        *((f"{{{{ plan | {name}(9) }}}}", "text") for name in ("truncate", "tojson", "format")),
        ("{{ tags | count }}", "integer"),
        ({"user": {"external_id": "{{ id }}"}}, "lookup"),
    ],
)
def test_a_field_is_made_for_it(raw: Any, kind: str) -> None:
    """Of the type that its values have by the schema, a filter or the rule itself."""
    assert (shape_of(raw, SCHEMA).type, shape_of(raw, SCHEMA).why) == (kind, "")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("{{ tags }}", "a list: write {{ tags | join(', ') }}, or make a multiselect with its options in Zendesk"),
        (["{{ plan }}"], "a list: write"),
        ("{{ address }}", "an object, which no field takes"),
        ("{{ code }}", "its values are of more than one type: write {{ code | string }}"),
        ("{{ free }}", "the schema does not say its type"),
        ("{{ anything }}", "the schema does not say its type"),
        ("{{ day_or_number }}", "its values are of more than one type: write {{ day_or_number | string }}"),
        ({"plan": "{{ plan }}"}, "an object, which no field takes"),
        ("{{ nowhere }}", "the schema does not say its type"),
        ("{{ plan.nowhere }}", "the schema does not say its type"),
        (None, "the schema does not say its type"),
        ("{{ price * seats }}", "its type cannot be told from an expression"),
        ("{{ plan | default(seats) }}", "its type cannot be told from an expression"),
    ],
)
def test_no_field_is_made_by_guess(raw: Any, why: str) -> None:
    """A field keeps its type, so what is not known for sure is left to a person."""
    assert shape_of(raw, SCHEMA).type == ""
    assert shape_of(raw, SCHEMA).why.startswith(why)


@pytest.mark.parametrize(
    ("raw", "sort"),
    [
        ("{{ updated_at }}", "date-time"),
        ("{{ renews_on }}", "date"),
        ("{{ when }}", "text"),
        ("{{ tags }}", "list"),
        ("{{ address }}", "object"),
        (["{{ plan }}"], "list"),
        ("{{ updated_at | datetime }}", "date-time"),
    ],
)
def test_what_a_value_is_tells_more_than_the_type(raw: Any, sort: str) -> None:
    """A field that is there may take it, or not, by that."""
    assert shape_of(raw, SCHEMA).sort == sort


def test_without_a_schema_only_the_rule_tells() -> None:
    """Constants, texts around braces, filters and references have their types all the same."""
    assert shape_of("{{ plan }}", {}).why == "the schema does not say its type: make the field in Zendesk"
    assert shape_of("{{ plan }}", None).sort == ""
    assert shape_of("{{ plan }}", None).why == "its type is not known: give the stream's schema with --input FILE"
    assert [shape_of(raw, None).type for raw in ("gold", "{{ a }}-{{ b }}", "{{ a | int }}", True)] == [
        "text",
        "text",
        "integer",
        "checkbox",
    ]


def test_a_reference_tells_what_it_refers_to() -> None:
    """Users, or the records of another object."""
    assert shape_of({"user": {"email": "{{ email }}"}}, None) == Shape("reference", "zen:user")
    assert shape_of({"object": "contract", "external_id": "{{ id }}"}, None) == Shape(
        "reference", "zen:custom_object:contract"
    )


@pytest.mark.parametrize(
    ("sort", "fitting", "others"),
    [
        ("text", ("text", "textarea", "regexp", "dropdown", "date"), ("integer", "checkbox", "multiselect")),
        ("date", ("date", "text", "textarea"), ("integer", "dropdown")),
        ("date-time", ("text", "textarea"), ("date", "integer")),
        ("integer", ("integer", "decimal"), ("text", "date")),
        ("number", ("decimal",), ("integer", "text")),
        ("boolean", ("checkbox",), ("text",)),
        ("list", ("multiselect",), ("text",)),
        ("object", (), ("text", "lookup")),
        ("", ("text", "multiselect", "lookup"), ()),
    ],
)
def test_a_field_that_is_there_fits_or_not(sort: str, fitting: tuple[str, ...], others: tuple[str, ...]) -> None:
    """As far as the type tells; what is not known is not ruled out."""
    assert [kind for kind in (*fitting, *others) if Shape(sort).fits(kind, "")] == list(fitting)


def test_a_lookup_fits_its_target_alone() -> None:
    """A reference to users is none to tickets; a text may be the id of either."""
    assert Shape("text").fits("lookup", "zen:user")
    assert Shape("reference", "zen:user").fits("lookup", "zen:user")
    assert not Shape("reference", "zen:user").fits("lookup", "zen:ticket")


@pytest.mark.parametrize(
    ("sorts", "together"),
    [
        (["text", "text"], "text"),
        (["integer", "number"], "number"),
        (["date", "text"], "text"),
        (["date", "date-time"], "text"),
        (["date", "date-time", "text"], "text"),
        (["", "integer"], "integer"),
        (["", ""], ""),
        (["boolean", "text"], ""),
    ],
)
def test_rules_may_share_a_field(sorts: list[str], together: str) -> None:
    """Where they agree, or one type takes both."""
    assert joined(map(Shape, sorts)).sort == together
    assert joined([Shape("boolean"), Shape("text")]).why == "its rules make values of different types of it"
