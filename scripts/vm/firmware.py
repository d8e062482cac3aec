# SPDX-License-Identifier: BSD-2-Clause
"""OVMF: its code, and a private copy of its variables for each machine."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from vm.errors import VmError

DEFAULT = Path("/usr/share/OVMF")
_PAIRS = (
    ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    ("OVMF_CODE.fd", "OVMF_VARS.fd"),
    ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd"),
    ("OVMF_CODE.secboot.fd", "OVMF_VARS.fd"),
)
# Debian's builds with Secure Boot keep their variables behind SMM.
_SMM = re.compile(r"\.(secboot|ms|snakeoil)(\.strictnx)?\.fd$|smm", re.IGNORECASE)


@dataclass(frozen=True)
class Firmware:
    code: Path
    variables: Path  # template; never written
    smm: bool

    def private_variables(self, folder: Path) -> Path:
        """A writable copy in `folder`, made once: a later start finds its changes."""
        copy = folder / "firmware-variables.fd"
        if not copy.exists():
            shutil.copyfile(self.variables, copy)
        return copy

    def machine_options(self) -> str:
        return ",smm=on" if self.smm else ""

    def arguments(self, variables: Path) -> list[str]:
        words = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if self.smm else []
        return words + [
            "-drive",
            f"if=pflash,unit=0,format=raw,readonly=on,file={self.code}",
            "-drive",
            f"if=pflash,unit=1,format=raw,file={variables}",
        ]


def _variables_for(code: Path) -> Path:
    """Pairs OVMF_CODE_4M.ms.fd with OVMF_VARS_4M.ms.fd if there is one, else with OVMF_VARS_4M.fd."""
    own = code.with_name(code.name.replace("CODE", "VARS"))
    plain = code.with_name(re.sub(r"CODE(_4M)?.*\.fd$", r"VARS\1.fd", code.name))
    for candidate in (own, plain):
        if candidate != code and candidate.is_file():
            return candidate
    raise VmError(f"{code}: no variable store beside it; looked for {own.name} and {plain.name}")


def find_firmware(where: Path = DEFAULT) -> Firmware:
    """Finds the firmware by a folder (its first known pair) or by the code file itself."""
    if where.is_dir():
        for code_name, variables_name in _PAIRS:
            code, variables = where / code_name, where / variables_name
            if code.is_file() and variables.is_file():
                return Firmware(code, variables, bool(_SMM.search(code.name)))
        names = ", ".join(f"{code} with {variables}" for code, variables in _PAIRS)
        raise VmError(f"{where}: no UEFI firmware in this folder; looked for {names} (package ovmf)")
    if not where.is_file():
        raise VmError(f"{where}: no such firmware file or folder (package ovmf)")
    return Firmware(where, _variables_for(where), bool(_SMM.search(where.name)))
