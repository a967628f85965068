"""What was wrong with a recording while it was read, gathered into one warning."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from earmark.errors import EarmarkWarning

# A header that tells the truth is right to within a frame or two; some round to whole seconds.
_MISSING_S = 0.5
_MISSING_PART = 0.002
_WORTH_SAYING_S = 0.05


@dataclass
class Damage:
    """Counts that the decoder keeps; `warn` says them once."""

    name: str
    note: str = ""  # what else is to be said of it
    packets: int = 0
    undecodable: int = 0  # packets
    unreadable: int = 0  # times that reading on from the file failed
    silence: float = 0.0  # seconds in place of what could not be decoded
    refused_jump: float = 0.0  # seconds
    no_numbers: int = 0  # samples
    too_large: int = 0  # samples

    def warn(self, ended: float | None = None, claimed: float | None = None) -> None:
        """One `EarmarkWarning` if anything was wrong.

        ended: where the audio ended, seconds, if it was read to its end. claimed: where its header says.
        """
        parts = self._parts()
        if ended is not None and claimed is not None and not self.refused_jump:
            missing = claimed - ended
            if missing > max(_MISSING_S, _MISSING_PART * claimed):
                parts.append(f"ends early: {ended:.1f} s of the {claimed:.1f} s its header claims")
        if parts:
            warnings.warn(EarmarkWarning(f"{self.name}: {'; '.join(parts)}"), stacklevel=3)

    def _parts(self) -> list[str]:
        parts = [self.note] if self.note else []
        if self.undecodable:
            text = f"damaged: {self.undecodable} of {self.packets} packets could not be decoded"
            if self.silence >= _WORTH_SAYING_S:
                text += f", {self.silence:.1f} s filled with silence"
            parts.append(text)
        elif self.silence >= _WORTH_SAYING_S:
            parts.append(f"damaged: {self.silence:.1f} s could not be read and are filled with silence")
        elif self.unreadable:
            parts.append("damaged: parts of it could not be read")
        if self.refused_jump:
            parts.append(f"a jump of {self.refused_jump:.0f} s in its timestamps is not believed")
        if self.no_numbers:
            parts.append(f"{_samples(self.no_numbers)} that are no numbers set to 0")
        if self.too_large:
            parts.append(f"{_samples(self.too_large)} far beyond full scale clipped")
        return parts


def _samples(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"
