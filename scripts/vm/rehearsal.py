# SPDX-License-Identifier: BSD-2-Clause
"""One rehearsal: disks made, machine run to its end, the dump taken out (verdict.py judges)."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vm import boot_loaders, disk, guest, inject, kernel, panics, reserve, stub_panics, verdict
from vm.builtin import REPORT, BuiltinCapture
from vm.errors import VmError
from vm.firmware import Firmware
from vm.linux_capture import LinuxCapture
from vm.machine import ConsoleLine, DebugStop, Disk, Exited, Machine, MachineSpec, QmpEvent
from vm.progress import Progress
from vm.silence import Silence
from vm.verdict import Verdict
from vm.vmcore import Vmcore, read_vmcore

# Before the user's own, so that theirs win.
FIRST_ARGUMENTS = ["console=ttyS0,115200"]
_LAST_LINES = 12
IN_FILE = "file"  # in place of a dump disk's controller
# What an earlier run may have left in a folder that is used again.
_FROM_A_RUN = ("console.log", "firmware-variables.fd", "vmcore", "vmcore-dmesg.txt", REPORT)


@dataclass
class Options:
    """What to rehearse; the fields are the options of scripts/lifeboat-vm."""

    kernel: Path
    folder: Path  # disks, logs and the dump are made here
    firmware: Firmware
    loader: Path = kernel.LOADER  # lifeboatx64.efi lies beside it
    boot: str = ""  # a word of boot_loaders.BOOT_LOADERS; "": Lifeboat starts the kernel itself
    enter: str = ""  # with it: how Lifeboat gets in front, a word of boot_loaders.ENTERS
    boot_root: Path = Path("/")  # below it lie the boot loader's own files
    initrds: list[Path] = field(default_factory=list)
    append: str = ""
    capture: str | Path = "builtin"  # "linux": the first kernel's image; or another image
    capture_initrd: Path | None = None  # of a Linux; None: built by scripts/mkcapture
    capture_args: str = ""  # of a Linux
    dump_disk: str = "virtio"  # its controller, a word of machine.CONTROLLERS; IN_FILE: a file on the ESP
    crashkernel: str = ""
    config: list[str] = field(default_factory=list)  # further lines of lifeboat.conf
    memory_bytes: int = 2 << 30
    cpus: int = 2
    cpu: str = "max"
    machine: str = "q35"
    qemu_args: list[str] = field(default_factory=list)
    panic: str = "sysrq"
    panic_cpu: int = 0
    panic_at: int | None = None  # for the planted panic
    none_action: str = "reboot"
    before: str = ""  # shell commands for the first kernel's init
    strict: bool = False  # a dump of a lower level than was asked for is a failure
    unarmed: bool = False  # the kill switch is thrown: what happens without Lifeboat
    timeout: float = 300.0
    silence: float = 0.0  # seconds without a word on the console that end the run (silence.py); 0: any number


@dataclass
class Outcome:
    ok: bool
    reason: str  # one sentence, also when all went well
    seconds: float
    progress: Progress
    last_lines: list[str]
    vmcore: Path | None = None
    dmesg: Path | None = None
    report: Path | None = None  # text
    frame: Vmcore | None = None  # the dump's notes, once read
    encrypted: bool = False  # the dump is an age file

    @property
    def purgatory_stages(self) -> dict[str, int]:
        return (self.frame.purgatory_stages if self.frame else None) or self.progress.ticks


class Rehearsal:
    """run() does it all. `on_stage(seconds, name, detail)` and `on_line(seconds, text)`
    are called as things happen."""

    def __init__(
        self,
        options: Options,
        on_stage: Callable[[float, str, str], None] = lambda *_: None,
        on_line: Callable[[float, str], None] = lambda *_: None,
    ):
        self.options = options
        self.on_stage = on_stage
        self.on_line = on_line
        self.capture = _capture(options)
        self.progress = Progress(self.capture.lines())
        self.entered: boot_loaders.Entered | None = None  # with --boot
        self.boot_line: str | None = None  # the boot loader's own
        self._striker: stub_panics.Oops | stub_panics.Planted | None = None  # acts when the debug stub stops

    def run(self) -> Outcome:
        _check(self.options)
        disks = self._make_disks()
        options = self.options
        spec = MachineSpec(
            firmware=options.firmware,
            disks=disks,
            memory_bytes=options.memory_bytes,
            cpus=options.cpus,
            cpu=options.cpu,
            machine=options.machine,
            qemu_args=options.qemu_args,
        )
        if self.entered:
            store = options.firmware.private_variables(options.folder)
            boot_loaders.prepare_firmware(store, self.entered, self._esp_partition)
        with Machine(spec, options.folder) as machine:
            if options.panic_at is not None:
                self._plant(machine, options.panic_at)
            machine.power_on()
            self._reach(0.0, "firmware")
            try:
                ok, reason = self._watch(machine)
            except VmError as error:
                ok, reason = False, str(error)
            seconds = machine.seconds()
            last = [line.text for line in machine.lines[-_LAST_LINES:]]
            if ok and self.entered:
                ok, reason = self._judge_boot_loader(machine, reason)
        outcome = Outcome(ok, reason, seconds, self.progress, last)
        if options.panic != "none" and not options.unarmed and self.progress.took_over:
            self._collect(outcome, self._dump_image(disks))
        return outcome

    # Before

    def first_arguments(self) -> list[str]:
        options = self.options
        words = FIRST_ARGUMENTS + list(panics.PANICS[options.panic].arguments)
        if self._init is not None:
            words += guest.arguments(options.panic_cpu)
        return words + options.append.split()

    @property
    def _init(self) -> str | None:
        """The last action of the first kernel's init; None where it is not to get that far."""
        return panics.script_of(self.options.panic, self.options.none_action)

    def config(self, initrds: list[str]) -> str:
        """lifeboat.conf for these initrds (names on the ESP)."""
        first = ["kernel /vmlinuz"] + [f"initrd /{name}" for name in initrds]
        return self._config(first, [f"arguments {' '.join(self.first_arguments())}"])

    def _config(self, first: list[str], last: list[str]) -> str:
        options = self.options
        lines = ["# Written by lifeboat-vm.", *first]
        if not self._in_file:
            lines += self.capture.config(options.config)
        elif not any(line.split()[:1] == ["dump-to"] for line in options.config):
            lines.append("dump-to file")
        lines += [f"crashkernel {options.crashkernel}"] if options.crashkernel else []
        return "\n".join([*lines, "verbose", *options.config, *last]) + "\n"

    def _make_disks(self) -> list[Disk]:
        options = self.options
        folder = options.folder
        for stale in _FROM_A_RUN:
            (folder / stale).unlink(missing_ok=True)
        initrds: dict[str, Path | bytes] = {f"initrd{n}.img": path for n, path in enumerate(options.initrds)}
        if self._init is not None:
            initrds["overlay.img"] = guest.overlay(self._init, options.before)
        if options.boot:
            self._make_boot_disk(initrds)
        else:
            files: dict[str, Path | bytes] = {"EFI/BOOT/BOOTX64.EFI": options.loader, "vmlinuz": options.kernel}
            files |= self.capture.files(folder) | initrds
            files["EFI/BOOT/lifeboat.conf"] = self.config(list(initrds)).encode()
            self._make_esp(files | self._kill_switch())
        esp = Disk("esp", folder / "esp.img", boot=True)
        if self._in_file:
            reserve.fill(esp.path, self._esp_partition)
            return [esp]
        self.make_dump_disk(folder / "dump.img")
        return [esp, self.dump_disk(folder / "dump.img")]

    @property
    def _in_file(self) -> bool:
        return self.options.dump_disk == IN_FILE

    def _make_esp(self, files: dict[str, Path | bytes]) -> None:
        image = self.options.folder / "esp.img"
        if self._in_file:  # whose map names a disk with a GPT
            files["EFI/lifeboat/.keep"] = b""
            self._esp_partition = boot_loaders.make_disk(image, self.esp(files), {}, reserve.BYTES)
        else:
            disk.make_esp(image, self.esp(files))

    def _dump_image(self, disks: list[Disk]) -> Path:
        if not self._in_file:
            return disks[-1].path
        image = self.options.folder / "reserve.img"
        reserve.take(disks[0].path, self._esp_partition, image)
        return image

    def _make_boot_disk(self, initrds: dict[str, Path | bytes]) -> None:
        """Makes an ESP with a boot loader, and Lifeboat before it."""
        options, folder = self.options, self.options.folder
        arguments = " ".join(self.first_arguments())
        linux = boot_loaders.Linux(options.kernel, initrds, arguments, folder, options.boot_root)
        loaded = boot_loaders.BOOT_LOADERS[options.boot].make(linux)
        boot_loaders.check_configuration(loaded)
        driver = options.loader.with_name("lifeboatx64.efi")
        self.entered = boot_loaders.enter(options.enter, loaded, options.loader, driver)
        # No command line says which console there is.
        config = self._config(self.entered.lines, ["console ttyS0"])
        files = {**self.entered.esp, **self.capture.files(folder), self.entered.config: config.encode()}
        files |= self._kill_switch()
        spare = reserve.BYTES if self._in_file else 0
        if self._in_file:
            files["EFI/lifeboat/.keep"] = b""
        self._esp_partition = boot_loaders.make_disk(folder / "esp.img", self.esp(files), loaded.boot, spare)

    def _kill_switch(self) -> dict[str, Path | bytes]:
        return {"EFI/lifeboat/off": b""} if self.options.unarmed else {}

    # For a rehearsal that does more than this one

    def esp(self, files: dict[str, Path | bytes]) -> dict[str, Path | bytes]:
        """What the ESP holds, by path."""
        return files

    def make_dump_disk(self, image: Path) -> None:
        self.capture.make_dump_disk(image, self.options.memory_bytes)

    def dump_disk(self, image: Path) -> Disk:
        """How the machine has it."""
        return Disk("dump", image, controller=self.options.dump_disk)

    def on_console(self, machine: Machine, line: ConsoleLine) -> None:
        """Called after each console line was noted."""

    def before_oops(self, machine: Machine) -> None:
        """Called when the machine is in user space, just before the panic."""

    # While it runs

    def _plant(self, machine: Machine, address: int) -> None:
        """The machine goes on from here, since the debug stub, not power_on(), holds it."""
        stub = machine.gdb()
        self._striker = stub_panics.Planted(stub, address)
        stub.resume()

    def _watch(self, machine: Machine) -> Verdict:
        deadline = time.monotonic() + self.options.timeout
        silence = Silence(self.options.silence, machine.cpu_seconds)
        while time.monotonic() < deadline:
            event = machine.next_event(min(deadline, silence.deadline))
            judged = None
            if event is None:
                if silence.over():
                    return verdict.of_silence(self.progress, self.options.silence, machine.last_line())
            elif isinstance(event, ConsoleLine):
                silence.spoken()
                judged = self._judge_line(machine, event)
            elif isinstance(event, DebugStop) and self._striker is not None:
                self.before_oops(machine)
                self._striker.strike(event.thread)
            elif isinstance(event, QmpEvent) and event.name == "SUSPEND":
                inject.act(machine, "wakeup", self.options.panic_cpu)
            elif isinstance(event, QmpEvent):
                judged = self._judge_event(event)
            elif isinstance(event, Exited):
                judged = verdict.of_exit(event)
            if judged is not None:
                return judged
        return verdict.of_timeout(self.progress, self.options.timeout, machine.last_line())

    def _judge_line(self, machine: Machine, line: ConsoleLine) -> Verdict | None:
        self._line(line)
        self.on_console(machine, line)
        self._do_what_was_asked(machine)
        judged = verdict.after_line(self.progress)
        if judged is None and self.options.unarmed:
            judged = verdict.unarmed(self.progress)
        return judged

    def _judge_boot_loader(self, machine: Machine, reason: str) -> Verdict:
        """Checks that a boot that went well went the intended way."""
        boot = self.options.boot
        self.boot_line = boot_loaders.own_line(boot, "\n".join(line.text for line in machine.lines))
        if self.boot_line is None:
            return False, f"{reason}, and the console has no line of {boot}'s"
        return True, reason

    def _do_what_was_asked(self, machine: Machine) -> None:
        """Does what the first kernel's init asked for."""
        while self.progress.asks:
            word = self.progress.asks.pop(0)
            if word == "oops":
                self._striker = oops = stub_panics.Oops(machine.gdb(), self.options.panic_cpu)
                oops.wait_for_user()
            else:
                inject.act(machine, word, self.options.panic_cpu)

    def _line(self, line: ConsoleLine) -> None:
        self.on_line(line.time, line.text)
        for stage in self.progress.observe(line.time, line.text):
            self.on_stage(line.time, stage, self.progress.details[stage])

    def _reach(self, seconds: float, stage: str) -> None:
        self.progress.reach(seconds, stage)
        self.on_stage(seconds, stage, "")

    def _judge_event(self, event: QmpEvent) -> Verdict | None:
        if (early := verdict.after_event(self.progress, event)) is not None:
            return early
        if (end := verdict.end_of(self.progress, event)) is None:
            return None
        self._reach(event.time, end)
        action = self.options.none_action if self.options.panic == "none" else None
        return verdict.at_end(self.progress, end, action)

    # Afterwards

    def _collect(self, outcome: Outcome, image: Path) -> None:
        """Take the dump off its disk and look at it; a doubt turns the outcome."""
        try:
            outcome.vmcore, outcome.dmesg = self.capture.collect(image, self.options.folder)
            report = self.options.folder / REPORT
            outcome.report = report if report.exists() else None
            if not outcome.ok:
                return
            if outcome.vmcore is None:
                raise VmError("the capture said done, but its disk holds no dump")
            if is_encrypted(outcome.vmcore):
                outcome.encrypted = True
                outcome.reason = "an encrypted dump, which only its owner can look into"
                return
            outcome.frame = read_vmcore(outcome.vmcore)
            verdict.check_dump(outcome.frame, kernel.release(self.options.kernel))
            if self.options.strict:
                verdict.check_level(outcome.frame.level, self.progress.level_asked)
        except VmError as error:
            outcome.ok, outcome.reason = False, str(error) if outcome.ok else f"{outcome.reason}; {error}"
            return
        outcome.reason = f"a verified dump of {outcome.frame.release}"


def is_encrypted(dump: Path) -> bool:
    """Whether it is an age file."""
    with dump.open("rb") as file:
        return file.readline(64) == b"age-encryption.org/v1\n"


def _save_tool(options: Options) -> Path:
    return options.loader.parent / "lifeboat-save"


def _capture(options: Options) -> BuiltinCapture | LinuxCapture:
    if options.capture == "builtin":
        return BuiltinCapture(_save_tool(options))
    image = None if options.capture == "linux" else Path(options.capture)
    arguments = options.capture_args
    if options.boot:  # the loader sees neither the first kernel nor its console
        image = image or options.kernel
        arguments = " ".join([*FIRST_ARGUMENTS, arguments]).rstrip()
    return LinuxCapture(options.kernel, image, options.capture_initrd, arguments)


# Firmware, its loader and the kernel's own early tables; less than any boot takes.
_LEAST_BYTES = 48 << 20


def _check_kernel(options: Options) -> None:
    """Refuses a kernel that no loader would start, and memory in which none of that size could boot."""
    header = kernel.read_header(options.kernel)
    initrds = sum(path.stat().st_size for path in options.initrds)
    # An initrd is there packed while it is unpacked.
    least = _LEAST_BYTES + header.init_bytes + 2 * initrds
    if options.memory_bytes < least:
        raise VmError(
            f"--memory: {options.memory_bytes >> 20} MiB; the kernel takes {header.init_bytes >> 20} MiB to start, its"
            f" initrds {2 * initrds >> 20} MiB at least, all together {-(-least >> 20)} MiB"
        )


def _check(options: Options) -> None:
    builtin = options.capture == "builtin"
    for path, what in [
        (options.loader, "the loader (run make)"),
        (options.kernel, "the first kernel"),
        (options.loader.with_name("lifeboatx64.efi") if options.boot else None, "the driver (run make)"),
        (_save_tool(options) if builtin else None, "what takes dumps off a partition (run make)"),
        (None if builtin or options.capture == "linux" else Path(options.capture), "the capture kernel"),
        (options.capture_initrd, "the capture initrd"),
        *[(path, "an initrd") for path in options.initrds],
    ]:
        if path is not None and not path.is_file():
            raise VmError(f"{path}: no such file; {what} is wanted")
    if builtin and (options.capture_initrd or options.capture_args):
        raise VmError("--capture-initrd and --capture-args are for a Linux: --capture linux, or an image of one")
    if not 0 <= options.panic_cpu < options.cpus:
        raise VmError(f"--panic-cpu {options.panic_cpu}: the machine has CPUs 0 to {options.cpus - 1}")
    if (options.panic == "planted") != (options.panic_at is not None):
        raise VmError("--panic planted and --panic-at ADDRESS go together")
    if options.before and panics.script_of(options.panic, options.none_action) is None:
        raise VmError(f"--panic {options.panic} cannot have --before: the kernel does not get to user space")
    if options.panic == "vfs" and options.initrds:
        raise VmError("--panic vfs cannot have --initrd: the kernel panics because it finds no root file system")
    if "\n" in options.append + options.capture_args + options.crashkernel:
        raise VmError("kernel arguments: one line is wanted, a newline was found")
    _check_kernel(options)


def save(source: Path | None, target: Path) -> bool:
    """Copy a result to where the user wants it; False where there is none."""
    if source is None:
        return False
    try:
        if not target.exists() or not source.samefile(target):
            shutil.copyfile(source, target)
    except OSError as error:
        raise VmError(f"{target}: {error.strerror}") from error
    return True
