# SPDX-License-Identifier: BSD-2-Clause
"""Exceptions and NMIs at each stage of the purgatory: reported with registers and ended by a reset, or survived."""

import re

import firmware_shell as shell
import pytest
from saved_state import SavedState, parse_note
from vm.gdbstub import GdbStub
from vm.machine import Machine

pytestmark = [pytest.mark.vm, pytest.mark.xdist_group("saved-state")]

# The first function of each stage.
STAGES = {
    "entry": "lb_verify_handoff",
    "verify": "lb_verify_segments",
    "quiesce": "lb_quiesce",
    "describe": "lb_describe",
    "swap": "lb_swap",
    "jump": "lb_describe_finish",
}
_UNMAPPED = 0x700000000000
_NOT_CANONICAL = 0x0123456789ABC000  # not canonical with four or five levels
_MARK = 0x5AFEB0A7FEEDF00D
# struct lb_descriptor_tables of include/lifeboat/desc.h: GDT, TSS, then the gates.
_GATES_AT = 48 + 104
_GATE_BYTES, _GATE_TYPE_AT = 16, 5
_PRESENT_INTERRUPT_GATE = 0x8E
# An uncorrected error (SDM 3B, 16.3.2.2). With MCIP alone the program cannot go on, with RIPV it can.
_MCI_STATUS, _MCG_STATUS, _RIPV = 0xBD00000000000000, 0x4, 0x1


def _page_fault(state: SavedState, machine: Machine, stub: GdbStub) -> None:
    stub.write_register(state.thread, "rip", _UNMAPPED)


def _protection_fault(state: SavedState, machine: Machine, stub: GdbStub) -> None:
    stub.write_register(state.thread, "rip", _NOT_CANONICAL)


def _double_fault(state: SavedState, machine: Machine, stub: GdbStub) -> None:
    """Causes a page fault whose gate is not present."""
    gate = state.purgatory["lb_descriptor_tables"] + _GATES_AT + 14 * _GATE_BYTES + _GATE_TYPE_AT
    assert stub.read_memory(gate, 1, physical=True)[0] == _PRESENT_INTERRUPT_GATE
    stub.write_memory(gate, b"\0", physical=True)
    _page_fault(state, machine, stub)


def _machine_check(state: SavedState, machine: Machine, stub: GdbStub, status: int = _MCG_STATUS) -> None:
    answer = machine.qmp.human(f"mce {state.thread - 1} 1 {_MCI_STATUS:#x} {status:#x} 0 0")
    assert not answer.strip(), answer


# By the vector that is reported: the fault, and the RIP where it is not the function's.
FAULTS = {
    14: (_page_fault, _UNMAPPED),
    13: (_protection_fault, _NOT_CANONICAL),
    8: (_double_fault, _UNMAPPED),
    18: (_machine_check, None),
}


def _go_to(machine: Machine, stub: GdbStub, address: int) -> None:
    """Runs to a linear address, at which the purgatory, and the hook at the end, also lie physically."""
    stub.insert_breakpoint(address)
    stub.resume()
    stop = machine.wait_debug_stop(shell.soon())
    assert stub.read_register(stop.thread, "rip") == address
    stub.remove_breakpoint(address)


def _run_into(state: SavedState, folder, vector: int, stage: str, policy: str):
    """Causes the fault `vector` at a stage's first instruction; returns (the run, where the fault was)."""
    provoke, where = FAULTS[vector]
    address = state.purgatory[STAGES[stage]]

    def prepare(machine: Machine, stub: GdbStub) -> None:
        _go_to(machine, stub, address)
        stub.write_register(state.thread, "r15", _MARK)
        provoke(state, machine, stub)

    return state.run(folder, state.policy(policy), prepare), where or address


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("vector", FAULTS)
def test_fault_is_reported_and_resets(saved_state, tmp_path, vector, stage):
    run, where = _run_into(saved_state, tmp_path, vector, stage, "reset")
    said = "\n".join(run.said)
    assert run.outcome == "reset", said
    report = re.search(rf"fault: exception {vector} code 0x[0-9a-f]+ at rip {where:#x} cr2 (0x[0-9a-f]+)", said)
    assert report, said
    assert vector != 14 or int(report[1], 0) == _UNMAPPED
    assert f"r15 {_MARK:016x}" in said
    for register in "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14".split():
        assert re.search(rf"\b{register} +[0-9a-f]{{16}}\b", said), register
    assert run.said[-1].endswith("cold reset")
    # The last stage printed before is the one that was reached.
    before = said[: report.start()]
    assert stage == "entry" or f"lifeboat-purgatory: {stage}\n" in before, said


def test_a_machine_check_after_which_the_program_can_go_on_is_survived(saved_state, tmp_path):
    def prepare(machine: Machine, stub: GdbStub) -> None:
        for function in STAGES.values():
            _go_to(machine, stub, saved_state.purgatory[function])
            _machine_check(saved_state, machine, stub, _MCG_STATUS | _RIPV)

    run = saved_state.run(tmp_path, saved_state.policy("reset"), prepare)
    assert run.outcome == "entered", run.said
    assert run.faults == []


def test_fault_halts_when_told_to(saved_state, tmp_path):
    run, _ = _run_into(saved_state, tmp_path, 14, "swap", "halt")
    assert run.outcome == "halted"
    assert any("fault: exception 14" in line for line in run.said)


def test_fault_resets_when_told_to_boot(saved_state, tmp_path):
    """After an exception there is no way to go on."""
    run, _ = _run_into(saved_state, tmp_path, 13, "describe", "boot")
    assert run.outcome == "reset" and run.said[-1].endswith("cold reset")


def _in_the_hook(state: SavedState) -> list[int]:
    """Returns two places: at the kernel's address, with the kernel's GDT and TSS; at the physical address, with the
    hook's own."""
    return [
        state.entry + state.hook["lb_hook_sound"] - state.hook["lb_hook_reset_system"],
        state.hook["lb_hook_physical.no_vmx"],
    ]


@pytest.mark.parametrize("place", [0, 1], ids=["virtual", "physical"])
@pytest.mark.parametrize("vector", [14, 13])
def test_fault_in_the_hook_resets(saved_state, tmp_path, vector, place):
    """Nothing can be printed there. If the dead kernel handled the fault, it would panic again and again."""
    provoke, _ = FAULTS[vector]

    def prepare(machine: Machine, stub: GdbStub) -> None:
        _go_to(machine, stub, _in_the_hook(saved_state)[place])
        provoke(saved_state, machine, stub)

    run = saved_state.run(tmp_path, saved_state.policy("reset"), prepare)
    assert run.outcome == "reset" and run.said == []


_APIC_PHYSICAL = 0xFEE00000
_LVT_LINT1, _NMI = 0x360, 4 << 8
_FIXMAP = range(0xFFFFFFFFFF5F0000, 0xFFFFFFFFFF600000, 4096)  # where Linux maps it
_MOV_RCX_EAX = b"\x89\x01"  # mov [rcx], eax


def _unmask_nmi_button(state: SavedState, machine: Machine, stub: GdbStub) -> None:
    """Programs LINT1 again at the hook's entry, as the dying CPU. Linux masked it when it died."""
    apic = next(page for page in _FIXMAP if _physical(state, machine, page) == _APIC_PHYSICAL)
    before = stub.read_registers(state.thread)
    code = state.hook["lb_hook_reset_system"]
    original = stub.read_memory(code, len(_MOV_RCX_EAX), physical=True)
    stub.write_memory(code, _MOV_RCX_EAX, physical=True)
    stub.write_registers(state.thread, {"rcx": apic + _LVT_LINT1, "rax": _NMI})
    stub.step(state.thread)
    assert stub.read_register(state.thread, "rip") == before["rip"] + len(_MOV_RCX_EAX)
    stub.write_memory(code, original, physical=True)
    stub.write_registers(state.thread, {name: before[name] for name in ("rcx", "rax", "rip")})


def _physical(state: SavedState, machine: Machine, virtual: int) -> int | None:
    answer = machine.qmp.execute(
        "human-monitor-command", command_line=f"gva2gpa {virtual:#x}", cpu_index=state.thread - 1
    )
    found = re.match(r"gpa: (0x[0-9a-f]+)", str(answer))
    return int(found[1], 0) if found else None


def test_nmi_at_every_stage_is_counted_and_survived(saved_state, tmp_path):
    purgatory = saved_state.purgatory
    stages = [
        *_in_the_hook(saved_state),
        *(purgatory[function] for function in STAGES.values()),
    ]

    def prepare(machine: Machine, stub: GdbStub) -> None:
        _unmask_nmi_button(saved_state, machine, stub)
        for address in stages:
            _go_to(machine, stub, address)
            machine.qmp.execute("inject-nmi")

    plain = saved_state.run(tmp_path / "plain", saved_state.policy("reset"))
    run = saved_state.run(tmp_path / "nmi", saved_state.policy("reset"), prepare)
    assert plain.outcome == run.outcome == "entered", run.said
    assert run.faults == []
    assert int(parse_note(plain.memory["notes"])["NMIS"], 0) == 0
    # The last NMI came before the note was written.
    assert int(parse_note(run.memory["notes"])["NMIS"], 0) == len(stages)
