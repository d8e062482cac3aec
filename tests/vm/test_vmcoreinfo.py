# SPDX-License-Identifier: BSD-2-Clause
"""The VMCOREINFO that Lifeboat makes for a kernel that died before it wrote its own. From the dump of a kernel that
wrote it, the made one must equal the kernel's, key by key. And what can be made from a kernel's file."""

import subprocess
from pathlib import Path

import pytest

from kdump import unpack_core
from kernel_image import write_image_core
from machines import symbol_address
from scenarios import CLOUD, CLOUD_6_12, FULL, FULL_ONLY, NEWEST, NEWEST_BUILTIN, READ_BUILTIN, Scenario, rows
from vm.vmcore import parse_keys

pytestmark = pytest.mark.vm

# The kernel's kexec adds this only at the panic.
AT_THE_CRASH = {"CRASHTIME"}
# Known for every kernel. Kernels list them from 5.11, from some release after 6.12, and kallsyms' tables from
# 6.0 on.
MORE_THAN_THE_KERNEL_S = {"OFFSET(uts_namespace.name)", "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)"}
# Known only from memory: variables that the kernel fills, and free pages.
IN_MEMORY = {
    "SYMBOL(mem_section)", "LENGTH(mem_section)",
    "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)",
}  # fmt: skip


def _made(vmcoreinfo_verdict: Path, core: Path) -> tuple[dict[str, str], list[str]]:
    """Returns the keys, and the names of those left out."""
    done = subprocess.run([vmcoreinfo_verdict, core], stdout=subprocess.PIPE, text=True, check=True)
    text, _, rest = done.stdout.partition("# why=")
    left_out = rest.splitlines()[0]
    return parse_keys(text.encode()), left_out.split(", ") if left_out else []


OTHER_KERNELS = [scenario for scenario in FULL if scenario.name.startswith("full-first-")]


@pytest.mark.parametrize("scenario", rows([READ_BUILTIN, *NEWEST_BUILTIN, *OTHER_KERNELS]))
def test_equals_the_kernel_s_own(run_scenario, run_makedumpfile, vmcoreinfo_verdict, tmp_path, scenario: Scenario):
    run = run_scenario(scenario)
    dump = run.dump
    if scenario in OTHER_KERNELS:  # the capture kernel is a Linux, which compresses with LZO
        dump = tmp_path / "zlib"
        run_makedumpfile("-c", "-d", "31", run.dump, dump)
    unpack_core(dump, tmp_path / "core")
    made, left_out = _made(vmcoreinfo_verdict, tmp_path / "core")
    theirs = {key: value for key, value in run.frame.vmcoreinfo.items() if key not in AT_THE_CRASH}
    assert left_out == []
    assert {key: made.get(key) for key in theirs} == theirs
    more = {key for key in made if key not in theirs and not key.startswith("SYMBOL(kallsyms_")}
    assert more <= MORE_THAN_THE_KERNEL_S


_FILES = [CLOUD, NEWEST[0]]
_FILES_FULL = [CLOUD_6_12, *NEWEST[1:]]


@pytest.mark.parametrize("package", [*_FILES, *[pytest.param(one, marks=FULL_ONLY) for one in _FILES_FULL]])
def test_tables_of_a_kernel_s_file(fetched, vmcoreinfo_verdict, tmp_path, package):
    """Uses the three layouts of kallsyms, and BTF, without a boot."""
    write_image_core(fetched(package), tmp_path / "core")
    made, left_out = _made(vmcoreinfo_verdict, tmp_path / "core")
    assert set(left_out) <= IN_MEMORY
    assert {"SYMBOL(prb)", "SYMBOL(init_uts_ns)", "OFFSET(printk_info.text_len)", "SIZE(page)", "NUMBER(PG_lru)"} <= set(made)
    assert len(made) > 100


def test_symbols_of_a_kernel_s_file(kernel, vmlinux, vmcoreinfo_verdict, tmp_path):
    """The addresses are those of the kernel's debug symbols."""
    write_image_core(kernel, tmp_path / "core")
    made, _ = _made(vmcoreinfo_verdict, tmp_path / "core")
    for name in ("prb", "init_uts_ns", "_stext", "node_data", "printk_rb_static", "vmap_area_list"):
        assert int(made[f"SYMBOL({name})"], 16) == symbol_address(vmlinux, name), name
