# SPDX-License-Identifier: BSD-2-Clause
"""Makes the table of docs/machines.md from docs/machines/*.json, what `lifeboatctl test --report` printed on each
machine."""

import json
import re
from pathlib import Path

import status_schema
from vm import markdown

PROVED, SELF_TESTED, UNKNOWN = "proved", "self-tested", "unknown"
_HEAD = ("machine", "firmware", "CPU", "disks", "IOMMU", "Secure Boot, TPM", "Lifeboat", "kernel", "state", "panic to end")


def state(told: dict) -> str:
    """Returns the state. A verdict of another firmware, Lifeboat or disk does not count for the present one."""
    panic, selftest = told["panic"], told["selftest"]
    if panic and panic["outcome"] == "complete" and not panic["stale"]:
        return PROVED
    if selftest and selftest["verdict"] == "passed" and not selftest["stale"]:
        return SELF_TESTED
    return UNKNOWN


def _cell(*texts) -> str:
    """Makes a cell. The text comes from a firmware, so no part of it may act as markup."""
    joined = " ".join(str(text) for text in texts if text not in (None, ""))
    return re.sub(r"[^\w .,:;()/+@#-]", "?", joined) or "-"


def _cpu(cpu: dict | None) -> str:
    if not cpu:
        return "-"
    numbers = f"{cpu['family']}/{cpu['model']}/{cpu['stepping']}"
    return _cell(cpu["name"], f"({numbers}, {cpu['microcode']})", "x", cpu["count"])


def _disks(functions: list[dict]) -> str:
    return ", ".join(
        _cell(one["driver"], one["id"], "" if one["dumps"] else "(no driver of ours)")
        for one in functions
        if one["class"].startswith("01")
    ) or "-"  # fmt: skip


def _row(told: dict) -> list[str]:
    system, firmware, panic = told["system"], told["firmware"], told["panic"]
    virtual = "(virtual)" if told["cpu"] and told["cpu"]["virtual"] else ""
    proved = state(told) == PROVED and panic["seconds_to_end"] is not None
    iommu = told["iommu"]
    secure_boot = {True: "on", False: "off", None: "-"}[firmware["secure_boot"]]
    return [
        _cell(system["vendor"], system["product"], virtual),
        _cell(firmware["vendor"], firmware["version"], firmware["date"]),
        _cpu(told["cpu"]), _disks(told["functions"]),
        _cell(*iommu["tables"], "" if iommu["units"] or not iommu["tables"] else "(not used)"),
        f"{secure_boot}, {_cell(told['tpm'])}", _cell(told["loader"]), _cell(told["kernel"]), state(told),
        f"{panic['seconds_to_end']:.1f} s" if proved else "-",
    ]  # fmt: skip


def table(folder: Path) -> str:
    """Returns the table of every file in `folder`, which must fit the schema, sorted by machine."""
    rows = [_row(status_schema.read(path.read_text(), "machine")) for path in sorted(folder.glob("*.json"))]
    assert rows, f"{folder} has no machine"
    return markdown.table(_HEAD, sorted(rows))


def secrets(folder: Path) -> list[str]:
    """Returns texts that look as if they identify one machine: a UUID, a MAC address."""
    looks = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
    return [found for path in sorted(folder.glob("*.json")) for found in looks.findall(json.dumps(path.read_text()))]
