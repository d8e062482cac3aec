# SPDX-License-Identifier: BSD-2-Clause
"""Judges the output of `lifeboatctl status --json` by docs/status.schema.json, and other output by other schemas of
docs/."""

import json
from pathlib import Path

import jsonschema

_DOCS = Path(__file__).resolve().parents[3] / "docs"


def read(text: str, name: str = "status") -> dict:
    """Returns the object, which must fit docs/NAME.schema.json and have no member that the schema lacks."""
    schema = json.loads((_DOCS / f"{name}.schema.json").read_text())
    told = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(told, _closed(schema))
    return told


def _closed(schema):
    """Forbids members that the schema lacks. Other readers may meet more members, but this program may not print
    them undocumented."""
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed:
        closed["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
        closed["additionalProperties"] = False
    return closed
