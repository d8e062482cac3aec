# SPDX-License-Identifier: BSD-2-Clause
"""The built-in kernel's log reader and page filter on a real dump, compared with makedumpfile on the same file: the
log byte by byte, the choice of pages page by page."""

import re

import pytest

from filter_judge import Ours, frames, makedumpfile_s
from vm.vmcore import read_vmcore

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("stopped")]

# -d: cache 2, private cache 4, user 8, free 16. The writer, not the filter, leaves out pages of zeroes (1).
LEVELS = (2, 4, 8, 16, 30)


@pytest.fixture(scope="module")
def judged(stopped_run, filter_verdict, tmp_path_factory):
    """judged(level, step) is the output, the log, and the bitmap of the pages dumped."""
    return Ours(filter_verdict, stopped_run.dump, tmp_path_factory.mktemp("judged"))


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_pages_are_dumped(stopped_run, judged, run_makedumpfile, record_property, tmp_path, level):
    printed, _, ours = judged(level)
    assert (printed["level"], printed["why"]) == (str(level), "")
    theirs = makedumpfile_s(run_makedumpfile, level, stopped_run.dump, tmp_path / "theirs")
    assert theirs is not None, "makedumpfile does not support this kernel"
    assert not ours & ~theirs, f"only Lifeboat dumps {frames(ours & ~theirs)}"
    assert not theirs & ~ours, f"only makedumpfile dumps {frames(theirs & ~ours)}"
    assert 0 < ours.bit_count() < int(printed["pages"])
    record_property(f"pages_dumped_at_{level}", ours.bit_count())


def test_every_rung_leaves_pages_out(judged):
    printed, _, ours = judged(30)
    assert all(int(printed[kind]) > 0 for kind in ("cache", "user", "free")), printed
    assert int(printed["dumped"]) == ours.bit_count()
    assert printed["unmapped"] == "0"


def test_the_size_of_a_call_does_not_matter(judged):
    assert judged(30, 8)[2] == judged(30, 1 << 20)[2]


def test_all_ram_is_dumped_without_a_rung(stopped_run, judged):
    printed, _, ours = judged(1)
    ram = read_vmcore(stopped_run.dump).loads[1:]  # the first PT_LOAD is the kernel's text
    assert ours.bit_count() == int(printed["pages"]) == sum(load.file_bytes for load in ram) // 4096


def test_the_log_is_as_makedumpfile_has_it(stopped_run, judged, run_makedumpfile, tmp_path):
    printed, log, _ = judged(0)
    run_makedumpfile("--dump-dmesg", stopped_run.dump, tmp_path / "log")
    assert log.split(b"\n") == (tmp_path / "log").read_bytes().split(b"\n")
    assert re.match(rb"\[ +0\.0+\] \[ +T0\] Linux version ", log)
    assert int(printed["records"]) > 100
