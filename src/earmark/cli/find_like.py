"""`earmark find --like`: sounds of an archive that are like examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.archive.examples import Likeness
    from earmark.archive.querying import Query
    from earmark.archive.reading import Index
    from earmark.archive.searching import Found

SHOWN = 50  # events, where nobody says how many


def alike(
    index: Index,
    query: Query,
    like: Sequence[str],
    unlike: Sequence[str],
    named: str | None,
    limit: int | None,
) -> tuple[list[Found], str]:
    """The events that are most like the examples, and what was asked, as a line that the same examples have again."""
    from earmark.archive.alike import alike
    from earmark.archive.examples import example, likeness
    from earmark.archive.store import Store

    positive = [example(text) for text in like]
    negative = [example(text, "--unlike") for text in unlike]
    store = Store(index.folder, index.options)
    wanted = likeness(store, index.options, positive, negative, named)
    return alike(index, store, wanted, query, limit or SHOWN), _asked(wanted)


def _asked(wanted: Likeness) -> str:
    return repr((wanted.label, *wanted.asked))


def check(like: Sequence[str], unlike: Sequence[str], named: str | None, refused: Mapping[str, object]) -> None:
    """Refuse options that make no sense together.

    Args:
        like: of the command line.
        unlike: likewise.
        named: likewise.
        refused: options and their values that do not go with `--like`.
    """
    if not like:
        for option, given in (("--unlike", unlike), ("--as", named)):
            if given:
                raise EarmarkError(option, "is for searches by example", "say --like CLIP, too")
        return
    if named is not None and not named.strip():
        raise EarmarkError("--as", "names no label", "write one")
    for option, value in refused.items():
        if value:
            raise EarmarkError(option, "does not go with --like", "leave one of them out")
