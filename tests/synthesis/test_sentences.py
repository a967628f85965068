import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.datasets.clips import Clip
from earmark.datasets.ground_truth import truth_beside
from earmark.errors import DatasetError, EarmarkError
from earmark.media import read
from earmark.media.writing import write_samples
from earmark.speech import energy
from earmark.synthesis.speech import sentences, voices
from earmark.synthesis.speech.sentences import SentencePlan, build
from earmark.synthesis.speech.voices import RecordedWord, Voice, read_vocabulary, reason_unfit

RATE = 8000


def burst(seconds, before=0.1, after=0.1, hertz=440, level=0.5, floor=0.0, seed=0):
    """A word to be: a tone between silence, or noise of amplitude `floor`."""
    count = round(seconds * RATE)
    tone = level * np.sin(2 * np.pi * hertz * np.arange(count) / RATE)
    samples = np.pad(tone, (round(before * RATE), round(after * RATE)))
    samples = samples + floor * np.random.default_rng(seed).standard_normal(len(samples))
    return np.asarray(np.rint(samples * 32767), np.int16)


def write_sound(path, samples):
    write_samples(path, [samples / np.float32(32768)], RATE)


def make_voice(folder, number=14, speaker="anna"):
    """A speaker of tones, each of a length and a pitch of its own."""
    files = []
    for i in range(number):
        path = folder / speaker / f"word{i:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sound(path, burst(0.15 + 0.02 * i, hertz=300 + 40 * i))
        files.append(RecordedWord(path, path.stem))
    return Voice(speaker, "xx", "f", tuple(files))


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return make_voice(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def hiss(tmp_path_factory):
    """Backgrounds: a label of steady noise, with the silence that short clips are padded with."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("hiss") / "hiss.wav"
    sound = np.pad(0.02 * rng.standard_normal(2 * RATE), (0, RATE))
    write_sound(path, np.asarray(np.rint(sound * 32767), np.int16))
    return {"hiss": [Clip(path, labels=("hiss",))]}


def plan(voice, hiss=None, snrs=(), **rest):
    return SentencePlan([voice], rest.pop("sentences", 3), snrs, hiss or {}, **rest)


def made(plan, out):
    return [one.name for one in build(plan, out)]


def test_truth_is_where_the_tones_are(voice, tmp_path):
    made(plan(voice, sentences=4), tmp_path / "out")
    for path in sorted((tmp_path / "out" / "clean").glob("*.flac")):
        truth, samples = truth_beside(path), read(path, RATE)
        assert truth.duration == pytest.approx(len(samples) / RATE, abs=1e-3)
        assert 5 <= len(truth.words) <= 12
        pauses = [b.onset - a.offset for a, b in zip(truth.words, truth.words[1:], strict=False)]
        assert 0.079 <= min(pauses) <= max(pauses) <= 0.601
        assert 0.3 <= truth.words[0].onset <= 0.8
        assert 0.3 <= truth.duration - truth.words[-1].offset <= 0.8
        inside = np.zeros(len(samples), np.bool_)
        for word in truth.words:
            span = slice(round(word.onset * RATE), round(word.offset * RATE))
            inside[span] = True
            loud = np.flatnonzero(np.abs(samples[span]) > 1e-4)  # the tone itself fills its frames of 10 ms
            assert loud[0] < 0.011 * RATE
            assert loud[-1] > (word.duration - 0.011) * RATE
            length = 0.15 + 0.02 * int(word.text.removeprefix("word"))
            assert word.duration == pytest.approx(length, abs=0.021)
        assert np.abs(samples[~inside]).max(initial=0) < 1e-4
        assert -35.1 <= 20 * np.log10(np.abs(samples).max()) <= -2.9


def test_words_of_a_sentence_differ(voice, tmp_path):
    made(plan(voice, sentences=5), tmp_path)
    for path in sorted((tmp_path / "clean").glob("*.flac")):
        texts = [word.text for word in truth_beside(path).words]
        assert len(set(texts)) == len(texts)


def test_noise_is_as_loud_as_asked(voice, hiss, tmp_path):
    made(plan(voice, hiss, (20.0, 5.0)), tmp_path)
    for clean in sorted((tmp_path / "clean").glob("*.flac")):
        truth, speech = truth_beside(clean), read(clean, RATE)
        spoken = np.concatenate([speech[round(w.onset * RATE) : round(w.offset * RATE)] for w in truth.words])
        for snr in (20.0, 5.0):
            noisy = tmp_path / sentences.condition_name(snr) / clean.name
            assert truth_beside(noisy).words == truth.words
            mixed = read(noisy, RATE)
            scale = min(1.0, np.dot(mixed, speech) / np.dot(speech, speech))  # quieter where it would have clipped
            added = mixed / scale - speech if scale < 0.97 else mixed - speech
            assert 10 * np.log10(np.mean(spoken**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.5)
            assert np.abs(mixed).max() <= 0.9901


def test_noise_lasts_as_long_as_the_sentence(hiss):
    drawn = sentences.draw_background(hiss, 7 * RATE, RATE, np.random.default_rng(0))
    assert len(drawn) == 7 * RATE
    assert np.mean(drawn**2) == pytest.approx(1, rel=1e-3)
    seconds = np.mean(drawn.reshape(7, RATE) ** 2, axis=1)
    assert seconds.min() > 0.8  # the padding of the clip is not among it


def test_the_same_seed_makes_the_same_and_another_something_else(voice, hiss, tmp_path):
    contents = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        made(plan(voice, hiss, (10.0,), seed=seed, sentences=2), tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.flac"))])
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_what_broke_off_goes_on(voice, hiss, tmp_path):
    whole = plan(voice, hiss, (10.0,))
    made(whole, tmp_path)
    lost, kept = tmp_path / "10dB" / "anna-002.flac", tmp_path / "clean" / "anna-001.flac"
    before, untouched = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    assert made(whole, tmp_path) == ["anna-001", "anna-002", "anna-003"]
    assert lost.read_bytes() == before
    assert kept.stat().st_mtime_ns == untouched
    assert not list(tmp_path.rglob("*.part"))


def test_other_sentences_go_elsewhere(voice, tmp_path):
    made(plan(voice), tmp_path)
    with pytest.raises(EarmarkError, match="other options"):
        made(plan(voice, seed=9), tmp_path)


def test_conditions_are_listed(voice, hiss, tmp_path):
    made(plan(voice, hiss, (10.0,), sentences=2), tmp_path)
    with (tmp_path / "conditions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "file": "clean/anna-001.flac",
        "speaker": "anna",
        "language": "xx",
        "sex": "f",
        "condition": "clean",
    }
    assert [row["condition"] for row in rows] == ["clean", "clean", "10dB", "10dB"]
    assert all((tmp_path / row["file"]).is_file() for row in rows)


def test_too_few_words(tmp_path):
    with pytest.raises(DatasetError, match="11 recordings of one clear word; give at least 12"):
        made(plan(make_voice(tmp_path, 11)), tmp_path / "out")


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (burst(0.4), ""),
        (burst(0.4, before=0, after=0), ""),  # cut close to the word
        (burst(0.4, floor=0.001), ""),
        (np.zeros(RATE, np.int16), "silent"),
        (burst(0.03), "short"),
        (burst(1.6), "long"),
        (burst(0.4, floor=0.004), "noisy"),
        (np.concatenate([burst(0.2), burst(0.2)]), ""),  # 0.2 s of quiet, as before a plosive
        (np.concatenate([burst(0.2), burst(0.2, before=0.15)]), "pause"),
    ],
)
def test_recordings_that_cannot_be_used(samples, reason):
    assert reason_unfit(samples, RATE) == reason


def test_a_vocabulary_says_what_it_leaves_out(tmp_path):
    voice = make_voice(tmp_path, 3)
    write_sound(tmp_path / "long.wav", burst(2.0))
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    more = tuple(RecordedWord(tmp_path / f"{name}.wav", name) for name in ("long", "broken"))
    known = read_vocabulary(Voice("anna", "", "", voice.recordings + more))
    assert (len(known.words), known.rate) == (3, RATE)
    assert known.left_out == {"long": 1, "unreadable": 1}


def test_a_voice_without_recordings(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    with pytest.raises(EarmarkError, match="no recording that can be read"):
        read_vocabulary(Voice("anna", "", "", (RecordedWord(tmp_path / "broken.wav", "broken"),)))


@given(st.floats(-40, 0), st.integers(0, 1000))
def test_whether_a_recording_fits_does_not_depend_on_its_level(decibels, seed):
    loud = burst(0.3, floor=0.001, seed=seed)
    quiet = np.asarray(np.rint(loud * 10 ** (decibels / 20)), np.int16)
    found = energy.edges(energy.levels(quiet / np.float32(32768), RATE))
    assert reason_unfit(quiet, RATE) == reason_unfit(loud, RATE) == ""
    assert found == energy.edges(energy.levels(loud / np.float32(32768), RATE))


def test_a_folder_for_each_speaker(tmp_path):
    make_voice(tmp_path, 2, "anna")
    make_voice(tmp_path, 3, "boris")
    (tmp_path / "empty").mkdir()
    found = voices.find_voices(str(tmp_path))
    assert [(voice.speaker, len(voice.recordings)) for voice in found] == [("anna", 2), ("boris", 3)]
    assert found[0].recordings[0].text == "word00"


def test_a_table_of_words(tmp_path):
    make_voice(tmp_path, 2)
    table = tmp_path / "words.csv"
    table.write_text(
        "path,speaker,language,sex,text\nanna/word01.wav,anna,en,f,one\nanna/word00.wav,anna,en,f,\nb.wav,boris,de,m,x\n"
    )
    first, second = voices.find_voices(str(table))
    assert (first.speaker, first.language, first.sex) == ("anna", "en", "f")
    assert [recorded.text for recorded in first.recordings] == ["one", "word00"]
    assert first.recordings[0].path.is_file()
    assert second.speaker == "boris"


def test_asterisk_prompts_of_one_word(tmp_path):
    for name in (
        "digits/7.wav",
        "digits/a-m.wav",
        "letters/a.wav",
        "letters/ascii36.wav",
        "phonetic/a_p.wav",
        "vm.wav",
    ):
        path = tmp_path / "it_IT_m_Carlo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sound(path, burst(0.3))
    (voice,) = voices.asterisk_voices(tmp_path)
    assert (voice.speaker, voice.language, voice.sex) == ("it_IT_m_Carlo", "it", "m")
    assert [recorded.text for recorded in voice.recordings] == ["7", "a", "a_p"]


@pytest.mark.parametrize("place", ["", "nowhere", "nowhere.csv"])
def test_no_such_place(place, tmp_path):
    with pytest.raises(DatasetError):
        voices.find_voices(str(tmp_path / place))


def test_prompts_that_are_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(voices, "ASTERISK_FOLDER", tmp_path)
    with pytest.raises(DatasetError, match="asterisk-core-sounds"):
        voices.find_voices("asterisk")


@pytest.mark.shared
def test_test_noise_is_of_folds_that_do_not_train_and_without_voices(shared):
    with pytest.warns(match="left out"):
        grouped = sentences.find_backgrounds(sentences.USUAL_BACKGROUNDS, shared)
    assert not set(sentences.VOICE_LABELS) & set(grouped)
    esc = [clip for clips in grouped.values() for clip in clips if "esc50" in clip.path.parts]
    urban = [clip for clips in grouped.values() for clip in clips if "urbansound8k" in clip.path.parts]
    assert {clip.fold for clip in esc} == {4, 5}
    assert {clip.fold for clip in urban} == {2}
    assert "rain" in grouped


@pytest.mark.shared
def test_no_clip_in_these_folds(shared):
    with pytest.raises(DatasetError, match="no clip"):
        sentences.find_backgrounds(["esc50:9"], shared)
