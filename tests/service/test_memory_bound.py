import subprocess
import sys

CODE = """
import numpy as np
from earmark.util.processes import limit
for most in (2000, 600):
    limit(most * 2**20)
    try:
        held = np.empty(1000 * 2**17)
        print("held")
    except MemoryError:
        print("refused")
    held = None
"""


def test_a_worker_cannot_take_more_memory_than_it_may():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["held", "refused"]
