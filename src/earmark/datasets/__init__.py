"""Datasets: every layout read into one table of clips."""

from __future__ import annotations

from earmark.datasets.catalogue import data_folder, find
from earmark.datasets.clips import Clip, Dataset, combine
from earmark.datasets.layouts import LAYOUTS, guess_layout, load

__all__ = ["LAYOUTS", "Clip", "Dataset", "combine", "data_folder", "find", "guess_layout", "load"]
