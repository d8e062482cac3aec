# SPDX-License-Identifier: BSD-2-Clause
"""Debian's newest kernels, of sid and experimental: dumped whole and at level 31. makedumpfile judges what is left
out if it supports the kernel, otherwise the kernel's own free lists and counts do."""

import re

import pytest

from filter_judge import FreeLists, Ours, frames, makedumpfile_s, sum_of_bits
from scenarios import CLOUD, FULL_ONLY, NEWEST, NEWEST_BUILTIN, Scenario, rows
from suites import NOT_RUN

pytestmark = pytest.mark.vm

CACHE, CACHE_PRIVATE, USER, FREE = 2, 4, 8, 16
LEVELS = (CACHE, CACHE_PRIVATE, USER, FREE, 30)
# Makes pages of each kind that is left out, and prints the kernel's counts of them.
_BEFORE = """
held=$($b head -c 16000000 /dev/zero | $b tr '\\000' x)
$b head -c 8000000 /dev/zero > /held
$b sed -n 's/^nr_\\(anon\\|file\\)_pages /lifeboat-test: \\1 /p' /proc/vmstat
"""
# Pages that come or go between the counts and the panic.
_SLACK = 512


@pytest.mark.parametrize("scenario", rows(NEWEST_BUILTIN))
def test_the_whole_level_is_reached(try_scenario, record_row, scenario: Scenario):
    run = try_scenario(scenario)
    record_row(scenario, run)
    run.check()
    assert run.findings["filter_level"] == 31 == run.frame.level
    assert [text for text in run.findings["messages"] if text.startswith("lifeboat-capture: ")] == []
    assert "sysrq triggered crash" in run.dmesg.read_text(errors="replace")
    assert re.search(r"own pages are written first: by \d+ page tables\r?\n", run.console), "some are not known"


# This machine's own kernel is the control: makedumpfile supports it, and both judges agree.
@pytest.fixture(
    scope="module",
    params=[pytest.param(one, id=one, marks=pytest.mark.xdist_group(f"newest-{one}")) for one in (CLOUD, *NEWEST)],
)
def whole(request, rehearse, fetched, tmp_path_factory):
    """The run of a kernel whose dump leaves nothing out."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "before.sh").write_text(_BEFORE)
    run = rehearse(
        f"whole-{request.param.replace('/', '-')}", kernel=fetched(request.param), capture="builtin", memory="512M",
        config=["dump-format elf"], before=folder / "before.sh",
    ).check()  # fmt: skip
    yield run
    for large in (run.dump, run.folder / "dump.img"):
        large.unlink()


@pytest.fixture(scope="module")
def ours(whole, filter_verdict, tmp_path_factory):
    return Ours(filter_verdict, whole.dump, tmp_path_factory.mktemp("ours"))


@FULL_ONLY
@pytest.mark.parametrize("level", LEVELS)
def test_every_rung_is_reached(ours, level):
    printed, _, _ = ours(level)
    assert (printed["level"], printed["why"], printed["unmapped"]) == (str(level), "", "0")


@FULL_ONLY
@pytest.mark.parametrize("level", LEVELS)
def test_the_same_pages_as_makedumpfile(whole, ours, run_newest_makedumpfile, tmp_path, level):
    theirs = makedumpfile_s(run_newest_makedumpfile, level, whole.dump, tmp_path / "theirs")
    if theirs is None:
        pytest.skip(f"{NOT_RUN}makedumpfile does not support this kernel; the kernel's own lists and counts judge")
    _, _, bits = ours(level)
    assert not bits & ~theirs, f"only Lifeboat dumps {frames(bits & ~theirs)}"
    assert not theirs & ~bits, f"only makedumpfile dumps {frames(theirs & ~bits)}"


@FULL_ONLY
def test_free_pages_are_those_on_the_free_lists(whole, ours):
    _, _, everything = ours(0)
    _, _, bits = ours(FREE)
    left_out, free = everything & ~bits, everything & sum_of_bits(FreeLists(whole.dump).frames())
    assert free.bit_count() > 1000
    assert not left_out & ~free, f"left out and not free: {frames(left_out & ~free)}"
    assert not free & ~left_out, f"free and not left out: {frames(free & ~left_out)}"


@FULL_ONLY
def test_user_and_cache_pages_are_as_many_as_the_kernel_counts(whole, ours):
    counted = {kind: int(pages) for kind, pages in re.findall(r"lifeboat-test: (anon|file) (\d+)", whole.console)}
    printed, _, _ = ours(30)
    cache = int(printed["cache"]) + int(printed["cache_private"])
    print(f"anon {counted['anon']} counted, {printed['user']} left out; file {counted['file']} counted, {cache} left out")
    assert counted["anon"] > 16000000 // 4096 and counted["file"] > 8000000 // 4096
    assert abs(int(printed["user"]) - counted["anon"]) < _SLACK
    assert abs(cache - counted["file"]) < _SLACK
