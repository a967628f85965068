"""The public functions: their names, their examples, and what they leave as it was."""

import doctest
import inspect
import shutil
import threading
import warnings
from pathlib import Path

import pytest
from model_making import tones, write_wav

import earmark
from earmark.errors import ArgumentError, EarmarkError, MediaError, MissingExtraError, ModelError
from earmark.util import blas

pytestmark = pytest.mark.usefixtures("rough_pictures")

EXAMPLES = Path(__file__).parents[1] / "examples"
FUNCTIONS = ("label", "classify", "words", "caption", "embed", "train", "evaluate", "seconds", "load_model")


def test_the_public_names_are_all_that_is_seen():
    assert dir(earmark) == sorted(earmark.__all__)
    assert set(FUNCTIONS) < set(dir(earmark))
    assert [name for name in dir(earmark) if name.startswith("_")] == ["__version__"]
    for name in dir(earmark):
        assert getattr(earmark, name) is not None
    from earmark.models import labelling  # noqa: F401 - which puts a module beside the names

    assert dir(earmark) == sorted(earmark.__all__)
    with pytest.raises(AttributeError, match="labell"):
        earmark.labell  # noqa: B018


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes(name):
    function = getattr(earmark, name)
    text = inspect.getdoc(function)
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text, section
    told = text.split("Parameters\n")[1].split("Returns\n")[0]
    for parameter in inspect.signature(function).parameters:
        assert parameter in told, parameter


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, low_high_file, backbone_file):
    """A folder with what the examples speak of."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("street.mp4", "five_words.flac"):
        shutil.copy(EXAMPLES / name, folder)
    shutil.copy(low_high_file, folder / "low_high.onnx")
    shutil.copy(backbone_file, folder / "backbone.onnx")
    for label, frequency in (("low", 400.0), ("high", 3000.0)):
        for number in range(4):  # of five, five networks would be trained, each tested on another fifth
            samples = tones(1.0, (0.1, 0.9, frequency * (1 + number / 20)))
            write_wav(folder / "my_sounds" / label / f"{number}.wav", samples)
    return folder


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_examples_hold(name, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("EARMARK_CACHE", str(workplace / "cache"))
    function = getattr(earmark, name)
    methods = {"Model.label": earmark.Model.label} if name == "load_model" else {}
    for called, code in {name: function, **methods}.items():
        (test,) = [t for t in doctest.DocTestFinder(recurse=False).find(code, called, globs={}) if t.examples]
        said = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            runner.run(test, out=said.append)
        assert runner.failures == 0, "".join(said)


def test_a_model_labels_as_the_function_does(workplace, low_high):
    wav = workplace / "my_sounds" / "low" / "0.wav"
    assert low_high.label(wav, sensitivity=0.7) == earmark.label(wav, low_high, sensitivity=0.7)
    assert low_high.classify(wav) == earmark.classify(wav, low_high)
    assert repr(low_high) == "<Model low_high, 2 labels>"


@pytest.mark.parametrize(
    ("how", "kind", "told"),
    [
        (
            lambda wav, model: earmark.label(wav, model, sensitivity="high"),
            ArgumentError,
            "sensitivity='high': is no number from 0 to 1",
        ),
        (lambda wav, model: earmark.label(wav, model, track="second"), MediaError, "has no audio track second"),
        (lambda wav, model: earmark.label(wav, model, track=0.0), MediaError, r"has no audio track 0\.0"),
        (lambda wav, model: earmark.caption(wav, model, density="lots"), ArgumentError, "choose few, normal, all"),
        (lambda wav, model: earmark.label(closed(wav), model), MediaError, "is closed"),
    ],
)
def test_arguments_of_no_sense_are_told_of(workplace, low_high, how, kind, told):
    with pytest.raises(kind, match=told):
        how(workplace / "my_sounds" / "low" / "0.wav", low_high)


def closed(path):
    with Path(path).open("rb") as file:
        return file


def test_progress_is_a_line_or_a_function(workplace, low_high, capfd):
    wav = workplace / "my_sounds" / "low" / "0.wav"
    earmark.label(wav, low_high, progress=True)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "\r1 of 1 s\n")
    told = []
    earmark.classify(wav, low_high, progress=lambda done, total: told.append((done, total)))
    assert told == [(1.0, 1.0)]
    earmark.label(wav, low_high, progress=False)
    assert capfd.readouterr() == ("", "")


def test_captions_in_a_language_and_among_a_dialogue(tmp_path, low_high):
    wav = write_wav(tmp_path / "a.wav", tones(8.0, (1.0, 2.0, 440.0), (5.0, 7.0, 3000.0)))
    captions = earmark.caption(wav, low_high, language="ko")
    assert len(captions) == 2
    assert captions[0].onset == pytest.approx(1.0, abs=0.1)
    assert captions.to_text("srt").startswith("1\n00:00:0") or captions.to_text("srt").startswith("1\r\n00:00:0")
    assert captions[1:].to_text().count("-->") == 1
    assert captions.to_dict()["language"] == "ko"
    (tmp_path / "a.srt").write_text("1\n00:00:03,000 --> 00:00:04,000\nHello.\n")
    both = earmark.caption(wav, low_high, dialogue=tmp_path / "a.srt", labels=["high"])
    assert both[0].text == "Hello."
    assert len(both.onsets) == 1
    assert "Hello." in both.save(tmp_path / "b.srt").read_text()
    assert "onset" in both.to_dataframe().columns
    assert "data-at" in both._repr_html_()
    with pytest.raises(ArgumentError, match="caption file"):
        both.save(tmp_path / "b.csv")
    with pytest.raises(EarmarkError):
        earmark.caption(wav, low_high, language="xx")


def test_an_evaluation_as_text_figures_and_files(workplace, tmp_path):
    evaluation = earmark.evaluate(workplace / "low_high.onnx", workplace / "my_sounds", relabel={"high": "high"})
    assert evaluation.kind == "clips"
    assert "macro-F1" in str(evaluation)
    assert evaluation.unreadable == ()
    with pytest.raises(EarmarkError, match="no CSV; write a report"):
        evaluation.to_csv()
    names = {path.name for path in evaluation.report(tmp_path / "report")}
    assert {"metrics.json", "predictions.csv"} <= names
    for argument, value in (("split", "test"), ("truth", "events.csv")):
        with pytest.raises(ArgumentError, match="goes with events") as caught:
            earmark.evaluate(workplace / "low_high.onnx", workplace / "my_sounds", **{argument: value})
        assert caught.value.argument == argument
    with pytest.raises(ArgumentError, match="is no label of the dataset"):
        earmark.evaluate(workplace / "low_high.onnx", workplace / "my_sounds", relabel={"hum": "low"})
    with pytest.raises(ArgumentError, match="is for models of sounds"):
        earmark.evaluate("gru", workplace / "my_sounds", events=True)


def test_training_says_what_is_missing(workplace, tmp_path, monkeypatch):
    monkeypatch.setenv("EARMARK_CACHE", str(tmp_path))
    monkeypatch.delenv("EARMARK_PRETRAINED", raising=False)
    with pytest.raises(ModelError, match="mn04_as"):
        earmark.train(workplace / "my_sounds", out=tmp_path)
    (tmp_path / "study.yaml").write_text("task: study\n")
    with pytest.raises(ArgumentError, match="is a study"):
        earmark.train(tmp_path / "study.yaml")
    with pytest.raises(ArgumentError, match="thorough"):
        earmark.train(tmp_path / "study.yaml", thorough=True)
    monkeypatch.setattr("earmark.training.train.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"earmark\[train\]"):
        earmark.train(workplace / "my_sounds")


def threads():
    from threadpoolctl import threadpool_info

    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


@pytest.fixture
def two_threads(monkeypatch):
    from threadpoolctl import threadpool_limits

    monkeypatch.delenv(blas.ENVIRONMENT, raising=False)
    with threadpool_limits(2, "blas"):
        if 2 not in threads():
            pytest.skip("this NumPy's BLAS knows one thread only")
        yield


def test_our_loops_use_one_thread_and_give_the_others_back(workplace, low_high, two_threads):
    wav, before, during = workplace / "my_sounds" / "low" / "0.wav", threads(), []
    earmark.label(wav, low_high, on_scores=lambda scores: during.append(threads()))
    earmark.classify(wav, low_high, progress=lambda *_: during.append(threads()))
    assert during
    assert all(set(one) == {1} for one in during)
    assert threads() == before
    with pytest.raises(EarmarkError):
        earmark.label(workplace / "gone.wav", low_high)
    assert threads() == before


def test_calls_that_overlap_give_the_threads_back_whichever_ends_last(two_threads):
    before, entered, go = threads(), threading.Event(), threading.Event()

    def other():
        with blas.one_thread():
            entered.set()
            go.wait(300)

    for first_ends_last in (True, False):
        thread = threading.Thread(target=other)
        with blas.one_thread():
            thread.start()
            assert entered.wait(300)
            assert set(threads()) == {1}
            if first_ends_last:
                go.set()
                thread.join()
                assert set(threads()) == {1}
        go.set()
        thread.join()
        assert threads() == before
        entered.clear()
        go.clear()
    with blas.one_thread(), blas.one_thread():
        assert set(threads()) == {1}
    assert threads() == before
