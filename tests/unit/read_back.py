# SPDX-License-Identifier: BSD-2-Clause
"""Reads a dump with libkdumpfile and drgn and compares it with what it was made of.

    read_back.py FOLDER FORMAT

FOLDER holds the dump, pages.bin, and pages.txt with a line "ADDRESS OFFSET" for each page of RAM. OFFSET is the
place of the page's content in pages.bin, or "-" for a page that was left out. Prints each difference, and exits
with 1 if there is one.
"""

import os
import sys

import drgn
import kdumpfile
from kdumpfile.exceptions import CorruptException, NoDataException

PAGE = 4096
RELEASE = "6.1.0-test-amd64"
CPUS = 2


def fail(text):
    sys.exit(f"read_back: {text}")


def want(what, found, wanted):
    if found != wanted:
        fail(f"{what} is {found!r}, wanted {wanted!r}")


def pages(folder):
    with open(os.path.join(folder, "pages.bin"), "rb") as file:
        content = file.read()
    with open(os.path.join(folder, "pages.txt"), encoding="ascii") as file:
        for line in file:
            address, offset = line.split()
            if offset == "-":
                yield int(address), None
            else:
                yield int(address), content[int(offset) : int(offset) + PAGE]


def read_kdumpfile(dump, address):
    try:
        return dump.read(kdumpfile.KDUMP_MACHPHYSADDR, address, PAGE)
    except NoDataException:
        return None
    except CorruptException as error:
        if str(error) == "Wrong page size: 0":  # a descriptor of zeroes: the page is lost
            return None
        raise


def judge_kdumpfile(path, form, wanted):
    dump = kdumpfile.kdumpfile(path)
    want("file.format", dump.attr["file.format"], form)
    want("arch.name", dump.attr["arch.name"], "x86_64")
    want("cpu.number", dump.attr["cpu.number"], CPUS)
    want("OSRELEASE", dump.attr["linux.vmcoreinfo.lines.OSRELEASE"], RELEASE)
    want("rip of CPU 1", dump.attr["cpu.1.reg.rip"], 0xFFFFFFFF81234567)
    if form == "diskdump":
        want("linux.uts.release", dump.attr["linux.uts.release"], RELEASE)
        want("linux.uts.machine", dump.attr["linux.uts.machine"], "x86_64")
        want("linux.phys_base", dump.attr["linux.phys_base"], 0x1000000)
    for address, page in wanted:
        if read_kdumpfile(dump, address) != page:
            fail(f"libkdumpfile: page 0x{address:x} differs")


def judge_drgn(path, wanted):
    program = drgn.Program()
    program.set_core_dump(path)
    if not program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL:
        fail("drgn does not take it for a kernel's")
    for address, page in wanted:
        if page is not None and program.read(address, PAGE, True) != page:
            fail(f"drgn: page 0x{address:x} differs")


def main():
    folder, form = sys.argv[1:]
    path = os.path.join(folder, "dump")
    wanted = list(pages(folder))
    if not any(page for _, page in wanted):
        fail("no page to compare")
    judge_kdumpfile(path, form, wanted)
    judge_drgn(path, wanted)


if __name__ == "__main__":
    main()
