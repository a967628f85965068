import io
import json

from earmark.events.timeline import Event, Timeline
from earmark.formats.json_files import Jams


def written(timeline):
    file = io.StringIO()
    Jams().write(timeline, file)
    return json.loads(file.getvalue())


def test_a_timeline_as_jams():
    """The fields that schema 0.3 of JAMS requires, with the types it requires."""
    events = (Event(0.5, 2.25, "dog", 1.0), Event(1.0, 1.5, "σειρήνα", 0.5))
    jams = written(Timeline("street.flac", 10.0, "scenes", events))
    assert set(jams) == {"annotations", "file_metadata", "sandbox"}
    assert jams["file_metadata"].items() >= {"duration": 10.0, "title": "street.flac", "identifiers": {}}.items()
    (annotation,) = jams["annotations"]
    assert annotation["namespace"] == "segment_open"
    assert (annotation["time"], annotation["duration"]) == (0.0, 10.0)
    assert annotation["data"] == [
        {"time": 0.5, "duration": 1.75, "value": "dog", "confidence": 1.0},
        {"time": 1.0, "duration": 0.5, "value": "σειρήνα", "confidence": 0.5},
    ]
    metadata = annotation["annotation_metadata"]
    assert metadata["curator"] == {"name": "", "email": ""}
    assert metadata["annotator"] == {}
    assert metadata["data_source"] == "scenes"


def test_a_timeline_without_events():
    assert written(Timeline("quiet.flac", 1.0, ""))["annotations"][0]["data"] == []
