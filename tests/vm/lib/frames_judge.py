# SPDX-License-Identifier: BSD-2-Clause
"""Stacks as build/host/frames_verdict names them, and their judges: the kernel's own trace in its log, and crash
with debug symbols."""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_PREFIX = re.compile(r"^\[ *\d+\.\d+\] (?:\[ *[TC]\d+\] )?")
_ENTRY = re.compile(r"^ (\?)? ?(\S+\+0x[0-9a-f]+)/0x[0-9a-f]+( \[\S+\])?$")
_INTERRUPTED = re.compile(r"^RIP: 0010:(\S+\+0x[0-9a-f]+)/0x[0-9a-f]+( \[\S+\])?$")
_TRACE_ENDS = re.compile(r"^(?:RIP: 0033:|---\[|Kernel Offset|Modules linked in)")
_PANIC = re.compile(r"v?panic\+")
_CRASH_TASK = re.compile(r'^PID: \d+ +TASK: ([0-9a-f]+) +CPU: \d+ +COMMAND: ".+"$', re.MULTILINE)
_CRASH_FRAME = re.compile(
    r"^ *#\d+ \[[0-9a-f]+\] \S+ at ([0-9a-f]+)|\[exception RIP: \S+\]\n +RIP: ([0-9a-f]+)", re.MULTILINE
)


@dataclass(frozen=True)
class Frame:
    address: int
    certain: bool
    user: bool
    name: str  # "vfs_write+0xc7", perhaps with " [MODULE]"; "" if it is not known


@dataclass
class Stack:
    task: int  # address of the task_struct
    pid: int
    state: str
    command: str
    frames: list[Frame] = field(default_factory=list)
    broken: str = ""  # why it is not whole

    @property
    def kernel(self) -> list[Frame]:
        return [frame for frame in self.frames if not frame.user]


@dataclass
class Frames:
    cpus: dict[int, Stack] = field(default_factory=dict)
    tasks: list[Stack] = field(default_factory=list)
    modules: dict[str, list[str]] = field(default_factory=dict)  # base, bytes, taints, state
    missing: list[str] = field(default_factory=list)

    @property
    def sleeping(self) -> list[Stack]:
        running = {stack.task for stack in self.cpus.values()}
        return [stack for stack in self.tasks if stack.task not in running]


def _frame(words: list[str]) -> Frame:
    address, flags, function, *module = words
    name = " ".join([function.partition("/")[0], *(f"[{one}]" for one in module)])
    return Frame(int(address, 16), "?" not in flags, "u" in flags, "" if function == "-" else name)


def read_frames(program: Path, dump: Path) -> Frames:
    """Returns what frames_verdict prints for a dump."""
    done = subprocess.run([program, dump], capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    found, stack = Frames(), None
    for kind, *words in (line.split() for line in done.stdout.splitlines()):
        if kind == "missing":
            found.missing.append(" ".join(words))
        elif kind == "module":
            found.modules[words[0]] = words[1:]
        elif kind == "cpu":
            stack = Stack(int(words[1], 16), int(words[2]), "", " ".join(words[3:]))
            found.cpus[int(words[0])] = stack
        elif kind == "task":
            stack = Stack(int(words[0], 16), int(words[1]), words[2], " ".join(words[3:]))
            found.tasks.append(stack)
        elif kind == "frame":
            stack.frames.append(_frame(words))
        else:
            assert kind == "end", kind
            stack.broken = " ".join(words)
    return found


def printed_trace(log: str) -> list[str]:
    """Returns the functions of the last trace in a kernel's log that its unwinder was certain of. If panic() is
    among them, only those below it."""
    lines = [_PREFIX.sub("", line) for line in log.splitlines()]
    begins = [number for number, line in enumerate(lines) if line == "Call Trace:"]
    assert begins, "the kernel printed no trace"
    trace = []
    for line in lines[begins[-1] + 1 :]:
        if _TRACE_ENDS.match(line):
            break
        if (entry := _ENTRY.match(line)) and not entry[1]:
            trace.append(entry[2] + (entry[3] or ""))
        elif entry := _INTERRUPTED.match(line):
            trace.append(entry[1] + (entry[2] or ""))
    panics = [number for number, name in enumerate(trace) if _PANIC.match(name)]
    if panics:
        after = panics[0]
        while after < len(trace) and _PANIC.match(trace[after]):
            after += 1
        del trace[:after]
    return trace


def crash_frames(said: str) -> list[int]:
    """Returns the addresses of the frames in crash's `bt` of one task, each once."""
    found: list[int] = []
    for called, interrupted in _CRASH_FRAME.findall(said):
        address = int(called or interrupted, 16)
        if found[-1:] != [address]:
            found.append(address)
    return found


def crash_stacks(said: str) -> dict[int, list[int]]:
    """Does the same for `foreach bt`, by the tasks' addresses."""
    parts = _CRASH_TASK.split(said)
    return {int(task, 16): crash_frames(text) for task, text in zip(parts[1::2], parts[2::2])}


def differences(ours: Stack, theirs: list[int]) -> list[str]:
    """Returns the frames that only one of the two has, by name. crash's frames before our first one tell how the CPU
    was stopped, and do not count. A CPU that was stopped in a program has no others."""
    addresses = [frame.address for frame in ours.kernel]
    if not addresses:
        return [] if ours.frames else ["no frames here"]
    if addresses[0] in theirs:
        theirs = theirs[theirs.index(addresses[0]) :]
    if addresses == theirs:
        return []
    names = {frame.address: frame.name for frame in ours.kernel}
    return [f"only here: {names[one]}" for one in addresses if one not in theirs] + [
        f"only crash: {one:#x}" for one in theirs if one not in addresses
    ]
