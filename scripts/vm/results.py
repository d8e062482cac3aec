# SPDX-License-Identifier: BSD-2-Clause
"""What lifeboat-vm --json writes: docs/vm.schema.json describes it."""

from pathlib import Path

from vm.key_values import parse_number
from vm.rehearsal import Outcome, Rehearsal

SCHEMA = 1  # raised when a key changes its meaning or type

# Of a run that did not begin.
_NOTHING = {
    "ok": False, "captured": False, "panic_cpu": 0, "boot": None, "enter": None, "boot_line": None, "capture": None,
    "unarmed": False, "memory_bytes": None, "cpus": None, "crash_bytes": None, "crash_low_bytes": 0,
    "capture_left_bytes": None, "page_table_bytes": None, "page_tables": {}, "first_kernel_cmdline": "", "dump": None,
    "dump_bytes": 0, "dump_format": None, "filter_level": None, "dump_header": {}, "report": None, "signature": None,
    "seconds": 0.0, "stages": {}, "purgatory_stages": {}, "plan": {}, "messages": [],
}  # fmt: skip


def none(panic: str, kernel: str | None, reason: str) -> dict:
    """The result where no machine was started, or the user stopped it."""
    return {"schema": SCHEMA, "reason": reason, "panic": panic, "kernel": kernel, **_NOTHING}


def result(rehearsal: Rehearsal, outcome: Outcome, dump: Path | None) -> dict:
    options, progress = rehearsal.options, outcome.progress
    plan = progress.plan
    report = rehearsal.capture.report
    tables = {kind: parse_number(plan.get(kind)) for kind in ("pml5", "pml4", "pdpt", "pd", "pt")}
    return none(options.panic, str(options.kernel), outcome.reason) | {
        "ok": outcome.ok,
        "captured": outcome.ok and options.panic != "none" and not options.unarmed,
        "panic_cpu": options.panic_cpu,
        "boot": options.boot or None,
        "enter": options.enter or None,
        "boot_line": rehearsal.boot_line,
        "capture": rehearsal.capture.title,
        "unarmed": options.unarmed,
        "memory_bytes": options.memory_bytes,
        "cpus": options.cpus,
        "crash_bytes": parse_number(plan.get("crash_bytes")),
        "crash_low_bytes": parse_number(plan.get("crash_low_bytes")) or 0,
        "capture_left_bytes": None if progress.capture_left_kib is None else progress.capture_left_kib << 10,
        "page_table_bytes": parse_number(plan.get("page_table_bytes")),
        "page_tables": {kind: count for kind, count in tables.items() if count is not None},
        "first_kernel_cmdline": progress.first_kernel_cmdline or plan.get("cmdline", ""),
        "dump": str(dump) if dump else None,
        "dump_bytes": outcome.vmcore.stat().st_size if outcome.vmcore else 0,
        "dump_format": outcome.frame.format if outcome.frame else "age" if outcome.encrypted else None,
        "filter_level": outcome.frame.level if outcome.frame else None,
        "dump_header": rehearsal.capture.findings,
        "report": report,
        "signature": report.get("signature") if report else None,
        "seconds": round(outcome.seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in progress.stages.items()},
        "purgatory_stages": outcome.purgatory_stages,
        "plan": plan,
        "messages": progress.messages,
    }
