"""SciPy's Fourier transforms, without all that `import scipy.fft` draws in; and noise made by them.

That import took a quarter of the time that `earmark label` needs for a short clip: helpers for other array libraries,
all of NumPy, special functions. The transforms themselves are one compiled file, which is loaded here by its path;
should a SciPy keep it elsewhere, `scipy.fft` does the work. NumPy's own transforms take six times as long.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOADING = Lock()  # two threads that load it at once may get it half made
COMPILED = "scipy.fft._pocketfft.pypocketfft"
ORTHONORMAL = 1  # the compiled functions' number for it
INVERSE = 2  # and for dividing by the length
LOWEST = 20.0  # Hz: below it, coloured noise gets no louder; nobody would hear it


def rfft(rows: NDArray[Any], n: int | None = None) -> NDArray[Any]:
    """Transform real float32 or float64 rows [..., length], of `n` samples each: cut, or with zeros behind.

    Returns complex64 or complex128 [..., n // 2 + 1].
    """
    compiled = _compiled()
    if compiled is None:
        return np.asarray(_scipy().rfft(rows, n))
    return np.asarray(compiled.r2c(rows if n is None else _fitted(rows, n), (-1,)))


def irfft(spectra: NDArray[Any], n: int) -> NDArray[Any]:
    """The real rows [..., n] that have these spectra [..., bins], which are cut, or get zeros behind, to fit."""
    compiled = _compiled()
    if compiled is None:
        return np.asarray(_scipy().irfft(spectra, n))
    spectra = spectra if np.iscomplexobj(spectra) else spectra + 0j
    return np.asarray(compiled.c2r(_fitted(spectra, n // 2 + 1), (-1,), n, False, INVERSE))


def dct(rows: NDArray[Any]) -> NDArray[Any]:
    """The orthonormal cosine transform, type 2, of float32 or float64 rows [..., length]."""
    compiled = _compiled()
    if compiled is None:
        return np.asarray(_scipy().dct(rows, norm="ortho"))
    return np.asarray(compiled.dct(rows, 2, (-1,), ORTHONORMAL))


def fast_length(least: int) -> int:
    """The next length from `least` samples on that is transformed fast."""
    compiled = _compiled()
    return int(_scipy().next_fast_len(least, real=True) if compiled is None else compiled.good_size(least, True))


def coloured_noise(length: int, rate: int, slope: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise [length] of mean power 1 whose power falls with frequency to the `slope`.

    0 is white, 1 pink, 2 brown.
    """
    white = rng.standard_normal(length)
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / rate), LOWEST)
    noise = irfft(rfft(white) * frequencies ** (-slope / 2), length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float64)


def _fitted(rows: NDArray[Any], length: int) -> NDArray[Any]:
    if rows.shape[-1] >= length:
        return rows[..., :length]
    fitted = np.zeros((*rows.shape[:-1], length), rows.dtype)
    fitted[..., : rows.shape[-1]] = rows
    return fitted


@cache
def _compiled() -> Any | None:
    """SciPy's compiled transforms, under the name by which SciPy itself finds them too; None where they are not."""
    with _LOADING:
        if COMPILED in sys.modules:
            return import_module(COMPILED)  # which waits where another thread is just importing it
        scipy = find_spec("scipy")  # does not import it
        folders = [str(Path(home, "fft", "_pocketfft")) for home in (scipy and scipy.submodule_search_locations) or ()]
        spec = PathFinder.find_spec(COMPILED, folders)
        if spec is None or spec.loader is None:
            return None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[COMPILED] = module
        return module


def _scipy() -> Any:
    from scipy import fft

    return fft
