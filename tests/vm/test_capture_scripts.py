# SPDX-License-Identifier: BSD-2-Clause
"""The scripts inside the capture image, part by part, under the shell that runs them there.

busybox sh sources the same files that go into the image. Only /run/ is replaced by the test's own folder. What a
test needs from a machine (dmesg, a disk) is a file or a shell function.
"""

import pathlib
import re
import shutil
import struct
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "capture"
NOTE_TYPE = 0x4C420001

pytestmark = pytest.mark.skipif(not shutil.which("busybox"), reason="busybox is missing: scripts/setup capture")


@pytest.fixture(name="shell")
def fixture_shell(tmp_path):
    """shell(parts, text) runs text after the parts, and returns (status, lines)."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for path in [*(SCRIPTS / "lib").glob("*.sh"), SCRIPTS / "capture", SCRIPTS / "init"]:
        text = path.read_text().replace("/run/", f"{tmp_path}/").replace("/lib/lifeboat/", f"{folder}/")
        text = text.replace("/etc/lifeboat.conf", f"{tmp_path}/lifeboat.conf").replace("/proc/cmdline", f"{tmp_path}/cmdline")
        (folder / path.name).write_text(text)
    (tmp_path / "lifeboat.conf").write_text(
        "target='/dev/vdb'\nlevel='31'\ncompress='lzo'\nformat='makedumpfile'\nthen='reset'\nsupports='zlib lzo none'\n")
    (tmp_path / "cmdline").write_text("console=ttyS0\n")

    def run(parts, text):
        sources = "".join(f". {folder}/{part}.sh\n" for part in parts.split())
        result = subprocess.run(["busybox", "sh", "-c", f"set -uf\n{sources}{text}"], capture_output=True, text=True,
                                check=False, timeout=60)
        assert result.stderr == ""
        return result.returncode, result.stdout.splitlines()

    return run


def note(name, kind, text):
    pad = lambda data: data + bytes(-len(data) % 4)
    return struct.pack("<III", len(name) + 1, len(text), kind) + pad(name.encode() + b"\0") + pad(text)


def core(*notes, at=0x1000):
    """Makes an ELF core like /proc/vmcore: header, one PT_NOTE, and the notes on a later page."""
    body = b"".join(notes)
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(body), len(body), 0)
    return header + bytes(at - len(header)) + body


PRSTATUS = note("CORE", 1, bytes(336))
VMCOREINFO = note("VMCOREINFO", 0, b"OSRELEASE=6.1.0\nTSC.hook=77\n")
STAMPS = b"VERSION=0.1.0\nTSC.hook=0x3b9aca00\nTSC.entry=0x3b9b4d60\nTSC.unused=0x0\nTSC.jump=0x77359400\nCRASH=0x1-0x2\n"


@pytest.mark.parametrize("before", [[], [PRSTATUS] * 3 + [VMCOREINFO], [note("X", 9, b"abc")]])
def test_timeline(shell, tmp_path, before):
    (tmp_path / "core").write_bytes(core(*before, note("LIFEBOAT", NOTE_TYPE, STAMPS), PRSTATUS))
    _, lines = shell("report vmcore note", f"""
        dmesg() {{ echo '[    0.1] tsc: Detected 1999.000 MHz processor'
            echo '[    1.2] tsc: Refined TSC clocksource calibration: 2000.000 MHz'; }}
        vmcore={tmp_path}/core
        note_timeline""")
    words = [line.split(" uptime=")[0] for line in lines]
    assert words == [
        "lifeboat-capture: note VERSION=0.1.0",
        "lifeboat-capture: note TSC.hook=0x3b9aca00",
        "lifeboat-capture: note TSC.entry=0x3b9b4d60",
        "lifeboat-capture: note TSC.unused=0x0",
        "lifeboat-capture: note TSC.jump=0x77359400",
        "lifeboat-capture: note CRASH=0x1-0x2",
        "lifeboat-capture: timeline unit=ms tsc_khz=2000000 hook=0.000 entry=0.016 jump=500.000",
    ]


def test_timeline_without_a_known_clock(shell, tmp_path):
    (tmp_path / "core").write_bytes(core(note("LIFEBOAT", NOTE_TYPE, STAMPS)))
    _, lines = shell("report vmcore note", f"dmesg() {{ :; }}\nvmcore={tmp_path}/core\nnote_timeline")
    assert len(lines) == 6 and not any("timeline" in line for line in lines)


@pytest.mark.parametrize("data", [
    core(PRSTATUS, VMCOREINFO),
    core(),
    core(note("LIFEBOAT", NOTE_TYPE, STAMPS))[:-8],
    core(struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, NOTE_TYPE)),
    b"\x7fELF",
], ids=["no note of ours", "no notes", "cut short", "sizes beyond the end", "no header"])
def test_core_without_our_note(shell, tmp_path, data):
    (tmp_path / "core").write_bytes(data)
    _, lines = shell("report vmcore note", f"vmcore={tmp_path}/core\nnote_timeline 2> {tmp_path}/err")
    assert lines == []


RESTARTING = "[    9.0] reboot: Restarting system\n"
PANIC = "[    4.7] Kernel panic - not syncing: sysrq triggered crash\n"
TASK = "[    9.1] task:kworker/0:1     state:I stack:0     pid:9\n"


@pytest.mark.parametrize("last, expected", [
    (PANIC, "panic"),
    ("[    4.7] Oops: 0002 [#1] PREEMPT SMP NOPTI\n", "panic"),
    (RESTARTING + TASK + PANIC, "panic"),
    (RESTARTING, "reboot"),
    ("[    9.0] [      T1] reboot: Restarting system\n", "reboot"),
    ("[    4.7] Oops: 0002 [#1] PREEMPT SMP NOPTI\n" + RESTARTING + "[    9.1] reboot: machine restart\n", "reboot"),
    (RESTARTING + TASK * 15, "reboot"),
    ("[    9.0] kexec_core: Starting new kernel\n", "reboot"),
    (RESTARTING + TASK * 16, "no sign"),
    (TASK * 400, "no sign"),
    ("[    9.0] init: say reboot: Restarting system\n", "no sign"),
    ("[    9.0] two\n           reboot: Restarting system\n", "no sign"),
], ids=["panic", "oops", "panic in a reboot", "reboot", "with callers", "reboot after an oops", "last words", "kexec",
        "long ago", "pushed out", "quoted", "second line"])
def test_was_there_a_panic(shell, tmp_path, last, expected):
    (tmp_path / "log").write_text(f"[    0.0] Linux version 6.1\n{last}")
    check = f"log={tmp_path}/log\nlog_saved=x\ndmesg() {{ :; }}\nvmcore_require_panic\necho went on"
    status, lines = shell("report vmcore", "force=0\n" + check)
    assert (lines[-1] == "went on") == (expected != "reboot")
    assert ("warning reason=no-sign" in lines[0]) == (expected == "no sign")
    if expected == "reboot":
        assert status == 1 and "failed reason=no-panic" in lines[0] and "nothing panicked" in lines[0]
        _, lines = shell("report vmcore", "force=1\n" + check)
        assert "warning reason=no-panic" in lines[0] and lines[1] == "went on"


def test_what_a_log_tells_is_that_of_the_builtin_kernel(shell):
    source = (SCRIPTS.parents[1] / "crash" / "dead" / "crash_signs.c").read_text()
    header = (SCRIPTS.parents[1] / "crash" / "dead" / "crash_signs.h").read_text()
    _, lines = shell("report vmcore", 'echo "$crash_signs"; echo "$reboot_signs"; echo "$last_lines"')
    for name, line in zip(("crash", "reboot"), lines):
        words = re.search(rf"\b{name}_words\[\]\[\d+\] = \{{(.*?)\}};", source, re.DOTALL)
        builtin = re.findall(r'"([^"]+)"', words[1])
        assert len(builtin) > 1 and line.split("|") == builtin
    assert re.search(r"LAST_LINES (\d+)U", header)[1] == lines[2]


def test_no_log_does_not_mean_no_panic(shell, tmp_path):
    _, lines = shell("report vmcore", f"force=0\nlog={tmp_path}/none\nvmcore_require_panic\necho went on")
    assert lines == ["went on"]


def test_failure_prints_the_log_that_no_target_has(shell, tmp_path):
    (tmp_path / "vmcore-dmesg.txt").write_text("first words\nlast words\n")
    for saved, shown in (("none", True), ("/dev/vdb@4096", False)):
        (tmp_path / "outcome").unlink(missing_ok=True)
        status, lines = shell("report", f"log_saved={saved}\ndmesg() {{ echo own words; }}\nfail full 'a \"b\"'\necho never")
        assert status == 1 and "never" not in lines and (tmp_path / "outcome").exists()
        assert lines[0].startswith("lifeboat-capture: failed reason=full message=\"a 'b'\" uptime=")
        assert ("last words" in lines) == shown
        assert lines[-1] == "own words"


SHOW = 'config_load\necho "$target|$level|$compress|$format|$then|$force"\nconfig_complain'


@pytest.mark.parametrize("cmdline, expected", [
    ("quiet", "/dev/vdb|31|lzo|makedumpfile|reset|0"),
    ("lifeboat.target=LABEL=a:/b lifeboat.level=1 lifeboat.then=halt", "LABEL=a:/b|1|lzo|makedumpfile|halt|0"),
    ("lifeboat.compress=none lifeboat.force=1", "/dev/vdb|31|none|makedumpfile|reset|1"),
    ("lifeboat.level=5 lifeboat.format=elf", "/dev/vdb|0|none|elf|reset|0"),
    ("lifeboat.target=tcp:10.0.2.2:99 xlifeboat.level=1", "tcp:10.0.2.2:99|31|lzo|makedumpfile|reset|0"),
])
def test_command_line_over_image(shell, tmp_path, cmdline, expected):
    (tmp_path / "cmdline").write_text(cmdline + "\n")
    assert shell("report config", SHOW) == (0, [expected])


@pytest.mark.parametrize("word, wanted", [
    ("lifeboat.level=32", "a number from 0 to 31"),
    ("lifeboat.level=-1", "a number from 0 to 31"),
    ("lifeboat.level=08", "a number from 0 to 31"),
    ("lifeboat.level=031", "a number from 0 to 31"),
    ("lifeboat.stall=0900", "a number from 0 to 86400"),
    ("lifeboat.level=", "a number from 0 to 31"),
    ("lifeboat.level=99999999999999999999", "a number from 0 to 31"),
    ("lifeboat.compress=zstd", "one of: zlib lzo none"),
    ("lifeboat.then=$(reboot)", "one of: reset poweroff halt shell"),
    ("lifeboat.target=vdb", "/dev/NAME"),
    ("lifeboat.nonsense=1", "a setting that exists"),
])
def test_bad_words_change_nothing(shell, tmp_path, word, wanted):
    (tmp_path / "cmdline").write_text(f"quiet {word}\n")
    _, lines = shell("report config", SHOW)
    assert lines[0] == "/dev/vdb|31|lzo|makedumpfile|reset|0"
    assert len(lines) == 2 and lines[1].startswith("lifeboat-capture: warning reason=bad-setting")
    assert word in lines[1] and wanted in lines[1]


@pytest.mark.parametrize("make, expected", [
    (["mkfs.ext4", "-q"], "ext4"),
    (["mkfs.ext4", "-q", "-O", "^has_journal"], "ext4"),
    (["mkfs.vfat", "-F", "16"], "vfat"),
    (["mkfs.vfat", "-F", "32"], "vfat"),
    (None, None),
])
def test_filesystem_by_its_magic(shell, tmp_path, make, expected):
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    if make:
        tool = shutil.which(make[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
        if not tool:
            pytest.skip(f"{make[0]} is missing: scripts/setup vm")
        subprocess.run([tool, *make[1:], str(disk)], check=True, capture_output=True)
    _, lines = shell("report target-fs", f"dmesg() {{ :; }}\ndevice={disk}\nfilesystem_find\necho $filesystem")
    if expected:
        assert lines == [expected]
    else:
        assert "failed reason=target-mount" in lines[0] and f"{disk} holds no" in lines[0]


@pytest.mark.parametrize("content, at, free", [
    (b"", 0, True), (b"LIFEBOATDUMP1\nstate=complete\n", 0, True), (b"\x55\xaa", 510, False),
    (b"EFI PART", 512, False), (b"\x53\xef", 1080, False), (b"_BHRfS_M", 65600, False),
])
def test_raw_device_in_use_is_refused(shell, tmp_path, content, at, free):
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(1 << 20)
        file.seek(at)
        file.write(content)
    before = disk.read_bytes()
    check = f"device={disk}\ndmesg() {{ :; }}\nraw_require_free\necho free"
    _, lines = shell("report target-raw", "overwrite=0\n" + check)
    assert (lines == ["free"]) == free
    if not free:
        assert "failed reason=target-in-use" in lines[0]
    assert shell("report target-raw", "overwrite=1\n" + check)[1] == ["free"]
    assert disk.read_bytes() == before


def test_raw_header(shell, tmp_path):
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xff" * 16384)
    shell("report target-raw", f"device={disk}\nlog_offset=8192\nlog_bytes=5\nraw_header complete bytes=9 sha256=ab")
    data = disk.read_bytes()
    assert data[:4096].rstrip(b"\0").decode().splitlines() == [
        "LIFEBOATDUMP1", "state=complete", "offset=4096", "log_offset=8192", "log_bytes=5", "bytes=9", "sha256=ab"]
    assert data[4096:] == b"\xff" * 12288


def test_bounded(shell, tmp_path):
    """The third command waits for a writer that comes after the limit."""
    _, lines = shell("bounded", f"bounded 9 true; echo $?; bounded 9 false; echo $?\nmkfifo {tmp_path}/stuck\n"
                     f"bounded 1 cat {tmp_path}/stuck; echo $?; : > {tmp_path}/stuck")
    assert lines == ["0", "1", "1"]


def test_progress(shell, tmp_path):
    """There is a line for every ten percent, whatever else is printed in between, and every message is kept."""
    said = "Excluding pages          : [ 50.0 %] |\r"
    said += "".join(f"Copying data           : [{half / 2:5.1f} %] \\        eta: 3s\r" for half in range(0, 201))
    said += "\nSTEP [Copying data               ] : 28.381133 seconds\nWrite bytes     : 77\n"
    (tmp_path / "said").write_bytes(said.encode())
    (tmp_path / "dump.log").write_text("")
    _, lines = shell("report dump", f"stall=9\nuptime_seconds() {{ echo 1; }}\ndump_follow < {tmp_path}/said\ndump_last_words")
    percents = [line.split()[2] for line in lines if "percent=" in line]
    assert percents == [f"percent={number}" for number in range(10, 101, 10)]
    assert lines[-1] == "Write bytes     : 77"
    assert (tmp_path / "dump.log").read_bytes() == said.encode()


@pytest.mark.parametrize("text, reason", [
    ("Can't write the dump file(x). No space left on device\n", "target-full"),
    ("nc: can't connect to remote host (10.0.2.2): Connection refused\n", "target-unreachable"),
    ("get_mem_section: Could not validate mem_section.\n", None),
])
def test_hopeless(shell, tmp_path, text, reason):
    (tmp_path / "dump.log").write_text(text)
    assert shell("report dump", "dump_hopeless")[1] == ([reason] if reason else [])


@pytest.mark.parametrize("fmt, level, attempts", [
    ("makedumpfile", 31, ["31", "1", "0", "elf"]), ("makedumpfile", 1, ["1", "0", "elf"]),
    ("makedumpfile", 0, ["0", "elf"]), ("elf", 0, ["elf"]),
])
def test_attempts(shell, fmt, level, attempts):
    assert shell("report dump", f"format={fmt}\nlevel={level}\ndump_attempts")[1] == attempts


SLAB_FLAG, SLAB_TYPE = b"NUMBER(PG_slab)=9", b"NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376"


def core_of(key):
    return core(PRSTATUS, note("VMCOREINFO", 0, b"OSRELEASE=6.12.0\n" + key + b"\nX=1\n"))


def makedumpfile_with(tmp_path, key):
    """Makes a makedumpfile that has a name for the key, and returns its folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "makedumpfile").write_bytes(b"\x7fELF\0" + key + b"\0\n\0")
    (folder / "makedumpfile").chmod(0o755)
    return folder


@pytest.mark.parametrize("key, program, level, kept", [
    (SLAB_TYPE, SLAB_FLAG, 31, 23),
    (SLAB_TYPE, SLAB_FLAG, 8, 0),
    (SLAB_TYPE, SLAB_FLAG, 17, 17),
    (SLAB_TYPE, SLAB_TYPE, 31, 31),
    (SLAB_FLAG, SLAB_FLAG, 31, 31),
])
def test_level_for_a_kernel_that_makedumpfile_is_too_old_for(shell, tmp_path, key, program, level, kept):
    (tmp_path / "core").write_bytes(core_of(key))
    folder = makedumpfile_with(tmp_path, program)
    _, lines = shell("report vmcore note dump", f"PATH={folder}:$PATH\nvmcore={tmp_path}/core\nformat=makedumpfile\n"
                     f"level={level}\ndmesg() {{ :; }}\ndump_limit_level\necho $level")
    assert lines[-1] == str(kept)
    assert [f"level {kept}," in line for line in lines[:-1]] == ([True] if kept != level else [])


def test_level_where_the_core_has_no_notes(shell, tmp_path):
    whole = core_of(SLAB_TYPE)
    folder = makedumpfile_with(tmp_path, SLAB_FLAG)
    for data in (bytes(4096), whole[:64] + struct.pack("<I", 1) + whole[68:]):  # 1: PT_LOAD
        (tmp_path / "core").write_bytes(data)
        assert shell("report vmcore note dump", f"PATH={folder}:$PATH\nvmcore={tmp_path}/core\nformat=makedumpfile\n"
                     "level=31\ndump_limit_level\necho $level") == (0, ["31"])


def test_space(shell, tmp_path):
    with (tmp_path / "core").open("wb") as file:
        file.truncate(1000000)
    begin = f"vmcore={tmp_path}/core\ntarget=T\nlog_saved=x\ndmesg() {{ :; }}\nformat=makedumpfile\ncompress=lzo\nlevel=31\n"
    for limit, kept, expected in ((1000000, 0, "verdict=fits"), (500000, 400000, "verdict=fits"),
                                  (100000, 400000, "verdict=tight"), (20000, 400000, "failed reason=target-full")):
        _, lines = shell("report space", f"{begin}dump_limit={limit}\nspace_kept() {{ echo {kept}; }}\nspace_check")
        assert expected in lines[0]
    _, lines = shell("report space", f"{begin}compress=none\ndump_limit=300000\nspace_kept() {{ echo 400000; }}\nspace_check")
    assert "failed reason=target-full" in lines[0] and "300000" in lines[0] and "400000" in lines[0]
    assert shell("report space", f"{begin}dump_limit=\nspace_check") == (0, [])
