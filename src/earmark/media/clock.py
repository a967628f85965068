"""Where decoded frames stand on the media's own clock: what to fill, what to cut, what not to believe."""

from __future__ import annotations

from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

# Below this a timestamp that disagrees with the count of samples is jitter: coarse time bases (AVI counts
# in 24 ms) stay below it, a viewer notices lip sync above it (ITU-R BT.1359: 45 ms), and one lost frame of
# AAC at 22 kHz (46 ms) is above it.
JITTER_S = 0.040
LOSS_JITTER_S = 0.002  # after a packet that could not be decoded, a gap is expected: believe smaller ones
LARGEST_CUT_S = 0.100  # a smaller overlap is a clock that drifts, and is cut; a larger one a new beginning
LARGEST_GAP_S = 6 * 3600.0  # of silence at once, within the duration that the container claims
LARGEST_GAP_BEYOND_S = 60.0  # of silence at once that leads beyond the duration claimed
LARGEST_GAP_UNCLAIMED_S = 600.0  # of silence at once where no duration is claimed (a live stream)


class Placed(NamedTuple, Generic[T]):
    """A frame and its place: `silence` zeros go before it, its first `cut` samples are left out."""

    silence: int
    cut: int
    frame: T


class _Held(NamedTuple, Generic[T]):
    frame: T
    position: int
    samples: int
    lost: bool


class Clock(Generic[T]):
    """Places frames in order, each by its timestamp and length; all counts in source samples.

    A jump of the timestamps is believed only when the frame after it agrees: until then the frame that
    jumped is held. One wrong timestamp thus changes nothing.
    """

    def __init__(
        self, rate: int, time_base: Fraction | None, zero: Fraction, end: float | None, origin: int = 0
    ) -> None:
        """Begin at `zero` seconds of the stream's timestamps, plus `origin` samples.

        rate: samples a second. time_base: seconds a timestamp unit, None where timestamps mean nothing.
        end: where the container claims to end, seconds after zero.
        """
        self.next = origin  # the position of the sample that follows what was placed
        self.gaps = Fraction(0)  # seconds of silence between frames
        self.lost = Fraction(0)  # of them in place of what could not be decoded
        self.refused = 0.0  # seconds: the largest forward jump that was not believed
        self._time_base = time_base
        self._zero_s = zero
        self._end = end
        self._shift = 0
        self._started = False
        self._joint = False  # the rate has changed just now
        self._held: _Held[T] | None = None
        self._set_rate(rate)

    def _set_rate(self, rate: int) -> None:
        self.rate = rate
        self._scale = float(self._time_base * rate) if self._time_base else 0.0
        self._zero = float(self._zero_s * rate)
        self._loose = int(JITTER_S * rate)
        self._tight = int(max(LOSS_JITTER_S, 2 * float(self._time_base or 0)) * rate)

    def retime(self, rate: int) -> None:
        """Go on in samples at another rate. Call `rest` before.

        Encoders pad the ends of what they make, so that parts which were joined overlap a little: as FFmpeg does, all
        of it is kept, and what follows is as much later.
        """
        factor = Fraction(rate, self.rate)
        self.next = round(self.next * factor)
        self._shift = round(self._shift * factor)
        self._set_rate(rate)
        self._joint = True

    def place(self, frame: T, pts: int | None, samples: int, lost: bool = False) -> list[Placed[T]]:
        """The frames whose place is now known, in order: none, this one, or one held before and this one.

        lost: whether something before this frame could not be decoded.
        """
        if pts is None or not self._scale:
            position = self._held.position + self._held.samples if self._held else self.next
        else:
            position = round(pts * self._scale - self._zero) + self._shift
        if self._held is not None:
            before = self._settle(position)
            return before + self.place(frame, pts, samples, lost)
        jump = position - self.next
        tolerance = (self._tight if lost else self._loose) if self._started else 0
        if -tolerance <= jump <= tolerance:
            self._shift -= min(jump, 0) if self._joint else 0
            return self._put(frame, samples)
        if jump < 0 and not self._started:
            return self._put(frame, samples, cut=-jump)
        self._held = _Held(frame, position, samples, lost)
        return []

    def rest(self) -> list[Placed[T]]:
        """The frame still held, if any, at the end."""
        if self._held is None:
            return []
        within = self._end is None or self._held.position <= (self._end + JITTER_S) * self.rate
        return self._settle(self._held.position + self._held.samples if within else None)

    def _settle(self, following: int | None) -> list[Placed[T]]:
        held = self._held
        assert held is not None
        self._held = None
        if following is None:
            return self._put(held.frame, held.samples)
        as_jump = abs(following - held.position - held.samples)
        as_slip = abs(following - self.next - held.samples)
        if as_jump > as_slip or as_jump > self._loose:
            return self._put(held.frame, held.samples)
        jump = held.position - self.next
        if jump > 0 and not self._absurd(jump, held.position):
            gap = Fraction(jump, self.rate)
            self.gaps += gap if self._started else 0
            self.lost += gap if held.lost else 0
            return self._put(held.frame, held.samples, silence=jump)
        if -LARGEST_CUT_S * self.rate <= jump <= 0 and not self._joint:
            return self._put(held.frame, held.samples, cut=-jump)
        self._shift -= jump
        if jump > 0:
            self.refused = max(self.refused, jump / self.rate)
        return self._put(held.frame, held.samples)

    def _absurd(self, jump: int, position: int) -> bool:
        if self._end is None:
            return jump > LARGEST_GAP_UNCLAIMED_S * self.rate
        beyond = position > (self._end + LARGEST_GAP_BEYOND_S) * self.rate
        return jump > (LARGEST_GAP_BEYOND_S if beyond else LARGEST_GAP_S) * self.rate

    def _put(self, frame: T, samples: int, silence: int = 0, cut: int = 0) -> list[Placed[T]]:
        if cut >= samples:
            return []
        self._started, self._joint = True, False
        self.next += silence + samples - cut
        return [Placed(silence, cut, frame)]
