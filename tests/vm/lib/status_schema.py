# SPDX-License-Identifier: BSD-2-Clause
"""What `lifeboatctl status --json` says, judged by docs/status.schema.json."""

import json
from pathlib import Path

import jsonschema

_SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs" / "status.schema.json").read_text())


def read(text: str) -> dict:
    """The object, which is as the schema says, and has no member that the schema does not know."""
    told = json.loads(text)
    jsonschema.Draft7Validator.check_schema(_SCHEMA)
    jsonschema.validate(told, _closed(_SCHEMA))
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
