"""Speech by eSpeak NG, whose package the tests need: without it they fail."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import parselmouth
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parselmouth.praat import call

from earmark import media
from earmark.datasets.ground_truth import find_truths, truth_beside
from earmark.errors import EarmarkError
from earmark.formats.json_files import WordsJson
from earmark.speech import energy, espeak
from earmark.speech.segmentation import Word
from earmark.synthesis.speech import plan, recordings
from earmark.synthesis.speech.recordings import MARGIN, RecordingPair, join_words
from earmark.synthesis.speech.texts import is_spoken, languages, random_sentence, vocabulary, words_of

RATE = 22050
SENTENCES = {
    "en-us+f3": "the quick brown fox, it's 42 dogs",
    "el": "καλημέρα, τι κάνεις σήμερα;",
    "cs+f2": "Žluťoučký kůň úpěl ďábelské ódy.",
    "ko+m3": "안녕하세요 저는 학교에 갑니다",
    "ru+f4": "Съешь ещё этих мягких булок",
    "pl+m7": "Zażółć gęślą jaźń",
    "hi": "नमस्ते दुनिया",
}


def manner(voices=("en",), speed=(150, 150), pitch=(50, 50), pause=(0.08, 0.6)):
    return plan.Manner(tuple(voices), plan.Range(*speed), plan.Range(*pitch), plan.Range(*pause))


def make(folder, texts=None, count=0, seed=1, container="flac", **options):
    made = plan.with_espeak(texts, count, manner(**options), seed, folder, container)
    return [(job.pair, job.make()) for job in made]


def loud_frames(samples):
    """Whether each frame of 10 ms is within 25 dB of the loudest, and the seconds between frames."""
    levels = energy.levels(samples, RATE)
    return levels >= levels.max() - energy.EDGE_DB, round(RATE * energy.STEP) / RATE


# What is said.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" -- ... ", []),
        ("Well, (she) said: «it's» well-known!", ["Well", "she", "said", "it's", "well-known"]),
        ("42 € - 5.", ["42", "5"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया"]),  # vowel signs at the end belong to the word
        ("Καλημέρα;\tτι\nκάνεις", ["Καλημέρα", "τι", "κάνεις"]),
    ],
)
def test_words_of_a_text(text, words):
    assert words_of(text) == words


@given(st.text())
def test_words_hold_no_white_space_and_no_marks_around_them(text):
    for word in words_of(text):
        assert word.split() == [word]
        assert is_spoken(word[0])
        assert is_spoken(word[-1])
        assert words_of(word) == [word]


def test_lists_of_words():
    assert {"en", "el", "cs", "pl", "ko", "ru"} <= set(languages())
    for language in languages():
        words = vocabulary(language)
        assert len(words) >= 50
        assert len({word.casefold() for word in words}) == len(words), language
        assert words_of(" ".join(words)) == list(words), language
    with pytest.raises(EarmarkError, match=r"language xx: has no list of words.*choose among cs, de"):
        vocabulary("xx")


def test_random_sentences():
    drawn = [random_sentence("en", np.random.default_rng(seed)).split() for seed in range(200)]
    assert {len(words) for words in drawn} == set(range(3, 9))
    assert all(len(set(words)) == len(words) for words in drawn)
    assert {word for words in drawn for word in words} == set(vocabulary("en"))


@pytest.mark.parametrize("text", ["", "fast", "300-200", "-5", "79", "80-451", "nan", "1e2"])
def test_ranges_that_are_none(text):
    with pytest.raises(EarmarkError, match=r"--speed .*: is no range.*give LOW-HIGH between 80 and 450"):
        plan.Range.parse("--speed", text, *espeak.SPEEDS)


def test_ranges():
    assert plan.Range.parse("--pause", "0.08 - 0.6", 0, 60) == plan.Range(0.08, 0.6)
    assert plan.Range.parse("--speed", "150", *espeak.SPEEDS) == plan.Range(150, 150)


def test_voices_to_draw_from():
    assert plan.voices(["+f3", "+m1"], ["en", "el"]) == ("en+f3", "el+f3", "en+m1", "el+m1")
    assert plan.voices(["en-us+f3", "cs"], ["el"]) == ("en-us+f3", "cs")
    assert len(plan.voices([], ["en", "el"])) == 12
    assert [espeak.language_of(voice) for voice in ("en-us+f3", "el", "cs+f2")] == ["en", "el", "cs"]


def test_a_plan_depends_on_its_seed_and_number_alone():
    some = manner(plan.voices([], ["en", "ru"]), speed=(130, 200), pitch=(30, 70))
    few, many = list(plan.plan_speech(None, 5, some, 7)), list(plan.plan_speech(None, 20, some, 7))
    assert few == many[:5]
    assert list(plan.plan_speech(None, 20, some, 8)) != many
    assert len({one.words for one in many}) == 20
    assert len({one.voice.name for one in many}) > 4
    for one in many:
        language = espeak.language_of(one.voice.name)
        assert set(one.words) <= set(vocabulary(language))
        assert 130 <= one.voice.speed <= 200
        assert 30 <= one.voice.pitch <= 70
        assert all(0.08 <= pause <= 0.6 for pause in one.pauses)
        assert one.name == f"{one.number:03}-{one.voice.name}"


def test_a_sentence_without_words():
    with pytest.raises(EarmarkError, match=r"sentence 2, '\.\.\.': holds no word"):
        list(plan.plan_speech(["hello", "..."], 0, manner(), 0))


# Words joined, with sounds whose edges are known.


@st.composite
def bursts(draw):
    """Words that are noise between silence, and pauses."""
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    lengths = draw(st.lists(st.tuples(*[st.integers(0, 3000), st.integers(2000, 9000), st.integers(0, 3000)])))
    words = [np.pad((random.normal(size=n) * 5000).astype(np.int16), (a, b)) for a, n, b in lengths]
    return words, draw(st.lists(st.floats(0, 0.6), min_size=len(words) + 1, max_size=len(words) + 1))


@given(bursts())
def test_pauses_lie_exactly_between_words(drawn):
    spoken, pauses = drawn
    recording, words = join_words([str(i) for i in range(len(spoken))], spoken, pauses, RATE)
    edges = [0.0, *(edge for word in words for edge in (word.onset, word.offset)), len(recording) / RATE]
    gaps = [after - before for before, after in zip(edges[::2], edges[1::2], strict=True)]
    assert np.allclose(gaps, pauses, atol=1 / RATE)
    assert [word.text for word in words] == [str(i) for i in range(len(spoken))]
    for word, samples in zip(words, spoken, strict=True):
        assert abs(word.duration - np.count_nonzero(samples) / RATE) <= 0.02


def test_what_is_quiet_beside_a_word_stays_as_far_as_there_is_room():
    word = np.concatenate([np.full(4000, 20), np.full(4000, 20_000), np.full(4000, 20)]).astype(np.int16)
    recording, (found,) = join_words(["a"], [word], [0.3, 0.02], RATE)
    first, last = round(found.onset * RATE), round(found.offset * RATE)
    before, after = np.abs(recording[:first]), np.abs(recording[last:])
    assert np.count_nonzero(before) == pytest.approx(MARGIN * RATE, rel=0.06)
    assert np.count_nonzero(after) == pytest.approx(0.01 * RATE, rel=0.1)
    quiet = before[before < 100]
    assert (np.diff(quiet.astype(int)) >= 0).all()  # it fades in
    assert np.array_equal(np.flatnonzero(recording == 20_000), np.arange(4000) + np.flatnonzero(recording == 20_000)[0])


def test_a_silent_word_is_refused():
    with pytest.raises(EarmarkError, match="word two: is silent in this voice"):
        join_words(["two"], [np.zeros(5000, np.int16)], [0.1, 0.1], RATE)


# eSpeak NG itself.


@pytest.mark.parametrize("voice", SENTENCES)
def test_words_sound_where_the_truth_says(tmp_path, voice):
    ((pair, words),) = make(tmp_path, [SENTENCES[voice]], voices=[voice])
    samples = media.read(pair.audio, RATE)
    assert [word.text for word in words.words] == words_of(SENTENCES[voice])
    assert abs(words.duration - len(samples) / RATE) < 0.001
    edges = [0.0, *(edge for word in words.words for edge in (word.onset, word.offset)), words.duration]
    for before, word, after in zip(edges[:-2:2], words.words, edges[3::2], strict=True):
        start = round((before + word.onset) / 2 * RATE)  # a word lies between the middles of the pauses around it
        loud, step = loud_frames(samples[start : round((word.offset + after) / 2 * RATE)])
        first, last = np.flatnonzero(loud)[[0, -1]]
        assert start / RATE + first * step == pytest.approx(word.onset, abs=0.02), word
        assert start / RATE + last * step == pytest.approx(word.offset, abs=0.02), word
        assert loud[first : last + 1].mean() > 0.5, word  # it sounds, but for stop consonants


@pytest.mark.parametrize("voice", SENTENCES)
def test_pauses_are_silent(tmp_path, voice):
    ((pair, words),) = make(tmp_path, [SENTENCES[voice]], voices=[voice], pause=(0.2, 0.6))
    samples = media.read(pair.audio, RATE)
    edges = [0.0, *(edge for word in words.words for edge in (word.onset, word.offset)), words.duration]
    for offset, onset in zip(edges[::2], edges[1::2], strict=True):
        assert 0.2 - 0.001 <= onset - offset <= 0.6 + 0.001
        third = (onset - offset) / 3
        middle = samples[round((offset + third) * RATE) : round((onset - third) * RATE)]
        assert np.sqrt(np.mean(middle**2)) < 10 ** (-50 / 20)
    for word in words.words:
        spoken = samples[round(word.onset * RATE) : round(word.offset * RATE)]
        assert np.sqrt(np.mean(spoken**2)) > 10 ** (-30 / 20)


def test_praat_finds_the_same_words(tmp_path):
    ((pair, words),) = make(tmp_path, ["seven yellow rabbits always listen"], voices=["en-us+f2"], pause=(0.3, 0.6))
    samples = media.read(pair.audio, RATE)
    for word in words.words:
        start = word.onset - 0.15
        around = samples[round(start * RATE) : round((word.offset + 0.15) * RATE)]
        onset, offset = sounding(around)
        assert start + onset == pytest.approx(word.onset, abs=0.02)
        assert start + offset == pytest.approx(word.offset, abs=0.02)


def sounding(samples):
    """Seconds from which to which Praat finds more than silence: windows of 8 ms (400 Hz), each 2.5 ms."""
    sound = parselmouth.Sound(samples.astype(np.float64), RATE)
    grid = call(sound, "To TextGrid (silences)", 400, 0.0025, -energy.EDGE_DB, 0.03, 0.01, "silent", "sounding")
    numbers = range(1, call(grid, "Get number of intervals", 1) + 1)
    heard = [number for number in numbers if call(grid, "Get label of interval", 1, number) == "sounding"]
    return call(grid, "Get start time of interval", 1, heard[0]), call(grid, "Get end time of interval", 1, heard[-1])


def test_faster_is_shorter_and_higher_is_higher():
    def spoken(**changes):
        (samples,), rate = espeak.speak(["a long yellow river"], replace(espeak.Voice("en"), **changes))
        assert rate == RATE
        loud, step = loud_frames(np.asarray(samples / 32768, np.float32))
        return np.flatnonzero(loud)[-1] * step, samples

    assert spoken(speed=300)[0] < 0.75 * spoken(speed=130)[0]
    low, high = (period(spoken(pitch=pitch)[1]) for pitch in (20, 80))
    assert high < 0.75 * low


def period(samples):
    """The most frequent period in a voice, samples: the highest peak of its autocorrelation, 60 to 500 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), 1024)[::512]
    spectra = np.abs(np.fft.rfft(frames, 4096)) ** 2
    correlation = np.fft.irfft(spectra)[:, RATE // 500 : RATE // 60]
    strong = (frames**2).mean(axis=1) > (samples.astype(float) ** 2).mean()
    return np.median(correlation[strong].argmax(axis=1)) + RATE // 500


def test_the_same_is_said_again():
    def said():
        return espeak.speak(vocabulary("en")[:20], espeak.Voice("en+f2", 160, 40))[0]

    first = said()
    time.sleep(1.1)  # eSpeak NG's noise begins with the second of the day, if nobody says otherwise
    assert all(np.array_equal(a, b) for a, b in zip(first, said(), strict=True))


@pytest.mark.parametrize(
    ("voice", "reason"),
    [
        ("klingonese", "voice klingonese: is not known to eSpeak NG"),
        ("en+x9", r"has no variant x9; choose among f1, f2"),
        ("en+", "has no variant ; choose"),
        ("+f3", "has no variant f3"),
        ("en+../../lang/gmw/en", "has no variant"),
    ],
)
def test_voices_that_there_are_not(voice, reason):
    with pytest.raises(EarmarkError, match=reason):
        espeak.speak(["hello"], espeak.Voice(voice))


def test_a_library_that_is_none(tmp_path, monkeypatch):
    class Loader:
        def get_library_path(self):
            return str(tmp_path / "none.so")

        def get_data_path(self):
            return str(tmp_path)

    monkeypatch.setattr(espeak, "_loader", lambda extra: Loader())
    with pytest.raises(EarmarkError, match=r"eSpeak NG: ended with code 1: OSError: .*none\.so"):
        espeak.speak(["hello"], espeak.Voice("en"))


def test_the_library_stays_out_of_this_process():
    code = "import sys; from earmark.speech import espeak; espeak.speak(['a'], espeak.Voice('en'))\n"
    code += "print('espeak-ng' in open('/proc/self/maps').read())"
    if not sys.platform.startswith("linux"):
        pytest.skip("what a process has loaded can be seen on Linux")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Files.


@pytest.mark.parametrize("container", ["flac", "wav"])
def test_a_pair_of_files(tmp_path, container):
    ((pair, words),) = make(tmp_path, ["three blue birds"], container=container)
    assert pair.audio.name == f"001-en.{container}"
    assert pair.complete
    with media.open_recording(pair.audio) as recording:
        assert recording.duration == pytest.approx(words.duration, abs=0.001)
        assert (recording.track.rate, recording.track.channels) == (RATE, 1)
    with pair.truth.open(encoding="utf-8") as file:
        found = WordsJson().read(file)
    assert (found.recording, found.classifier) == (pair.audio.name, None)
    assert truth_beside(pair.audio) == found
    assert [path for path, _ in find_truths(tmp_path)] == [pair.audio]


def test_samples_are_written_without_loss(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32767, 10_001).astype(np.int16)
    for container in ("flac", "wav"):
        pair = RecordingPair.of(tmp_path, "a", container)
        pair.write(samples, [], RATE)
        assert np.array_equal(np.rint(media.read(pair.audio, RATE) * 32768).astype(np.int16), samples)


def test_the_same_seed_makes_the_same_files(tmp_path):
    voices = plan.voices([], ["en", "pl"])
    first, second, other = (make(tmp_path / name, count=2, voices=voices, seed=len(name)) for name in ("a", "b", "cc"))
    for (one, _), (two, _) in zip(first, second, strict=True):
        assert one.audio.name == two.audio.name
        assert one.audio.read_bytes() == two.audio.read_bytes()
        assert one.truth.read_bytes() == two.truth.read_bytes()
    assert [words.words for _, words in first] != [words.words for _, words in other]


def test_a_folder_of_other_recordings_is_left_alone(tmp_path):
    make(tmp_path, count=1)
    make(tmp_path, count=2)  # more of the same is welcome
    with pytest.raises(EarmarkError, match="holds recordings made with other options"):
        make(tmp_path, count=1, seed=2)
    with pytest.raises(EarmarkError, match="holds recordings made with other options"):
        make(tmp_path, count=1, speed=(200, 200))


def test_a_mistake_does_not_claim_the_folder(tmp_path):
    with pytest.raises(EarmarkError, match="is not known"):
        make(tmp_path, ["hello"], voices=["klingonese"])
    assert len(make(tmp_path, ["hello"])) == 1


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EarmarkError, match="cannot be written"):
        make(tmp_path / "file", count=1)
    pair = recordings.RecordingPair.of(tmp_path / "file", "a", "flac")
    with pytest.raises(EarmarkError, match="cannot be written"):
        pair.write(np.zeros(100, np.int16), [Word(0, 0.001)], RATE)


def test_the_options_are_noted(tmp_path):
    make(tmp_path, count=1, seed=9)
    noted = json.loads((tmp_path / "earmark-speech.json").read_text())
    assert (noted["seed"], noted["texts"], noted["voices"]) == (9, None, ["en"])
    assert noted["pause"] == {"low": 0.08, "high": 0.6}
