import subprocess
import sys

CODE = """
import numpy as np
from earmark.util.processes import limit
limit({limit})
try:
    held = np.ones({size} // 8)
    print("held")
except MemoryError:
    print("refused")
"""
MB = 2**20


def said(limit, size):
    code = CODE.format(limit=limit, size=size)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.strip()


def test_a_worker_cannot_take_more_memory_than_it_may():
    assert said(600 * MB, 1000 * MB) == "refused"
    assert said(2000 * MB, 1000 * MB) == "held"
