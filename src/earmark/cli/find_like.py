"""`earmark find --like`: sounds of an archive that are like examples, and a model of them learned by yes and no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.cli import common
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.archive.database import Index
    from earmark.archive.embeddings import Store
    from earmark.archive.examples import ExampleQuery
    from earmark.archive.review import Answers
    from earmark.archive.search import Detection, Query

SHOWN = 50  # events, where nobody says how many


def find_similar(
    index: Index,
    query: Query,
    like: Sequence[str],
    unlike: Sequence[str],
    named: str | None,
    limit: int | None,
) -> tuple[list[Detection], str]:
    """The events that are most like the examples, and what was asked, as a line that the same examples have again."""
    from earmark.archive.embeddings import Store
    from earmark.archive.examples import find_similar

    store = Store(index.folder, index.options)
    wanted = _wanted(index, store, like, unlike, named)
    return find_similar(index, store, wanted, query, limit or SHOWN), repr((wanted.label, *wanted.asked))


def _wanted(index: Index, store: Store, like: Sequence[str], unlike: Sequence[str], named: str | None) -> ExampleQuery:
    from earmark.archive.examples import example, example_query

    against = [example(text, "--unlike") for text in unlike]
    return example_query(store, index.options, [example(text) for text in like], against, named)


def check(like: Sequence[str], unlike: Sequence[str], named: str | None, refused: Mapping[str, object]) -> None:
    """Refuse options that make no sense together: `refused` are those that do not go with `--like`."""
    if not like:
        by_example = {"--unlike": unlike or None, "--as": named}
        return common.refuse(by_example, "is for searches by example", "say --like CLIP, too")
    if named is not None and not named.strip():
        raise EarmarkError("--as", "names no label", "write one")
    common.refuse(refused, "does not go with --like")


def check_review(
    wanted: bool, like: Sequence[str], save: Path | None, query: Query, refused: Mapping[str, object]
) -> None:
    """Refuse options that make no sense with `--review`, or without it."""
    from earmark.archive.search import Query

    if not wanted:
        return common.refuse({"--save": save}, "is for --review", "say it, too")
    if not like:
        raise EarmarkError("--review", "begins with examples", "say --like CLIP, too")
    common.refuse(refused, "does not go with --review")
    if query != Query():
        raise EarmarkError("--review", "asks about all of an archive", "leave conditions out")
    common.need("--review", "serve", "fastapi", "uvicorn")
    if save is not None:
        common.need("--save", "train", "onnx")
        if save.suffix != ".onnx":
            raise EarmarkError(f"--save {save}", "is no name of a model file", "let it end in .onnx")


def review(
    index: Index,
    like: Sequence[str],
    unlike: Sequence[str],
    named: str | None,
    save: Path | None,
    cut: Path | None,
    port: int,
    root: str | None,
) -> None:
    """Serve the page of a review; then write what was learned, and say how good it is."""
    import numpy as np

    from earmark.archive.embeddings import Store
    from earmark.archive.examples import embedder
    from earmark.archive.recordings import Archive
    from earmark.archive.review import OTHERS, Answer, Answers, Pool, Review, write_dataset
    from earmark.service.review import Session, run_review

    store, archive = Store(index.folder, index.options), Archive(root or index.options.root)
    model = embedder(index.options) if save is not None else None  # before hours of answers, not after them
    wanted = _wanted(index, store, like, unlike, named)
    file = re.sub(r"[^\w.-]+", "_", wanted.label).strip("._") or "sound"
    answers = Answers(index.folder / "reviews" / f"{file}.jsonl")
    rng = np.random.default_rng()
    learning = Review(store, Pool(store, rng), wanted.wanted, answers, rng)

    def write() -> None:
        if save is not None and model is not None:
            from earmark.archive.classifier import write_model

            write_model(save, wanted.label, learning.head, store.centre, model, answers.summary)

    run_review(
        Session(learning, archive, wanted.label, write),
        port,
        lambda address: common.say(f"open {address}  (Ctrl-C, or Done on the page, ends it)", err=True),
    )
    write()
    failed: list[EarmarkError] = []
    if cut is not None:
        others = learning.unmarked(OTHERS, np.random.default_rng(0))  # the same as the last time, as far as can be
        nobodys = [Answer(one.recording, one.second, "no") for one in others]
        clips = write_dataset(cut, wanted.label, [*answers, *nobodys], archive, failed.append)
        common.say(f"{cut}: {clips} clips, {len(others)} of them of what else occurs, at random", err=True)
        common.say(f"add it to a model: earmark train {cut} --add-to sounds", err=True)
    _tell(wanted.label, answers, save)
    common.tell_of(failed)


def _tell(label: str, answers: Answers, save: Path | None) -> None:
    common.say(f"{label}: {answers.count('yes')} yes, {answers.count('no')} no; kept in {answers.file}", err=True)
    precision = answers.precision
    if precision is not None:
        share, interval = f"{precision.value:.0%}", f"{precision.low:.0%} to {precision.high:.0%}"
        common.say(f"of what it marks {share} are right ({interval}, a random sample of {precision.sample})", err=True)
    if save is not None:
        common.say(f"use it: earmark label VIDEO --model {save}", err=True)
