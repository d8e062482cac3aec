# SPDX-License-Identifier: BSD-2-Clause
"""Page-table bytes: the loader prints and builds what the host computes, and the tables in crash memory are those
that were requested. `--footprint` changes nothing."""

import json
import os
import subprocess
from pathlib import Path

import firmware_shell as shell
import pytest
from vm import footprint

pytestmark = [pytest.mark.vm]

SCRIPTS = Path(footprint.__file__).resolve().parent.parent
SECONDS_PER_GUEST = 240
GIB = 1 << 30
ABORTED = 0x15  # EFI_STATUS as the shell prints it

# One case: a region with whole GiBs in it, under both roots. LIFEBOAT_FULL=1 tries all sizes, regions and
# kinds of paging.
ONE = ("--memory=4G", "--levels=5", "--gib-pages=yes", "--region=3G")
ROWS = [pytest.param(ONE, 1, id="4G", marks=pytest.mark.xdist_group("footprint"))]
if os.environ.get("LIFEBOAT_FULL") == "1":
    ROWS += [pytest.param((f"--memory={size}",), 8 if size != "512M" else 4, id=f"full-{size}")
             for size in ("512M", "4G", "64G", "256G", "512G", "900G")]  # fmt: skip


def _measure(folder: Path, build: Path, kernel: Path, words: tuple[str, ...], guests: int) -> list[dict]:
    """Returns the guests' findings. The script must have said that all figures are equal."""
    command = [str(SCRIPTS / "footprint"), "--measure", f"--build={build}", f"--kernel={kernel}"]
    command += [f"--timeout={SECONDS_PER_GUEST}", f"--keep={folder}", f"--json={folder / 'all.json'}", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=guests * SECONDS_PER_GUEST + 60, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    found = json.loads((folder / "all.json").read_text())
    assert len(found) == guests, done.stdout
    return found


def _check(found: dict) -> None:
    assert found["differences"] == []
    assert all(value["measured"] == value["computed"] for value in found["values"].values())
    for report in ("alone", "planned"):
        for policy in footprint.POLICIES:
            assert found["values"][f"{report} {policy}"]["measured"] > 0
    # The hook's image takes at most what is printed beside the figure.
    armed, ours = (found["values"][name]["measured"] for name in ("armed", "planned ours"))
    assert ours < armed <= ours + 16384
    assert found["footprint_seconds"] < 1.0
    # The region lies below 4 GiB if there is room, otherwise below 512 GiB.
    start, end = found["crash"]
    assert end <= 4 * GIB if found["region_bytes"] < GIB else 4 * GIB <= start < end <= 512 * GIB
    whole = found["region_bytes"] // GIB if found["gib_pages"] else 0
    assert whole - 1 <= found["values"]["armed leaves_1g"]["measured"] <= whole


@pytest.fixture(scope="module")
def measured(tmp_path_factory, footprint_programs, kernel):
    """measured(words, guests) is the guests' findings and their folder. The same words run once."""
    known: dict[tuple[str, ...], tuple[list[dict], Path]] = {}

    def run(words: tuple[str, ...], guests: int) -> tuple[list[dict], Path]:
        if words not in known:
            folder = tmp_path_factory.mktemp("footprint")
            known[words] = _measure(folder, footprint_programs, kernel, words, guests), folder
        return known[words]

    return run


@pytest.mark.parametrize("words, guests", ROWS)
def test_measured_is_computed(measured, words, guests):
    found, _ = measured(words, guests)
    for one in found:
        _check(one)
    # If there are 1 GiB pages and whole GiBs, both are used.
    assert any(one["values"]["armed leaves_1g"]["measured"] >= 2 for one in found) or words == ("--memory=512M",)


@pytest.mark.xdist_group("footprint")
def test_the_judge_of_tables_refuses_wrong_ones(measured, footprint_programs, tmp_path):
    """Tables that were read back are right. With a bit changed, a range left out or a page missing they are
    refused."""
    (found,), folder = measured(ONE, 1)
    plan = found["plan"]
    image = folder / footprint.Guest(4 * GIB, True, True, 3 * GIB).name / "tables.img"
    crash, text, data = (plan[key] for key in ("crash", "hook_text", "hook_data"))
    at = footprint.parse_range(plan["page_tables"])[0]
    pages = int(plan["page_table_bytes"]) // 4096

    def judged_right(file: Path, *ranges: str, count: int = pages, gib_pages: int = 1) -> bool:
        fixed = [file, at, plan["handoff"], 40, 1, gib_pages, count]
        words = [str(word) for word in [footprint_programs / "host/tables_verdict", *fixed, *ranges]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0

    low = "0-0x100000"
    assert judged_right(image, low, crash, text, data)
    assert not judged_right(image, low, crash, text)
    assert not judged_right(image, low, crash, text, data, count=pages - 1)
    assert not judged_right(image, low, crash, text, data, gib_pages=0)
    damaged = bytearray(image.read_bytes())
    damaged[4096 + 8] ^= 1  # the second table's second entry appears or disappears
    (tmp_path / "damaged.img").write_bytes(damaged)
    assert not judged_right(tmp_path / "damaged.img", low, crash, text, data)


@pytest.mark.xdist_group("footprint-shell")
def test_footprint_leaves_nothing_behind(tmp_path, firmware, loader):
    """Run from the shell, without a kernel. Afterwards each memory type has as many pages as before."""
    cases = [
        shell.Case("before", "memmap"),
        shell.lifeboat("default", "--footprint"),
        shell.lifeboat("sized", "--footprint --crashkernel 512M"),
        shell.lifeboat("verbose", "--footprint -v --crashkernel 0-:64M"),
        shell.lifeboat("too-large", "--footprint --crashkernel 1000M"),
        shell.lifeboat("nonsense", "--footprint --crashkernel much"),
        shell.Case("after", "memmap"),
    ]
    files = {"lifeboat.efi": loader}
    session = shell.run_cases(tmp_path, firmware, files, cases)

    assert session["default"].status == 0
    default = session["default"].text
    assert "256 MiB, only assumed\n  --crashkernel SIZE for another" in default
    assert "bytes = 4096 x (PML5 + PML4 + folded + PDPT + PD + PT)" in default
    assert "lifeboat: footprint counted=20480" in default  # both roots, PDPT, PD, PT: everything lies in the first GiB
    assert "e820" not in default
    for policy in footprint.POLICIES:
        assert f"\n{policy} " in default and f" {policy}=" in default
    assert [line for line in default.splitlines() if len(line) >= 80] == []
    assert "crash_bytes=536870912 assumed=1" in session["sized"].text
    assert "crash_bytes=67108864 assumed=1" in session["verbose"].text
    assert "lifeboat: footprint e820 0x0 0x9ffff RAM" in session["verbose"].text
    assert session["too-large"].status == ABORTED and "place for 1000 MiB" in session["too-large"].text
    assert session["nonsense"].status == ABORTED and "crashkernel=much" in session["nonsense"].text
    assert shell.page_totals(session["after"].text) == shell.page_totals(session["before"].text)
