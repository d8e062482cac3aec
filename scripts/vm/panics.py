# SPDX-License-Identifier: BSD-2-Clause
"""What brings the first kernel down, or ends it in order: the words of --panic and --none-action.

Each is a piece of shell that the first kernel's init reads last (guest.py), with
$b busybox, $cpu the CPU of --panic-cpu, and ask() for what only the host can do.
"""

from dataclasses import dataclass

# For what comes from outside, or later: init must neither end nor use up its CPU.
_STAY = "exec $b cat"


@dataclass(frozen=True)
class Panic:
    about: str  # one line for --help
    script: str | None = None  # None: the kernel never gets to user space
    arguments: tuple[str, ...] = ()


PANICS = {
    "sysrq": Panic(
        "echo c > /proc/sysrq-trigger, on the CPU of --panic-cpu",
        """$b taskset -c "$cpu" $b sh -c 'echo c > /proc/sysrq-trigger'""",
    ),
    "oops": Panic(
        "a bad jump inside a system call, on the CPU of --panic-cpu, by QEMU's debug stub",
        'ask oops\n$b taskset -c "$cpu" /lifeboat/busy',
    ),
    "nmi": Panic(
        "the NMI button, a panic by the default profile's unknown_nmi_panic; CPU 0 gets it",
        f"ask nmi\n{_STAY}",
    ),
    "mce": Panic(
        "a fatal machine check, on the CPU of --panic-cpu; Debian's cloud kernel knows none",
        f"ask mce\n{_STAY}",
    ),
    "oom": Panic(
        "out of memory, with vm.panic_on_oom",
        'echo 1 > /proc/sys/vm/panic_on_oom\n$b taskset -c "$cpu" $b tail /dev/zero',
    ),
    "init": Panic("the first process ends, on the CPU of --panic-cpu", 'exec $b taskset -c "$cpu" $b true'),
    "vfs": Panic("no initrd and no root file system: the panic before any user space"),
    "planted": Panic(
        "an undefined instruction at --panic-at, an address of the kernel booted with nokaslr",
        arguments=("nokaslr",),
    ),
    "self": Panic("none is caused: what --before does brings the kernel down", _STAY),
    "none": Panic("no panic: what --none-action does must end as it should"),
}

# How the machine's visit ends: "noticed" is a capture that was entered, found that nothing
# had panicked, said so and reset.
RESET, POWEROFF, NOTICED = "reset", "poweroff", "noticed"


@dataclass(frozen=True)
class Action:
    about: str
    script: str
    end: str


ACTIONS = {
    "reboot": Action("an ordinary reboot", "$b reboot -f", RESET),
    "poweroff": Action("an ordinary power-off", "$b poweroff -f", POWEROFF),
    # Nothing waits for the console there: a changed terminal setting does.
    "sysrq-b": Action("the emergency reboot", "$b stty -echo\necho b > /proc/sysrq-trigger", RESET),
    "warm": Action(
        "a warm reboot, which the hook cannot tell from a panic",
        "echo warm > /sys/kernel/reboot/mode\n$b reboot -f",
        NOTICED,
    ),
}


def script_of(panic: str, action: str) -> str | None:
    """Init's last action; None where there is no user space."""
    return ACTIONS[action].script if panic == "none" else PANICS[panic].script
