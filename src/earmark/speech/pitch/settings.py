"""What a tracker can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.errors import EarmarkError

LOWEST, HIGHEST = 40.0, 1000.0  # Hz


@dataclass(frozen=True)
class PitchSettings:
    """How pitch is tracked; strengths are those of an autocorrelation, 1 for a perfectly periodic frame.

    Attributes:
        floor, ceiling: the F0 looked for, Hz, within 40 to 1000.
        voicing: strength below which a frame counts as unvoiced.
        octave: how much an octave more makes a candidate stronger.
        jump: what an octave's jump from one frame to the next costs.
        change: what a change between voiced and unvoiced costs.
        silence: a frame this many dB below the loudest around it is never voiced.
        narrow: what an octave outside the speaker's own range costs, in a second look; 0 looks once.
    """

    floor: float = 60.0
    ceiling: float = 500.0
    voicing: float = 0.3
    octave: float = 0.01
    jump: float = 0.5
    change: float = 0.15
    silence: float = 40.0
    narrow: float = 0.6

    def __post_init__(self) -> None:
        if not LOWEST <= self.floor < self.ceiling <= HIGHEST:
            raise EarmarkError(
                f"F0 from {self.floor:g} to {self.ceiling:g} Hz",
                "is not a range that can be tracked",
                f"choose two frequencies within {LOWEST:g} and {HIGHEST:g} Hz, the lower first",
            )
