"""Types with one meaning throughout: arrays, and what is told of progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
"""Numbers of any shape; a docstring tells which."""

Samples: TypeAlias = NDArray[np.float32]
"""Mono samples [samples], full scale at 1."""

Features: TypeAlias = NDArray[np.float32]
"""What a front end makes of samples [frames, bands]."""

Mask: TypeAlias = NDArray[np.bool_]
"""Which of some things are meant."""

Progress: TypeAlias = Callable[[float, float | None], None]
"""Told how much is done, and of how much in all: None where nobody knows. Seconds of a recording, or things counted."""
