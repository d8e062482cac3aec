# SPDX-License-Identifier: BSD-2-Clause
"""Linux's own tables for a crash jump, as a running kernel has built them, have the size that scripts/footprint
computes.

Runs with LIFEBOAT_FULL=1. tests/linux-tables prints the same as a table.
"""

import json
import subprocess

import linux_tables
import pytest
from conftest import build
from scenarios import FULL_ONLY

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("linux-tables")]

PAGE = 4096
# In addition to RAM Linux maps the page through which it jumps, at the page's own address (three tables), and
# memory outside of RAM: the EFI system table, ACPI's pages and setup_data.
BESIDE_RAM = range(3, 9)


@FULL_ONLY
@pytest.mark.parametrize("gib", [2, 16, 64])
def test_measured_is_what_is_computed(tmp_path, firmware, loader, kernel, vmlinux, gib):
    options = {"kernel": kernel, "firmware": firmware, "loader": loader}
    found = linux_tables.measure(tmp_path, options, vmlinux, gib << 30)
    log = tmp_path / "guest.log"
    log.write_text(found.log)
    words = [build("footprint.checked"), "--json", "--levels", "4", log]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    columns = told["machines"][0]["page_tables"]
    assert columns["ours"]["bytes"] == 24 * 1024
    linux = columns["linux-today"]
    # A walk does not meet the page of the folded level.
    computed = (linux["bytes"] // PAGE) - linux["folded"]
    assert found.bytes // PAGE - computed in BESIDE_RAM, (found.tables, linux)
