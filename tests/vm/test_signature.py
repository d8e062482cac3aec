# SPDX-License-Identifier: BSD-2-Clause
"""The signature, over the dumps of other tests. It names the cause. It is the same for the same cause in the same
kernel, whatever the machine, the second kernel and KASLR's offset, and differs for another cause."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import build
from scenarios import CAPTURED, DEATHS, FULL, FULL_ONLY, READ_BUILTIN, Scenario, rows

pytestmark = pytest.mark.vm

# Class and function of causes that do not depend on the kernel.
CAUSES = {
    "sysrq": "sysrq:sysrq_handle_crash",
    "init": "init-killed:do_exit",
    "self process": "null-pointer:oops",
    "self irq": "null-pointer:oops",
    "self softirq": "null-pointer:oops",
    "self nested": "panic:panic_again",
    "self double": "double-fault:double_fault",
    "self soft": "soft-lockup:soft",
    "self hung": "hung-task:sleep_for_ever",
}
# Here chance decides where the kernel was interrupted, or there is no frame.
CHANCE = {"nmi", "mce", "oom", "self stack"}
BOOTS = 10


@pytest.fixture(scope="module")
def signature_of():
    """signature_of(dump) is (signature, build ID), by lifeboat-report."""
    tool = build("lifeboat-report")

    def read(dump: Path) -> tuple[str, str]:
        text = subprocess.run([tool, dump], check=True, capture_output=True, text=True, timeout=300).stdout
        return tuple(re.search(rf"^{key}: (.*)$", text, re.MULTILINE)[1] for key in ("signature", "build-id"))

    return read


@pytest.fixture(scope="session")
def first_to_say(tmp_path_factory):
    """first_to_say(key, value) is the value with which any worker first called it for this key."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def say(key: str, value: str) -> str:
        mine, common = base / f"signature-{key}", folder / f"signature-of-{key}"
        mine.write_text(value)
        try:
            os.link(mine, common)
        except FileExistsError:
            pass
        return common.read_text()

    return say


@pytest.mark.parametrize("scenario", rows([*CAPTURED, READ_BUILTIN, *DEATHS, *FULL]))
def test_same_cause_same_signature(run_scenario, signature_of, first_to_say, scenario: Scenario):
    signature, build_id = signature_of(run_scenario(scenario).dump)
    kind = scenario.kind.replace(" ", "-")
    print(signature)
    cause = CAUSES.get(scenario.kind)
    assert cause is None or re.fullmatch(rf"{cause}:[0-9a-f]{{8}}", signature), signature
    if scenario.kind not in CHANCE:
        assert first_to_say(f"{build_id}-{kind}", signature) == signature
    # The signature belongs to this cause only.
    assert first_to_say(f"{build_id}-{signature.replace(':', '-')}", kind) == kind


@FULL_ONLY
def test_ten_boots_one_signature(rehearse, signature_of):
    """The kernel lies elsewhere at each boot. Some machines have another size and number of CPUs."""
    signatures, offsets = set(), set()
    for number in range(BOOTS):
        run = rehearse(
            f"boot-{number}", capture="builtin", panic="sysrq", memory=f"{512 + 128 * (number % 3)}M",
            cpus=1 + number % 2,
        ).check()  # fmt: skip
        offsets.add(re.search(r"Kernel Offset: (0x[0-9a-f]+)", run.dmesg.read_text(errors="replace"))[1])
        signatures.add(signature_of(run.dump)[0])
    assert len(signatures) == 1 and len(offsets) > BOOTS // 2, (signatures, offsets)
