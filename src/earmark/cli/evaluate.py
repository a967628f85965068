"""`earmark evaluate` and `earmark compare`: how well models do on recordings whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common, compare_runs, evaluate_clips, evaluate_events
from earmark.errors import EarmarkError
from earmark.util.text import in_json, visible_lines

if TYPE_CHECKING:
    from earmark.evaluation.comparison.figures import Comparison
    from earmark.evaluation.comparison.runs import Answer, Recording
    from earmark.models.model import Model

EVALUATE = """Measure a model on data whose truth is known.

A model of sounds is measured on the clips of a dataset: a folder with a folder per class, a table of clips, or a known
dataset. Each clip is classified as a whole: precision, recall and F1 of each label, accuracy. With --out, also what
each clip was taken for, the confusion matrix, and which errors come together. Labels that the model does not know count
as none; --relabel says which are the same under another name.

With --events, a model of sounds is measured by what it marks and when: on a table clips.csv that has events.csv beside
it (path, onset, offset, label), as `earmark data phrases` writes them. F1 over segments of a second, over events whose
onset and offset are right within 500 ms and 200 ms, PSDS, and false events an hour. With --out, also what was found.

A frame classifier of speech is measured on every recording below the folder that has its ground truth beside it:
talk.words.json, talk.TextGrid or talk.lab beside talk.wav. A table conditions.csv in the folder (file, condition,
speaker, ...) breaks the figures down.

Examples:

    earmark evaluate sounds --on my_clips/

    earmark evaluate instruments --on clips.csv --relabel acoustic_guitar=guitar --out report/

    earmark evaluate sounds --on scenes/ --events --split test --out report/

    earmark evaluate gru --on speech/

    earmark evaluate runs/rnn/2026-01-31T12-00-00/model.onnx --on speech/ --to json

    earmark evaluate gru --on speech/ --out report/
"""

COMPARE = """Compare trained runs; or, with --on, frame classifiers of speech.

A run is a folder that `earmark train` left behind, or that lies below a folder named: what was trained, how it was
tested, and its accuracy with a 95 % interval. --columns all says everything, --sort chooses the order.

With --on, classifiers are let loose on recordings whose words are known; without a name, all bundled ones. Which
recordings count is said in `earmark evaluate --help`. With --out, a report with pictures of the worst recordings shows
what each gets wrong: open its report.html.

Examples:

    earmark compare runs/

    earmark compare runs/esc50-earmark results/environment --sort macro_f1 --columns name,network,accuracy,interval

    earmark compare results/ --to markdown --plot runs.png

    earmark compare --into docs/results.md

    earmark compare --on speech/

    earmark compare gru least_squares runs/rnn/2026-01-31T12-00-00/model.onnx --on speech/ --to csv

    earmark compare --on speech/ --out report/

Tables in a document of Markdown stand between a line `<!-- compare: FOLDER... -->`, which may hold --sort and --columns
too, and a line `<!-- end -->`; --into makes them anew.
"""

FORMS = ("table", "json", "csv")

On = Annotated[Path, typer.Option("--on", help="A folder of recordings, each with its ground truth beside it.")]
To = Annotated[str, typer.Option(help="table, json or csv.")]
Out = Annotated[Path | None, typer.Option(help="A folder for a report: report.html, CSV tables and pictures.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("evaluate", help=EVALUATE)(evaluate)
    app.command("compare", help=COMPARE)(compare)


def evaluate(
    model: Annotated[str, typer.Argument(help="A bundled model's name, or an .onnx file.")],
    on: Annotated[str, typer.Option("--on", help="A dataset of clips; recordings of words for a frame classifier.")],
    to: To = "table",
    out: Annotated[Path | None, typer.Option(help="A folder for a report with tables and pictures.")] = None,
    relabel: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Call a label of the dataset as the model does.")
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="Measure what is marked and when, not whole clips.")] = False,
    truth: Annotated[
        Path | None, typer.Option(help="With --events: the table of events, if not events.csv beside the clips.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="With --events: only clips of this split of the table.")] = None,
) -> None:
    """Measure one model."""
    found = _of_sounds(model)
    if not events:
        with_events = {"--truth": truth, "--split": split}
        _refuse([option for option, value in with_events.items() if value is not None], "goes with --events", "add it")
    elif found is not None:
        evaluate_events.evaluate(found, on, truth, split, relabel or [], to, out)
        return
    if found is not None:
        evaluate_clips.evaluate(found, on, relabel or [], to, out)
        return
    for_sounds = ["--relabel"] * bool(relabel) + ["--events"] * events
    _refuse(for_sounds, "is for models of sounds", "leave it out")
    _measure([model], Path(on), to, out)


def _of_sounds(name: str) -> Model | None:
    """The model, unless it is a frame classifier of speech."""
    from earmark.models.model import bundled_models, load_model
    from earmark.speech.words import classifiers

    if name in classifiers() and name not in bundled_models():
        return None
    model = load_model(name)
    return None if len(model.labels) == 1 else model


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|CLASSIFIER...",
            help="Folders of runs. With --on: bundled classifiers' names, or .onnx files.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        Path | None, typer.Option(help="A folder of recordings, each with its ground truth beside it.")
    ] = None,
    to: Annotated[str, typer.Option(help="table, json or csv; markdown for runs.")] = "table",
    out: Out = None,
    sort: Annotated[str | None, typer.Option(help="Columns to sort runs by, separated by commas.")] = None,
    columns: Annotated[str | None, typer.Option(help="What to say of runs, separated by commas, or all.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A PNG file: accuracies of runs with their intervals.")] = None,
    into: Annotated[Path | None, typer.Option(help="A Markdown file whose tables of runs are made anew.")] = None,
) -> None:
    """Compare runs, or several classifiers on the same recordings."""
    of_runs = {"--sort": sort, "--columns": columns, "--plot": plot, "--into": into}
    if on is not None:
        _refuse([option for option, value in of_runs.items() if value is not None], "is for runs", "leave out --on")
        from earmark.speech import words as speech

        _measure(names or speech.classifiers(), on, to, out)
        return
    _refuse(["--out"] * (out is not None), "is for a report on classifiers", "name recordings with --on, or use --plot")
    places = [Path(name) for name in names or []]
    if into is None:
        compare_runs.compare(places, to, sort, columns, plot)
    else:
        others = ["a run"] * bool(places) + [option for option in of_runs if of_runs[option] and option != "--into"]
        _refuse(others, "does not go with --into", "the document says which runs, and how")
        compare_runs.refresh(into)


def _refuse(given: Sequence[str], reason: str, remedy: str) -> None:
    for option in given:
        raise EarmarkError(option, reason, remedy)


def _measure(classifiers: Sequence[str], on: Path, to: str, out: Path | None) -> None:
    common.check_choice("--to", to, FORMS)
    if out is not None:
        common.check_report(out)
    from earmark.evaluation.comparison import figures, runs

    models = runs.load(classifiers)
    said, failed = _answers(runs.find_recordings(on), models, on)
    comparison = figures.compare(str(on), said)
    common.standard_output().write(_text(comparison, to))
    if out is not None:
        from earmark.evaluation.comparison import report

        common.say(report.write(comparison, out), err=True)
    if failed:
        raise typer.Exit(1)


def _answers(
    recordings: Sequence[Recording], models: Mapping[str, Model], on: Path
) -> tuple[dict[str, list[Answer]], bool]:
    """What each classifier says of each recording, and whether one could not be read, was reported and left out."""
    from earmark.evaluation.comparison import runs

    said: dict[str, list[Answer]] = {name: [] for name in models}
    total = sum(recording.truth.duration for recording in recordings)
    done, failed = 0.0, False
    with common.progress(on) as advance:
        for recording in recordings:
            try:
                for name, answer in zip(models, runs.answers(recording, models.values()), strict=True):
                    said[name].append(answer)
            except EarmarkError as error:
                common.complain(error)
                failed = True
            done += recording.truth.duration
            if advance:
                advance(done, total)
    if not any(said.values()):
        raise EarmarkError(on, "holds no recording that can be measured")
    return said, failed


def _text(comparison: Comparison, to: str) -> str:
    from earmark.evaluation.comparison import tables

    if to == "json":
        return in_json(comparison.summary(), indent=1) + "\n"
    return tables.summary_csv(comparison) if to == "csv" else visible_lines(tables.plain(comparison))
