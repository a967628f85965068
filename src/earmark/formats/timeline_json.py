"""Timeline JSON, Earmark's own format: stable, and documented in docs/captions.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earmark.errors import EarmarkError
from earmark.formats.base import event
from earmark.formats.base import timeline as make_timeline
from earmark.formats.json_format import JsonFormat, encodable_values, one_line_json

if TYPE_CHECKING:
    from earmark.events.timeline import Timeline


class Json(JsonFormat["Timeline"]):
    """An object for one recording, a list of them for several; one event a line.

    Times are rounded to milliseconds, scores to four digits.
    """

    suffix = ".json"

    def dump(self, timeline: Timeline) -> str:
        """One object."""
        head = timeline.to_dict()
        events = head.pop("events")
        lines = ",\n".join("  " + one_line_json(encodable_values(e)) for e in events)
        return one_line_json(encodable_values(head))[:-1] + ', "events": [' + (f"\n{lines}\n" if lines else "") + "]}"

    def parse(self, item: Any, where: str) -> Timeline:
        """One timeline from decoded JSON."""
        try:
            events = [
                event(e["onset"], e["offset"], str(e["label"]), e.get("score", 1.0), f"{where}, event {number}")
                for number, e in enumerate(item["events"], start=1)
            ]
            recording, duration, model = item.get("recording", ""), item.get("duration", 0.0), item.get("model", "")
            return make_timeline(str(recording), float(duration), str(model), events)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            remedy = 'it needs {"recording", "duration", "model", "events": [{"onset", "offset", "label", "score"}]}'
            raise EarmarkError(where, f"is no Timeline JSON ({error!r})", remedy) from error
