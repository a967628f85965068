"""Fundamental frequency of a voice, every 10 ms, from a recording that comes in blocks.

    pitch = track(blocks, 16000)
    pitch.f0                        # Hz, 0 where nothing is voiced
    pitch.speaker([(0.5, 2.1)])     # mean, median, spread over the voiced frames of some spans

How it works, and how well: docs/pitch.md.
"""

from __future__ import annotations

from earmark.speech.pitch.result import STEP, Pitch, SpeakerF0
from earmark.speech.pitch.settings import PitchSettings
from earmark.speech.pitch.tracker import PitchTracker, track

__all__ = ["STEP", "Pitch", "PitchSettings", "PitchTracker", "SpeakerF0", "track"]
