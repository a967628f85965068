"""What a machine computes with: told beside figures of time, as another may take half as long again, or more."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")

INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "amx_int8": "AMX",
    "asimd": "NEON",
    "asimddp": "NEON dot product",
    "i8mm": "NEON matrix product",
}
"""Sets of instructions that decide how fast networks are, above all those of 8 bits: Linux's names, and usual ones."""

APPLE = {
    "hw.optional.avx2_0": "avx2",
    "hw.optional.avx512f": "avx512f",
    "hw.optional.neon": "asimd",
    "hw.optional.arm.FEAT_DotProd": "asimddp",
    "hw.optional.arm.FEAT_I8MM": "i8mm",
}
"""What macOS calls them, where it tells."""


def machine() -> dict[str, Any]:
    """What figures of time were measured on: processor, which of the `INSTRUCTIONS` it has, cores, Python."""
    name, instructions = _linux(CPUINFO.read_text("utf-8")) if CPUINFO.exists() else _apple()
    return {
        "processor": name or platform.processor() or platform.machine(),
        "instructions": instructions,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def in_words(facts: Mapping[str, Any]) -> str:
    """The same as a reader of a table takes it in: `AMD EPYC (AVX2, AVX-512), 2 cores, Python 3.11.7`."""
    sets = ", ".join(INSTRUCTIONS[name] for name in facts["instructions"])
    return f"{facts['processor']}{f' ({sets})' if sets else ''}, {facts['cores']} cores, Python {facts['python']}"


def _linux(cpuinfo: str) -> tuple[str | None, list[str]]:
    """Name and instructions, from the text of /proc/cpuinfo; ARM processors have no name there."""
    said: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        said.setdefault(key.strip(), value.strip())
    has = set((said.get("flags") or said.get("Features") or "").split())
    return said.get("model name"), [name for name in INSTRUCTIONS if name in has]


def _apple() -> tuple[str | None, list[str]]:
    """The same from macOS's `sysctl`; nothing where there is none."""
    try:
        sysctl = subprocess.run(["sysctl", "machdep.cpu.brand_string", "hw.optional"], capture_output=True, text=True)
    except OSError:
        return None, []
    said = dict(line.split(": ", 1) for line in sysctl.stdout.splitlines() if ": " in line)
    has = {name for key, name in APPLE.items() if said.get(key) == "1"}
    return said.get("machdep.cpu.brand_string"), [name for name in INSTRUCTIONS if name in has]
