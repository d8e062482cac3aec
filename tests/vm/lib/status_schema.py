# SPDX-License-Identifier: BSD-2-Clause
"""What `lifeboatctl status --json` says, judged by docs/status.schema.json, and other schemas of docs/."""

import json
from pathlib import Path

import jsonschema

_DOCS = Path(__file__).resolve().parents[3] / "docs"


def read(text: str, name: str = "status") -> dict:
    """The object, which is as docs/NAME.schema.json says, and has no member that the schema does not know."""
    schema = json.loads((_DOCS / f"{name}.schema.json").read_text())
    told = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(told, _closed(schema))
    return told


def _closed(schema):
    """Readers may meet a member more; our own program may not have one that nobody wrote down."""
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed:
        closed["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
        closed["additionalProperties"] = False
    return closed
