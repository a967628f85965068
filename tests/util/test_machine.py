"""What is told of the machine beside figures of time."""

import os
import platform

import pytest

from earmark.util import machine as computer
from earmark.util.machine import in_words, machine

EPYC = """processor\t: 0
model name\t: AMD EPYC 9R14
flags\t\t: fpu sse4_2 avx avx2 avx512f avx512_vnni sha_ni

processor\t: 1
model name\t: something else
flags\t\t: fpu
"""
OLDER = "model name\t: Intel(R) Core(TM) i5-6500\nflags\t\t: fpu sse4_2 avx avx2 f16c\n"
NEWER = "model name\t: Intel(R) Core(TM) i5-13500\nflags\t\t: avx2 avx_vnni\n"
GRAVITON = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd evtstrm aes asimdhp asimddp sve i8mm\n"


@pytest.mark.parametrize(
    ("text", "name", "instructions", "told"),
    [
        (EPYC, "AMD EPYC 9R14", ["avx2", "avx512f", "avx512_vnni"], " (AVX2, AVX-512, AVX-512 VNNI)"),
        (OLDER, "Intel(R) Core(TM) i5-6500", ["avx2"], " (AVX2)"),
        (NEWER, "Intel(R) Core(TM) i5-13500", ["avx2", "avx_vnni"], " (AVX2, AVX-VNNI)"),
        (GRAVITON, None, ["asimd", "asimddp", "i8mm"], " (NEON, NEON dot product, NEON matrix product)"),
        ("", None, [], ""),
    ],
)
def test_linux(tmp_path, monkeypatch, text, name, instructions, told):
    monkeypatch.setattr(computer, "CPUINFO", tmp_path / "cpuinfo")
    computer.CPUINFO.write_text(text)
    facts = machine()
    name = name or platform.processor() or platform.machine()
    assert facts == {
        "processor": name,
        "instructions": instructions,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    assert in_words(facts) == f"{name}{told}, {os.cpu_count()} cores, Python {platform.python_version()}"


def test_macos(tmp_path, monkeypatch):
    """A stand-in says what `sysctl` says on an Apple M2."""
    program = tmp_path / "sysctl"
    lines = ["machdep.cpu.brand_string: Apple M2", "hw.optional.neon: 1", "hw.optional.arm.FEAT_DotProd: 1"]
    program.write_text("\n".join(["#!/bin/sh", *(f"echo '{x}'" for x in lines), "echo 'hw.optional.avx512f: 0'"]))
    program.chmod(0o755)
    monkeypatch.setattr(computer, "CPUINFO", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    facts = machine()
    assert (facts["processor"], facts["instructions"]) == ("Apple M2", ["asimd", "asimddp"])


def test_a_system_that_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(computer, "CPUINFO", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine()["instructions"] == []
    assert machine()["processor"]
