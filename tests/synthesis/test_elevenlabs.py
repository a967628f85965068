import base64
import itertools
import json

import elevenlabs_stand_in as stand_in
import media_files
import numpy as np
import pytest
from elevenlabs_stand_in import KEY, VOICES, StandIn
from hypothesis import given
from hypothesis import strategies as st
from media_files import Track

from earmark.errors import EarmarkError, EarmarkWarning
from earmark.speech import energy
from earmark.synthesis.speech import elevenlabs
from earmark.synthesis.speech.texts import words_of

PLAIN = "Two birds, one stone."
HELLO = 'She said: "Hello, world" - it\'s 5.'


def spans(answer):
    return [(word.text, word.onset, word.offset) for word in answer.words]


def read(content):
    return elevenlabs.read_answer(json.dumps(content), "answer.json")


def test_characters_become_words():
    # Letters last 0.06 s, marks that are no pause too, spaces 0.05 s, commas and full stops 0.2 s.
    assert spans(read(stand_in.answer(HELLO))) == [
        ("She", 0.0, 0.18),
        ("said", 0.23, 0.47),
        ("Hello", 0.64, 0.94),
        ("world", 1.19, 1.49),
        ("it's", 1.71, 1.95),
        ("5", 2.0, 2.06),
    ]


def test_words_sound_where_they_are_said_to():
    answer = read(stand_in.answer(PLAIN))
    levels = energy.levels(np.asarray(answer.samples / 32768, np.float32), elevenlabs.RATE)
    step = round(elevenlabs.RATE * energy.STEP) / elevenlabs.RATE
    loud = levels > levels.max() - energy.EDGE_DB
    for word in answer.words:
        first, last = round(word.onset / step), round(word.offset / step)
        assert loud[first + 2 : last - 1].all(), word
        assert not loud[max(0, first - 3) : max(0, first - 2)].any(), word
        assert not loud[last + 2 : last + 3].any(), word


def test_what_was_spoken_counts():
    assert [word.text for word in read(stand_in.answer("dial 42", "dial forty two")).words] == ["dial", "forty", "two"]


@pytest.mark.parametrize("normalised", ["leave out", None])
def test_without_what_was_spoken(normalised):
    content = stand_in.answer("dial 42") | {"normalized_alignment": normalised}
    if normalised:
        del content["normalized_alignment"]
    assert [word.text for word in read(content).words] == ["dial", "42"]


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("ogg", "libopus"), ("mp3", "libmp3lame")])
def test_sound_in_any_format(container, codec):
    samples = media_files.sine(1.0, level=0.25)
    sound = media_files.write(None, container, Track(samples, codec=codec))
    answer = read(stand_in.answer("hello") | {"audio_base64": base64.b64encode(sound).decode()})
    assert answer.samples.dtype == np.int16
    assert abs(len(answer.samples) - elevenlabs.RATE) < 0.05 * elevenlabs.RATE
    assert np.abs(answer.samples[5000:15000]).max() == pytest.approx(0.25 * 32768, rel=0.15)


@given(st.text(max_size=40))
def test_words_of_any_text(text):
    times = stand_in.timed(text) if text else {"a": [], "b": [], "c": []}
    characters = list(zip(*times.values(), strict=True))
    words = elevenlabs.words_of(characters)
    assert [word.text for word in words] == words_of(text)
    for word in words:
        assert 0 <= word.onset <= word.offset
    assert all(a.offset <= b.onset for a, b in itertools.pairwise(words))


def without(name):
    content = stand_in.answer("hello")
    del content[name]
    return content


def aligned(**changes):
    alignment = stand_in.timed("hello") | changes
    return stand_in.answer("hello") | {"normalized_alignment": alignment}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "has no audio_base64"),
        (without("audio_base64"), "has no audio_base64"),
        ({"detail": {"status": "invalid_api_key"}}, "has no audio_base64"),
        (stand_in.answer("hello") | {"audio_base64": "%%%"}, "is not base64"),
        (stand_in.answer("hello") | {"audio_base64": "é"}, "is not base64"),
        (stand_in.answer("hello") | {"audio_base64": ""}, "sound cannot be decoded"),
        (stand_in.answer("hello") | {"audio_base64": base64.b64encode(bytes(999)).decode()}, "cannot be decoded"),
        (stand_in.answer("hello") | {"alignment": None, "normalized_alignment": None}, "has no alignment"),
        (stand_in.answer("hello") | {"normalized_alignment": [1]}, "has no alignment"),
        (aligned(characters=None), "lacks one of characters"),
        (aligned(characters=["h"]), "1 characters, 5 starts and 5 ends"),
        (aligned(characters=["h", "e", 1, "l", "o"]), "character 3 is 1"),
        (aligned(character_end_times_seconds=[0.1, 0.2, 0.1, 0.2, "x"]), "character 3 is 'l' from 0.12 to 0.1"),
        (aligned(character_start_times_seconds=[-1, 0, 0, 0, 0]), "character 1 is 'h' from -1"),
        (aligned(character_end_times_seconds=[1, 2, 3, 4, 50]), "times go on to 50.00 s, its sound ends at"),
        (stand_in.answer("...?"), "holds no word"),
    ],
)
def test_answers_that_are_none(content, reason):
    with pytest.raises(EarmarkError, match=f"answer.json: .*{reason}"):
        read(content)


def test_an_answer_that_is_no_json():
    with pytest.raises(EarmarkError, match="is not JSON"):
        elevenlabs.read_answer(b"\xff{", "answer.json")


@pytest.fixture
def waits():
    """The seconds that were waited between requests."""
    return []


@pytest.fixture
def ask(waits):
    def ask(server, text="hello world", voice=VOICES[0], key=KEY):
        return elevenlabs.ElevenLabs(key, server.url, sleep=waits.append).ask(text, voice, seed=3)

    return ask


def test_the_request(ask):
    with StandIn() as server:
        assert json.loads(ask(server)) == stand_in.answer("hello world")
        ask(server, voice="voice two")
    path, query, body = server.asked[0]
    assert path == "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/with-timestamps"
    assert query == {"output_format": ["mp3_44100_128"]}
    assert body == {"text": "hello world", "model_id": "eleven_multilingual_v2", "seed": 3}
    assert server.asked[1][0] == "/v1/text-to-speech/voice%20two/with-timestamps"


@pytest.mark.parametrize("trouble", ["429", "500", "html", "cut", "hang up"])
def test_what_passes_is_waited_out(ask, waits, trouble):
    with StandIn(trouble, trouble, wait=None) as server, pytest.warns(EarmarkWarning, match="asked again in"):
        assert b"audio_base64" in ask(server)
    assert len(server.asked) == 3
    assert waits == [1.0, 2.0]


def test_the_server_says_how_long_to_wait(ask, waits):
    with StandIn("429", wait="7") as server, pytest.warns(EarmarkWarning, match="Too many.*asked again in 7 s"):
        ask(server)
    assert waits == [7.0]
    with StandIn("429", wait="99999") as server, pytest.warns(EarmarkWarning):
        ask(server)
    assert waits == [7.0, 60.0]


def test_what_does_not_pass_is_given_up(ask, waits):
    with StandIn(*["500"] * 9) as server, pytest.warns(EarmarkWarning):  # noqa: SIM117
        with pytest.raises(EarmarkError, match="did not answer in 5 attempts: answers 500"):
            ask(server)
    assert len(server.asked) == 5
    assert waits == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("invalid_api_key", "answers 401: Invalid API key; set ELEVENLABS_API_KEY"),
        ("quota_exceeded", "answers 401: This request exceeds your quota of 10000.; buy credits"),
        ("voice_not_found", "answers 404: A voice with that id was not found.; correct --voice"),
        ("422", "answers 422: body.text field required; correct --voice"),
        ("redirect", "answers 302: Found; correct --url"),
    ],
)
def test_a_refusal_is_final(ask, waits, trouble, reason):
    with StandIn(trouble) as server, pytest.raises(EarmarkError, match=reason):
        ask(server)
    assert len(server.asked) == 1
    assert waits == []


def test_the_key_is_shown_nowhere(ask):
    with StandIn() as server, pytest.raises(EarmarkError, match="Invalid API key") as error:
        ask(server, key="sk_secret")
    assert "secret" not in str(error.value)
    assert "secret" not in repr(elevenlabs.ElevenLabs("sk_secret"))


@pytest.mark.parametrize("url", ["ftp://a.b", "nowhere", "http://"])
def test_addresses_that_are_none(waits, url):
    with pytest.raises(EarmarkError, match="is no address"):
        elevenlabs.ElevenLabs(KEY, url, sleep=waits.append).ask("hello", VOICES[0])


def test_the_service_of_the_environment(monkeypatch):
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    monkeypatch.setenv("ELEVENLABS_URL", "http://localhost:1")
    with pytest.raises(EarmarkError, match="needs a key in ELEVENLABS_API_KEY"):
        elevenlabs.ElevenLabs.from_environment()
    monkeypatch.setenv("ELEVENLABS_API_KEY", " sk_right\n")
    assert elevenlabs.ElevenLabs.from_environment() == elevenlabs.ElevenLabs("sk_right", "http://localhost:1")
    assert elevenlabs.ElevenLabs.from_environment("http://other").url == "http://other"
    monkeypatch.delenv("ELEVENLABS_URL")
    assert elevenlabs.ElevenLabs.from_environment().url == "https://api.elevenlabs.io"
    monkeypatch.setenv("ELEVENLABS_API_KEY", "schlüssel")
    with pytest.raises(EarmarkError, match="is no key"):
        elevenlabs.ElevenLabs.from_environment()
