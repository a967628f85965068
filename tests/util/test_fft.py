"""Fourier transforms are SciPy's, to the last bit."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy import fft as reference

from earmark.util import fft


@pytest.fixture(params=["compiled", "public"])
def way(request, monkeypatch):
    """By the compiled file, or by `scipy.fft` where a SciPy keeps it elsewhere."""
    if request.param == "public":
        monkeypatch.setattr(fft, "_compiled", lambda: None)
    else:
        assert fft._compiled() is not None


@pytest.fixture(params=["float32", "float64"])
def rows(request):
    return np.random.default_rng(0).standard_normal((3, 7, 100)).astype(request.param)


def same(ours, theirs):
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("length", [None, 100, 64, 131, 256])
def test_forward(way, rows, length):
    same(fft.rfft(rows, length), reference.rfft(rows, length))


@pytest.mark.parametrize("length", [100, 99, 64, 256])
def test_inverse(way, rows, length):
    spectra = reference.rfft(rows)
    same(fft.irfft(spectra, length), reference.irfft(spectra, length))
    same(fft.irfft(np.abs(spectra), length), reference.irfft(np.abs(spectra), length))


def test_there_and_back(way, rows):
    np.testing.assert_allclose(fft.irfft(fft.rfft(rows), 100), rows, atol=1e-5)


def test_cosine(way, rows):
    same(fft.dct(rows), reference.dct(rows, norm="ortho"))


def test_views_are_taken_as_they_lie(way, rows):
    frames = np.lib.stride_tricks.sliding_window_view(rows[0, 0], 32)[::5]
    same(fft.rfft(frames), reference.rfft(frames))
    same(fft.dct(rows[:, ::-2]), reference.dct(rows[:, ::-2], norm="ortho"))


@pytest.mark.parametrize("least", [1, 7, 131, 10_007])
def test_fast_lengths(way, least):
    assert fft.fast_length(least) == reference.next_fast_len(least, real=True)


@pytest.mark.parametrize("first", ["earmark", "scipy"])
def test_both_share_what_is_compiled_whoever_comes_first(first):
    ours = "from earmark.util import fft; ours = fft.rfft(rows)"
    theirs = "import scipy.fft; theirs = scipy.fft.rfft(rows)"
    code = f"""
import numpy as np
rows = np.ones((2, 8), np.float32)
{ours if first == "earmark" else theirs}
{theirs if first == "earmark" else ours}
assert fft._compiled() is scipy.fft._pocketfft.basic.pfft
assert (ours == theirs).all()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_that_need_it_at_once_load_it_once(monkeypatch):
    """Loaded twice at once, it was half made for one of them: what prepares clips in threads failed at times."""
    loaded, again = [], threading.Event()

    def load(module):
        if loaded:
            again.set()
        loaded.append(module)
        again.wait(0.2)  # time for another thread to come in

    spec = SimpleNamespace(loader=SimpleNamespace(exec_module=load))
    monkeypatch.delitem(sys.modules, fft.COMPILED)
    monkeypatch.setattr(fft.PathFinder, "find_spec", lambda *about: spec)
    monkeypatch.setattr(fft, "module_from_spec", lambda spec: ModuleType(fft.COMPILED))
    fft._compiled.cache_clear()
    try:
        with ThreadPoolExecutor(2) as pool:
            one, other = (pool.submit(fft._compiled) for _ in range(2))
            assert one.result(60) is other.result(60) is loaded[0]
    finally:
        fft._compiled.cache_clear()
    assert len(loaded) == 1
