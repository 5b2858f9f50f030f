"""What taps write in a schema, and what of it records are held against."""

from __future__ import annotations

from typing import Any

import pytest

from target_zendesk_events.singer.schemas import as_meant

DRAFT_4 = {"minimum": -10, "exclusiveMinimum": True, "maximum": 10, "exclusiveMaximum": True}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (DRAFT_4, {"exclusiveMinimum": -10, "exclusiveMaximum": 10}),
        ({"maximum": 10, "exclusiveMaximum": False}, {"maximum": 10}),
        ({"exclusiveMaximum": True}, {}),
        ({"exclusiveMaximum": 10}, {"exclusiveMaximum": 10}),
        ({"multipleOf": 0.01}, {}),
        ({"multipleOf": 5.0}, {"multipleOf": 5.0}),
        ({"minimum": None}, {}),
        ({"items": {"type": "string"}}, {"items": {"type": ["string", "null"]}}),
        ({"items": {"type": ["null", "string"]}}, {"items": {"type": ["null", "string"]}}),
        ({"items": {"$ref": "#/definitions/n"}}, {"items": {"$ref": "#/definitions/n"}}),
        ({"items": [{"type": "string"}]}, {"items": [{"type": "string"}]}),
        ({"enum": [DRAFT_4]}, {"enum": [DRAFT_4]}),
        ({"anyOf": [DRAFT_4]}, {"anyOf": [{"exclusiveMinimum": -10, "exclusiveMaximum": 10}]}),
        ({"properties": {"items": {"type": "string"}}}, {"properties": {"items": {"type": "string"}}}),
        (
            {"properties": {"_sdc_of_its_own": {"type": "string"}}},
            {"properties": {"_sdc_of_its_own": {"type": "string"}}},
        ),
    ],
)
def test_a_column_is_meant_so(written: dict[str, Any], meant: dict[str, Any]) -> None:
    """Also deeper, and in what is referred to; a column may be called as a keyword is."""
    schema = {"properties": {"x": written, "maximum": written}, "definitions": {"items": written}}
    assert as_meant(schema) == {"properties": {"x": meant, "maximum": meant}, "definitions": {"items": meant}}


def test_nothing_is_held_of_the_pipelines_own_columns() -> None:
    """They may be anything, or missing; the draft that the schema names decides nothing."""
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "required": ["id", "_sdc_lsn"]}
    columns = {"id": {"type": "integer"}, "_sdc_deleted_at": {"type": "string"}}
    assert as_meant({**schema, "properties": columns}) == {
        "required": ["id"],
        "properties": {"id": {"type": "integer"}, "_sdc_deleted_at": {}},
    }
