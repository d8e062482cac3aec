# SPDX-License-Identifier: BSD-2-Clause
"""scripts/footprint: maps in all forms, figures counted again here, and what is refused.

Runs no virtual machine. The tool is the one built with ASan and UBSan.
"""

import csv
import io
import json
import os
import re
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from conftest import ROOT, SCRIPTS, build

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
PAGE = 4096
OWN_MAPS = ROOT / "tests" / "data" / "maps"
LOG_FILES = ROOT / "tests" / "data" / "logs"
REAL_MAPS = Path(os.environ.get("LIFEBOAT_MAPS") or ROOT / ".." / "shared" / "data" / "e820")
POLICIES = ["ours", "crash-exact", "crash-2m", "ram-4k", "ram-2m", "ram-1g", "linux-today", "linux-5.10"]

E820 = """\
# a PC
0x0000000000000000 0x000000000009fbff usable
0x000000000009fc00 0x000000000009ffff reserved
0x0000000000100000 0x000000007ffdbfff usable
0x000000007ffdc000 0x000000007fffffff ACPI data
0x00000000feffc000 0x00000000feffffff type 20
0x0000000100000000 0x00000001bfffffff usable
SRAT 0 0 0x0000000000000000 0x000000007fffffff hotplug
"""
ENTRIES = [line.split(maxsplit=2) for line in E820.splitlines() if line.startswith("0x")]


@pytest.fixture(scope="module")
def tool() -> Path:
    return build("footprint.checked")


@pytest.fixture
def footprint(tool):
    """footprint(*words, status=0, text=None) runs the tool, and returns its standard output, or its error if it must
    fail."""

    def run(*words, status=0, text=None) -> str:
        words = [str(tool), *map(str, words)]
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, f"exit status {done.returncode}: {done.stderr}"
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture
def machines(footprint):
    """machines(*words) is the tool's --json output, a list of machines."""
    return lambda *words, **more: json.loads(footprint("--json", *words, **more))["machines"]


# ---- the figures, counted slot by slot ---------------------------------------


def trimmed(ranges: list[list[int]]) -> list[tuple[int, int]]:
    pairs = [(-(-start // PAGE) * PAGE, end // PAGE * PAGE) for start, end in ranges]
    return [(start, end) for start, end in pairs if start < end]


def slots(ranges: list[tuple[int, int]], size: int) -> set[int]:
    return {slot for start, end in ranges for slot in range(start // size, (end - 1) // size + 1)}


def whole(ranges: list[tuple[int, int]], size: int) -> set[int]:
    return {slot for start, end in ranges for slot in range(-(-start // size), end // size)}


def count(machine: dict, policy: str) -> int:
    """Counts the bytes of page tables from the machine's ranges, by sets of slots."""
    name = {"ours": "ours", "crash-exact": "crash", "crash-2m": "crash"}.get(policy, "ram")
    ranges = trimmed(machine[name])
    windows = []
    if policy == "ours" and machine["windows"]:
        windows = [(machine["windows"], machine["windows"] + 2 * PAGE)]
    pts = pds = set()
    gib = machine["gib_pages"]
    if policy in ("ours", "crash-exact", "ram-4k"):
        large = policy != "ram-4k"
        pts = slots(ranges + windows, 2 * MIB) - (whole(ranges, 2 * MIB) if large else set())
        pds = slots(ranges + windows, GIB) - (whole(ranges, GIB) if large and gib else set())
    elif policy in ("crash-2m", "ram-2m") or not gib:
        pds = slots(ranges, GIB)
    elif policy in ("ram-1g", "linux-today"):
        pds = slots(ranges, GIB) - whole(ranges, GIB)
    pdpts = slots(ranges + windows, 512 * GIB)
    tables = len(pts) + len(pds) + len(pdpts)
    if machine["levels"] == 4:
        folded = len(pdpts) if policy.startswith("linux") else 0
        return (tables + folded + 1) * PAGE
    pml4s = {0} if policy == "ours" else slots(ranges, 256 * TIB)
    return (tables + len(pml4s) + 1) * PAGE


def check_machine(machine: dict) -> None:
    for policy in POLICIES:
        found = machine["page_tables"][policy]
        if found is None:
            assert machine["no_crash"] and not machine["crash"]
            continue
        assert found["bytes"] == count(machine, policy), f"{machine['name']}, {policy}"
        terms = re.findall(r"(\d+) (?:PML5|PML4|folded|PDPT|PD|PT)\b", found["formula"])
        assert sum(map(int, terms)) * PAGE == found["bytes"]
    section = 128 * MIB
    for name, ranges in (("second", machine["crash"]), ("all_ram", machine["ram"])):
        sections = machine["sections"][name]
        if sections is None:
            assert machine["no_crash"]
            continue
        assert sections["present"] == len(slots(trimmed(ranges), section))
        assert sections["memmap_bytes"] == sections["present"] * 2 * MIB
        assert sections["whole"] == (1 << 19 if machine["levels"] == 4 else 1 << 25)


@pytest.mark.parametrize("options", [[], ["--no-gib-pages"], ["--levels", "5"], ["--crash", "64M", "--hook", "none"]])
def test_own_maps(machines, options):
    maps = sorted(OWN_MAPS.glob("*.e820"))
    found = machines(*options, *maps)
    assert [machine["name"] for machine in found] == [str(path) for path in maps]
    for machine in found:
        check_machine(machine)


def test_real_maps(machines):
    maps = sorted(REAL_MAPS.glob("*.e820"))
    if not maps:
        pytest.skip(f"no maps in {REAL_MAPS}: LIFEBOAT_MAPS names the folder")
    for machine in machines(*maps):
        check_machine(machine)
        assert machine["table_pages_avoided"] == 0


def test_sweep(machines):
    found = machines()
    assert [machine["ram_bytes"] for machine in found[:-2] if machine["levels"] == 4] == sorted(
        [512 * MIB << i for i in range(18)] + [6 * TIB, 24 * TIB]
    )
    assert [machine["ram_bytes"] for machine in found[:-2] if machine["levels"] == 5] == [128 * TIB << i for i in range(6)]
    for machine in found:
        if machine["ram_bytes"] <= TIB:
            check_machine(machine)
        assert machine["page_tables"]["crash-exact"]["bytes"] <= 24 * KIB
        assert machine["page_tables"]["ours"]["bytes"] <= 40 * KIB


def test_figures_of_the_threads(machines):
    machine = machines("--flat", "--sizes", "24T")[0]["page_tables"]
    assert machine["ram-2m"]["pd"] * PAGE == 96 * MIB
    assert machine["ram-1g"]["pdpt"] * PAGE == 192 * KIB
    assert machine["linux-today"]["bytes"] == 388 * KIB
    five = machines("--levels", "5", "--sizes", "1G")[0]["sections"]["second"]
    assert five["temporary_whole_bytes"] == 512 * MIB
    assert five["temporary_present_bytes"] == 16 * five["present"]
    named = machines()[-1]
    assert named["name"] == "PC, --crash 256M" and named["levels"] == 5 and named["crash_bytes"] == 256 * MIB
    assert named["sections"]["second"]["whole"] == 1 << 25
    # The region touches three sections, and the low 1 MiB lies in another.
    assert named["sections"]["second"]["present"] == 4


def test_what_a_further_tib_costs(footprint):
    told = json.loads(footprint("--json", "--flat", "--sizes", "16T,32T"))
    small, large = (machine["page_tables"] for machine in told["machines"])
    slopes = {policy: (large[policy]["bytes"] - small[policy]["bytes"]) // 16 for policy in POLICIES}
    assert told["bytes_per_further_tib"] == slopes
    assert (slopes["ours"], slopes["ram-2m"], slopes["ram-1g"], slopes["linux-today"]) == (0, 4 * MIB + 8 * KIB, 8 * KIB, 16 * KIB)
    assert re.search("^ram-2m +4.0 MiB/TiB  page tables: ", footprint(), re.MULTILINE)
    assert re.search("^ours +0/TiB  page tables: ", footprint(), re.MULTILINE)


def test_sizes(machines):
    found = [machines("--sizes", word)[0]["ram_bytes"] for word in ("1.5T", "1.5tib", "0.5GiB", "1536g")]
    assert found == [3 * TIB // 2, 3 * TIB // 2, GIB // 2, 3 * TIB // 2]
    assert machines("--sizes", "2.0625M")[0]["ram_bytes"] == 2 * MIB + 16 * PAGE


def test_region_goes_up_where_nothing_fits_below(machines, tmp_path):
    path = tmp_path / "high.e820"
    path.write_text("0x0 0x9ffff usable\n0x100000 0x3ffffff usable\n0x100000000 0x1ffffffff usable\n")
    assert machines("--crash", "256M", path)[0]["crash"][-1] == [0x1F0000000, 0x200000000]


def test_auto_grows_with_cpus_and_not_with_ram(machines):
    """docs/capture.md: 8 MiB to 16 for up to eight CPUs, 0.4 MiB at most for each further one."""
    by_ram = [machine["crash_bytes"] for machine in machines("--sizes", "1G,1T,24T,64T")]
    assert by_ram == sorted(by_ram) and 8 * MIB <= by_ram[0] and by_ram[-1] <= 16 * MIB
    eight, many = (machines("--cpus", cpus, "--sizes", "1T")[0]["crash_bytes"] for cpus in ("8", "64"))
    assert eight < many <= eight + 56 * (MIB * 4 // 10) + 2 * MIB
    assert machines("--cpus", "65536", "--sizes", "1T")[0]["crash_bytes"] >= many  # with notes for all of them
    assert machines("--crash", "64M", "--crash", "auto", "--sizes", "1G")[0]["crash_bytes"] == by_ram[0]


def test_e820_and_target(machines, tmp_path, wanted):
    assert wanted["e820_entries"] == len(ENTRIES) and wanted["e820_bytes"] == 20 * len(ENTRIES)
    ram = sum(end - start for start, end in wanted["ram"])
    assert ram < wanted["dump_bytes"] < ram + ram // 100 + 36 * MIB  # docs/install.md's rule, and a page for each entry


def srat(*ranges: tuple[int, int, int]) -> bytes:
    """Makes ACPI's table SRAT of (start, end, flags). Flags: 1 enabled, 2 hot-pluggable, 4 non-volatile."""
    body = bytes(12)
    for start, end, flags in ranges:
        body += struct.pack("<BBIHQQIIQ", 1, 40, 0, 0, start, end - start, 0, flags, 0)
    table = bytearray(struct.pack("<4sIBB6s8sIII", b"SRAT", 36 + len(body), 3, 0, b"", b"", 0, 0, 0) + body)
    table[9] = -sum(table) & 0xFF
    return bytes(table)


def test_srat_keeps_crash_memory_and_tables_out(machines, footprint, tmp_path):
    path, table = tmp_path / "pc.e820", tmp_path / "SRAT"
    path.write_text(E820.replace("SRAT 0 0", "# "))
    (at,) = machines(path)[0]["crash"][1:]
    table.write_bytes(srat((0x100000, 0x40000000, 1), (0x40000000, 0x80000000, 3), (0x100000000, 0x140000000, 5)))
    (moved,) = machines("--srat", table, path)[0]["crash"][1:]
    assert at[0] > 0x40000000 >= moved[1]
    machine = machines("--srat", table, path)[0]
    assert machine["avoided"] == [[0x40000000, 0x80000000], [0x100000000, 0x140000000]]
    (tables,) = machine["tables"]
    assert tables[1] - tables[0] == machine["page_tables"]["ours"]["bytes"] and moved[0] <= tables[0] < moved[1]
    assert machine["table_pages_avoided"] == 0
    # A place that the user gives exactly is used, and the tables in memory that may go away are counted.
    forced = machines("--srat", table, "--crash", "0x50000000-0x51000000", path)[0]
    assert forced["table_pages_avoided"] == forced["page_tables"]["ours"]["bytes"] // PAGE
    assert "SRAT" in footprint("--srat", path, status=2)
    assert "No such file" in footprint("--srat", tmp_path / "none", status=2)


def test_srat_lines_of_a_log_are_those_of_a_map(machines, tmp_path):
    lines = "\n".join(
        f"[    0.0] ACPI: SRAT: Node 1 PXM 1 [mem {start:#x}-{end:#x}]{word}"
        for start, end, word in [(0x0, 0x3FFFFFFF, ""), (0x40000000, 0x7FFFFFFF, " hotplug"), (0x100000000, 0x1BFFFFFFF, " non-volatile")]
    )
    path = tmp_path / "boot.log"
    path.write_text(LOGS["2012"] + lines + "\n")
    assert machines(path)[0]["avoided"] == [[0x40000000, 0x80000000], [0x100000000, 0x1C0000000]]


def test_a_table_that_marks_all_memory_says_nothing(machines, footprint, wanted, tmp_path):
    """E820's own SRAT line does so, like Hyper-V."""
    assert wanted["avoided"] == []
    assert "there the word says nothing" in footprint("--map", tmp_path / "pc.e820")


def test_map(footprint, machines):
    text = footprint("--map", *sorted(OWN_MAPS.glob("*.e820")))
    bars = re.findall(r"^  0 \|(.*)\| ", text, re.MULTILINE)
    assert len(bars) == len(list(OWN_MAPS.glob("*.e820"))) and {len(bar) for bar in bars} == {96}
    assert text.splitlines()[-1].startswith("0 table pages in memory that may go away; ")
    one = footprint("--map", OWN_MAPS / "hotplug.e820")
    assert "T#" in one and "0x140000000-0x540000000, 16 GiB" in one
    (machine,) = machines(OWN_MAPS / "hotplug.e820")
    (tables,) = machine["tables"]
    assert f"T page tables    {tables[0]:#x}-{tables[1]:#x}, " in one
    assert "no crash memory: " in footprint("--map", "--sizes", "2M")


def test_exact_ranges(machines):
    words = ["--crash", "0x60000000-0x6c000000", "--crash", "0x100000000-0x140000000"]
    words += ["--hook", "0x7e5f1000-0x7e5f4000", "--hook", "7e5f4000-7e5f9000"]
    machine = machines(*words, "--sizes", "8G")[0]
    low = [0, MIB]
    assert machine["crash"] == [low, [0x60000000, 0x6C000000], [0x100000000, 0x140000000]]
    assert machine["ours"] == [low, machine["crash"][1], [0x7E5F1000, 0x7E5F9000], machine["crash"][2]]
    assert machine["page_tables"]["ours"]["leaves_1g"] == 1
    check_machine(machine)
    assert machines("--no-windows", "--sizes", "8G")[0]["windows"] == 0


# ---- forms of a map ------------------------------------------------------------


def lines_of(prefix: str, form: str) -> str:
    lines = ["[    0.000000] Linux version 6.1.0", f"{prefix}BIOS-provided physical RAM map:"]
    for start, last, kind in ENTRIES:
        first, end = int(start, 16), int(last, 16)
        new = {"usable": "System RAM", "reserved": "device reserved"}.get(kind, kind)
        line = {
            "2012": f"[mem {first:#018x}-{end:#018x}] {kind}",
            "2026": f"[mem {first:#018x}-{end:#018x}]  {new}",
            "sizes": f"[mem {first:#018x}-{end:#018x}]    1.9 GB {new}",
            "old": f"{first:016x} - {end + 1:016x} ({kind})",
        }[form]
        lines.append(f"{prefix}BIOS-e820: {line}")
        if form == "2026":
            lines.append(f"{prefix}BIOS-e820: [gap {end + 1:#018x}-{end + 2:#018x}]")
    return "\n".join([*lines, "[    0.000000] NX (Execute Disable) protection: active", ""])


LOGS = {
    "2012": lines_of("[    0.000000] ", "2012"),
    "journal": lines_of("Nov 21 01:06:02 host kernel: ", "2012"),
    "2026": lines_of("[    0.000000] ", "2026"),
    "sizes": lines_of("<6>", "sizes"),
    "old": lines_of(" ", "old"),
    "crlf": lines_of("[    0.000000] ", "2012").replace("\n", "\r\n"),
    "two-boots": lines_of("", "2012").replace("7ffdbfff", "3fffffff") + lines_of("", "2012"),
}


@pytest.fixture
def wanted(machines, tmp_path):
    """The machine of the map E820."""
    path = tmp_path / "pc.e820"
    path.write_text(E820)
    return machines(path)[0]


def same(machine: dict, other: dict) -> bool:
    return machine | {"name": ""} == other | {"name": ""}


@pytest.mark.parametrize("name", LOGS)
def test_boot_logs(machines, tmp_path, wanted, name):
    path = tmp_path / "dmesg"
    path.write_bytes(LOGS[name].encode())
    assert wanted["ram_bytes"] == 0x9FC00 + 0x7FEDC000 + 3 * GIB
    assert same(machines(path)[0], wanted)
    assert same(machines("-", text=LOGS[name])[0], wanted)


def make_memmap(folder: Path) -> Path:
    names = {"usable": "System RAM", "reserved": "Reserved", "ACPI data": "ACPI Tables", "type 20": "Unknown E820 type"}
    for number, (start, last, kind) in enumerate(ENTRIES):
        entry = folder / str(number)
        entry.mkdir(parents=True)
        (entry / "start").write_text(f"{int(start, 16):#x}\n")
        (entry / "end").write_text(f"{int(last, 16):#x}\n")
        (entry / "type").write_text(f"{names[kind]}\n")
    return folder


def test_memmap_folder(machines, tmp_path, wanted):
    assert same(machines(make_memmap(tmp_path / "memmap"))[0], wanted)
    running = Path("/sys/firmware/memmap/0/start")
    if running.exists():
        assert machines(running.parents[1])[0]["ram_bytes"] > 0


def test_several_at_once(machines, tmp_path, wanted):
    (tmp_path / "dmesg").write_text(LOGS["old"])
    found = machines(make_memmap(tmp_path / "memmap"), tmp_path / "pc.e820", tmp_path / "dmesg", "--sizes", "1G,2G")
    assert [machine["name"] for machine in found] == [
        *(str(tmp_path / name) for name in ("memmap", "pc.e820", "dmesg")),
        "PC",
        "PC",
    ]
    assert all(same(machine, wanted) for machine in found[:3])


@pytest.mark.parametrize("change", ["old-word", "gap"])
def test_memmap_folders_of_other_times(machines, tmp_path, wanted, change):
    """Linux before 4.12 wrote "reserved". If memory was unplugged, a number is missing."""
    folder = make_memmap(tmp_path / "memmap")
    if change == "gap":
        (folder / "4").rename(folder / "17")
    else:
        (folder / "1" / "type").write_text("reserved\n")
    assert same(machines(folder)[0], wanted)


PLAIN_RAM = 0x9FC00 + 0xBFFDFFFF + 1 - MIB + GIB  # of the log that the other forms are made from


@pytest.mark.parametrize("name", ["dmesg-color-always", "serial-capture-cr-cr-lf", "powershell-utf16-redirect"])
def test_logs_with_the_marks_of_their_way(machines, name):
    machine = machines(LOG_FILES / f"{name}.log")[0]
    assert sum(end - start for start, end in machine["ram"]) == PLAIN_RAM == machine["ram_bytes"]


XEN_LINES = {
    "plain": "(XEN)  {0:016x} - {1:016x} ({2})",
    "time": "(XEN) [2026-11-28 05:00:00]  {0:016x} - {1:016x} ({2})",
    "commas": "(XEN)  [{0:016x}, {3:016x}] ({2})",
}


@pytest.mark.parametrize("form", XEN_LINES)
def test_xen_itself(machines, tmp_path, wanted, form):
    lines = ["(XEN) Xen-e820 RAM map:"]
    for start, last, kind in ENTRIES:
        first, end = int(start, 16), int(last, 16)
        lines.append(XEN_LINES[form].format(first, end + 1, kind, end))
    path = tmp_path / "xen.log"
    path.write_text("\n".join([*lines, "(XEN) System RAM: 5119MB (5242880kB)", "(XEN) [VT-D] whatever", ""]))
    assert same(machines(path)[0], wanted)


def test_xen_logs(tool, machines):
    assert machines(LOG_FILES / "xen-hypervisor-dmesg.log")[0]["ram"][-1] == [0xB9803000, 0xBA06E000]
    path = LOG_FILES / "xen-dom0-boot.log"
    done = subprocess.run([tool, "--json", path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["machines"][0]["ram"][-1] == [4 * GIB, 0x820000000]
    assert f"{path}: the map that Xen gave to dom0: pseudo-physical" in done.stderr


def test_a_log_without_its_beginning(footprint, tmp_path, machines, wanted):
    path = LOG_FILES / "dmesg-ring-overrun-head-cut.log"
    assert f"{path}: the log has lost its beginning: its first line of the map is of 0xf0000" in footprint(path, status=1)
    # Lines picked from a log are a whole map if they begin at 0.
    picked = tmp_path / "picked"
    picked.write_text("".join(line for line in LOGS["2012"].splitlines(True) if "BIOS-e820:" in line))
    assert same(machines(picked)[0], wanted)


def test_nothing_of_a_file_reaches_the_terminal(tool, tmp_path):
    """Escape sequences in a file and in its name are not passed on."""
    escape = "\033]0;owned\007\033[2J"
    path = tmp_path / f"{escape}map\u009b2J"
    path.write_text(E820 + f"0x0 {escape}\033[31m0xq\033c usable\n")
    good = tmp_path / f"{escape}good"
    good.write_text(E820.replace("usable", f"{escape}usable"))
    for form in ("--csv", "--json", "--markdown", "--svg", "--levels=4"):
        done = subprocess.run([tool, form, path, good], capture_output=True, check=False)
        assert done.returncode == 1 and b"map??2J:9: " in done.stderr and b"good" in done.stdout
        for text in (done.stdout, done.stderr):
            assert not set(text) & {0x1B, 0x07, 0x7F} and b"\xc2\x9b" not in text


def test_a_bad_file_does_not_stop_the_others(tool, tmp_path, wanted):
    (tmp_path / "bad").write_text("whatever\n")
    words = [tool, "--json", tmp_path / "none", tmp_path / "pc.e820", tmp_path / "bad"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 2
    assert json.loads(done.stdout)["machines"] == [wanted]


# ---- maps that are refused -------------------------------------------------------

GOOD = "BIOS-e820: [mem 0x0000000000100000-0x000000007ffdbfff] usable\n"
BAD_FILES = {
    "log-cut-in-address": (GOOD + "BIOS-e820: [mem 0x00000001000", ":2: the range does not read"),
    "log-cut-in-end": (GOOD + "BIOS-e820: [mem 0x0000000100000000-0x000000", ":2: the line ends, or changes, in the"),
    "log-cut-before-type": (GOOD + "BIOS-e820: [mem 0x0-0xfff]", ":2: the line ends before the type"),
    "log-cut-in-type": (GOOD + "BIOS-e820: [mem 0x0-0xfff] usab", ":2: type of memory is 'usab', want one that Linux"),
    "log-cut-in-mark": (GOOD + "[    0.000000] BIOS-e8", ":2: the file ends in the middle of the line"),
    "log-no-range": (GOOD + "BIOS-e820: rubbish\n", ":2: no range behind BIOS-e820:"),
    "log-backwards": (GOOD + "BIOS-e820: [mem 0x2000-0xfff] usable\n", ":2: the range ends at 0xfff, before it begins"),
    "log-last-byte": ("BIOS-e820: [mem 0x0-0xffffffffffffffff] usable\n", ":1: the range ends at 0xffffffffffffffff"),
    "log-digits": ("BIOS-e820: [mem 0x00000000000000000-0xfff] usable\n", ":1: the range does not read"),
    "old-cut": (" BIOS-e820: 0000000000000000 - 0000", ":1: the line ends before the type"),
    "old-cut-in-type": (" BIOS-e820: 0000000000000000 - 0000000000001000 (usa", ":1: the line ends before the ')'"),
    "old-empty": (" BIOS-e820: 0000000000001000 - 0000000000001000 (usable)\n", ":1: the range ends at 0x1000, not above"),
    "e820-word": ("# ok\nwhatever\n", ":2: 'whatever' is no START END TYPE"),
    "e820-cut": ("0x0 0xfff usable\n0x1000 0x1f", ":2: the line ends before the type"),
    "e820-type": ("0x0 0xfff useable\n", ":1: type of memory is 'useable'"),
    "no-ram": ("0x0 0xfff reserved\n", ": 1 entries, but none of them RAM"),
    "empty": ("", ": no memory map in it"),
    "log-without-map": ("[    0.000000] Linux version 6.1.0\n[    0.1] x\n", ": a log without a memory map: no line of it"),
    "e820-that-tells-of-a-kernel": ("# by kernel: x\n0x0 0xfff usable\nwhatever\n", ":3: 'whatever' is no START END TYPE"),
    "log-of-journalctl": ("Nov 28 07:45:18 host kernel: x\n", ": a log without a memory map: no line of it"),
    "wrong-file": ("#!/bin/sh\nexit 0\n", ":2: 'exit 0' is no START END TYPE"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(footprint, tmp_path, name):
    text, message = BAD_FILES[name]
    path = tmp_path / name
    path.write_text(text)
    said = footprint("--csv", path, status=1)
    assert said.startswith(f"lifeboat-footprint: {path}{message}"), said
    assert said.count("\n") == 1


def test_bad_folders(footprint, tmp_path):
    folder = make_memmap(tmp_path / "name")
    (folder / "2").rename(folder / "2b")
    assert f"{folder}: '2b' is no numbered folder, as /sys/firmware/memmap has them: want" in footprint(folder, status=1)
    folder = make_memmap(tmp_path / "no-end")
    (folder / "3" / "end").unlink()
    assert f"{folder}/3/end: cannot be opened" in footprint(folder, status=1)
    folder = make_memmap(tmp_path / "word")
    (folder / "1" / "start").write_text("0xq\n")
    assert f"{folder}/1/start:1: '0xq' is no hexadecimal address" in footprint(folder, status=1)
    folder = make_memmap(tmp_path / "kind")
    (folder / "1" / "type").write_text("System RA")
    assert f"{folder}/1/type:1: type of memory is 'System RA'" in footprint(folder, status=1)
    folder = make_memmap(tmp_path / "backwards")
    (folder / "3" / "end").write_text("0x1\n")
    assert f"{folder}/3/end:1: the range ends at 0x1, before it begins" in footprint(folder, status=1)
    (tmp_path / "empty").mkdir()
    assert "empty: no memory map in it: want the folder /sys/firmware/memmap" in footprint(tmp_path / "empty", status=1)


def test_nothing_was_begun(footprint, tmp_path):
    """Exit status 2 where none of the maps that are named is there, 1 where something was done."""
    nowhere, other = tmp_path / "nowhere", tmp_path / "other"
    assert "nowhere: cannot be opened: No such file" in footprint(nowhere, status=2)
    assert footprint(nowhere, other, status=2).count("cannot be opened") == 2
    footprint(nowhere, "--sizes", "1G", status=1)


def test_every_truncation_inside_a_line_is_refused(tool, footprint, tmp_path):
    """A log cut off within the last line of its map is never taken for a whole one."""
    log = LOGS["2012"].split("[    0.000000] NX")[0].rstrip("\n")
    start = log.rindex("\n") + 1
    path = tmp_path / "dmesg"
    number = log.count("\n") + 1
    for end in range(start + 1, len(log)):
        path.write_text(log[:end])
        said = footprint(path, status=1)
        assert said.startswith(f"lifeboat-footprint: {path}:{number}: "), said


def test_region_that_does_not_fit(tool, tmp_path):
    path = tmp_path / "small.e820"
    path.write_text("0x0 0x9ffff usable\n0x100000 0x3ffffff usable\n")
    done = subprocess.run([tool, "--crash", "256M", "--csv", path], capture_output=True, text=True, check=True)
    row = next(csv.DictReader(io.StringIO(done.stdout)))
    assert row["ours_bytes"] == row["crash-2m_bytes"] == "" and row["ram-2m_bytes"] == str(3 * PAGE)
    assert f"{path}: no crash region: " in done.stderr and "256 MiB" in done.stderr


# ---- forms of output -------------------------------------------------------------


def test_csv_says_what_json_says(machines, footprint):
    rows = list(csv.DictReader(io.StringIO(footprint("--csv"))))
    found = machines()
    assert len(rows) == len(found) == 28
    for row, machine in zip(rows, found):
        assert int(row["ram_bytes"]) == machine["ram_bytes"]
        assert row["machine"] == machine["name"]
        for policy in POLICIES:
            assert int(row[f"{policy}_bytes"]) == machine["page_tables"][policy]["bytes"]
            wanted = machine["page_tables"][policy]["bytes"] * TIB / machine["ram_bytes"]
            assert float(row[f"{policy}_bytes_per_tib"]) == pytest.approx(wanted, abs=0.06)
        for name in ("crash_bytes", "dump_bytes", "e820_entries", "e820_bytes"):
            assert int(row[name]) == machine[name] > 0
        assert int(row["sections_bytes"]) == machine["sections"]["second"]["bytes"]
        assert int(row["temporary_whole_bytes"]) == machine["sections"]["second"]["temporary_whole_bytes"]


def test_names_are_quoted(machines, footprint, tmp_path):
    path = tmp_path / 'a "b", <c> & \\d.e820'
    path.write_text(E820)
    assert machines(path)[0]["name"] == str(path)
    assert next(csv.DictReader(io.StringIO(footprint("--csv", path))))["machine"] == str(path)
    names = [text.text for text in ElementTree.fromstring(footprint("--svg", path)).iter() if text.text]
    assert str(path) in names


def test_table_is_aligned(footprint):
    lines = footprint().splitlines()
    head, rows = lines[0], lines[1 : lines.index("")]
    assert len(rows) == 28
    ends = [match.end() for match in re.finditer(r"\S+", head)][1:-3]  # right edges of the columns of numbers
    for row in rows:
        assert len(row) > ends[-1]
        assert all(row[end - 1] != " " and row[end] == " " for end in ends), row
    assert rows[0].endswith("4 KiB x (1 PML4 + 1 PDPT + 1 PD + 2 PT)")
    assert "388 KiB" in rows[-2] and "196 KiB" in rows[-2] and "512 MiB" in rows[-1]


def test_markdown(footprint):
    lines = footprint("--markdown").splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 30
    assert {line.count("|") for line in table} == {table[0].count("|")}
    assert "(2 x 48 + 1) x 4 KiB = 388 KiB" in "\n".join(lines)


def test_plot(footprint):
    svg = footprint("--svg")
    root = ElementTree.fromstring(svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    for wanted in ("RAM of the machine, bytes", "page tables, bytes", "28 KiB ours: all that is built", "4 PiB"):
        assert wanted in texts
    # Lines differ by colour, and in black and white by dashes and width. No two in a panel are alike.
    colours = set(re.findall(r"(?:stroke|fill)[=:]\"?([^\";}]+)", svg)) - {"black", "white", "none", "#ccc", "#666"}
    assert len(colours) == 8 and all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    lines = [element for element in root.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 2 * (8 + 4)
    looks = [(line.get("stroke-dasharray"), line.get("stroke-width")) for line in lines[:16:2]]
    assert len(set(looks)) == 8 == len({line.get("stroke") for line in lines[:16:2]})
    # Each figure is shown when a pointer rests on its point.
    titles = [element.text for element in root.iter() if element.tag.endswith("title")]
    assert "24 TiB, 4 levels: 24 KiB, ours: all that is built" in titles and len(titles) == 26 * 12
    # The figures of three sizes are right.
    at = texts.index("6 TiB")
    assert texts[at + 1 : at + 3] == ["24 KiB", "20 KiB"] and "24 TiB" in texts[at:]
    at = texts.index("a further TiB")
    assert texts[at - 1] == "396 KiB" and "96.2 MiB" in texts
    assert texts[at + 1 :] == ["0", "0", "0", "2.0 GiB", "4.0 MiB", "8 KiB", "16 KiB", "16 KiB"]
    # Nothing lies outside of the picture.
    width, height = float(root.get("width")), float(root.get("height"))
    for line in lines:
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width and 0 <= y <= height
    # Labels do not overlap.
    for anchor, side in (("start", lambda x: x > 940), ("end", lambda x: x < 190)):
        labels = [element for element in root.iter() if element.get("text-anchor") == anchor]
        heights = sorted(float(label.get("y")) for label in labels if side(float(label.get("x"))))
        assert len(heights) == 12
        assert all(below - above >= 14.9 for above, below in zip(heights, heights[1:]))


def test_plot_of_one_size_has_markers(footprint):
    """A line of one point would be invisible."""
    root = ElementTree.fromstring(footprint("--svg", "--sizes", "24T"))
    assert len([element for element in root.iter() if element.get("class") == "only"]) == 12


def test_plot_of_the_documentation_is_current(footprint):
    assert (ROOT / "docs" / "footprint.svg").read_text() == footprint("--svg")


def test_output_file(footprint, tmp_path):
    path = tmp_path / "table.csv"
    assert footprint("--csv", "-o", path) == ""
    assert path.read_text() == footprint("--csv")
    assert "cannot be written: No such file" in footprint("-o", tmp_path / "no" / "where", status=1)
    assert "standard output: cannot be written" in subprocess.run(
        ["bash", "-c", '"$0" >/dev/full', build("footprint.checked")], capture_output=True, text=True, check=False
    ).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sizes", "1Q"], "--sizes 1Q: want sizes as"),
        (["--sizes", "99999999P"], "--sizes 99999999P: want sizes as"),
        (["--sizes", "1.G"], "--sizes 1.G: want sizes as"),
        (["--sizes", "1.1K"], "--sizes 1.1K: want sizes as"),
        (["--sizes", "1TB"], "--sizes 1TB: want sizes as"),
        (["--sizes", "1M"], "--sizes 1M: want from 2M to 4P"),
        (["--sizes", "1G,8P"], "--sizes 8P: want from 2M to 4P"),
        (["--sizes", "1G,128T", "--levels", "4"], "--sizes 128T: want from 2M to 64T with --levels 4"),
        (["--sizes", "1G,"], "--sizes 1G,: want sizes as"),
        (["--levels", "3"], "--levels 3: want 4 or 5"),
        (["--crash", "3M"], "--crash 3M: want auto, a multiple of 2M"),
        (["--crash", "0x2000-0x1000"], "the end above the start"),
        (["--crash", "0x2001-0x3000"], "on 4 KiB"),
        (["--hook", "zz-0x1000"], "--hook zz-0x1000: want none, or START-END"),
        (["--csv", "--json"], "want only one of"),
        (["--cpus", "0"], "--cpus 0: want a number from 1 to 65536"),
        (["--cpus", "8x"], "--cpus 8x: want a number from 1 to 65536"),
        (["--nonsense"], "lifeboat-footprint: --nonsense: no such option; --help lists the options"),
    ],
)
def test_bad_options(footprint, words, message):
    assert message in footprint(*words, status=2)


def test_the_largest_sizes(footprint):
    for words in (["--sizes", "4P"], ["--sizes", "4P", "--flat"], ["--levels", "4", "--sizes", "64T"]):
        footprint(*words)


def test_a_map_that_is_too_high(footprint, tmp_path):
    path = tmp_path / "high.e820"
    path.write_text("0x100000 0x3fffffff usable\n0x400000000000 0x40003fffffff usable\n")
    assert f"{path}: a range ends above what" in footprint("--levels", "4", path, status=1)


def test_script():
    """The script builds the tool if necessary, passes options on, and finds --measure."""
    script = SCRIPTS / "footprint"
    assert "usage: lifeboat-footprint" in subprocess.check_output([script, "--help"], text=True)
    done = subprocess.run([script, "--sizes", "1G", "--csv"], cwd="/", capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2
    measure = subprocess.check_output([script, "--measure", "--help"], text=True)
    assert measure == subprocess.check_output([SCRIPTS / "footprint-measure", "--help"], text=True)
