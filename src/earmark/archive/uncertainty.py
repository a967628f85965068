"""The stretches of an archive that its model is least sure of: a person who corrects these teaches it most.

Uncertainty sampling (Lewis and Gale, SIGIR 1994, arXiv:cmp-lg/9407020): a second is the less sure, the nearer its score
is to the label's threshold, as the difference of their log-odds. The nearest of all would be many alike, of one label
or one recording: here labels take turns, and a recording gives few.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from earmark.archive.database import RECORDINGS, SECONDS, Index, Row
from earmark.archive.search import Detection, Query, Values, check, like_one_of, one_of

USUAL_THRESHOLD = 0.5
UNSURE = 1.0  # log-odds from the threshold: at 0.5, scores from 0.27 to 0.73
AROUND = 5  # seconds on either side that a stretch can reach: what is unsure for longer is alike
FROM_ONE = 3  # stretches of one recording
SPARE = 20  # seconds of each label for each stretch that is wanted: many are neighbours, or in the same recordings

_ODDS = "ln(greatest({0}, 1e-7) / greatest(1 - {0}, 1e-7))"


def least_certain(index: Index, query: Query, limit: int) -> list[Detection]:
    """The stretches that the model is least sure of, those that are worth most first.

    A stretch is a second that scores as it does, and its neighbours while they are unsure too, at most `AROUND` on
    either side. No two overlap, whatever their labels. Of the query, labels and recordings are asked, nothing else.
    Raises as `search.find` does.
    """
    chosen = list(_chosen(_seconds(index, check(index, query), limit), limit))
    unsure = _unsure_around(index, chosen)
    return [_stretched(one, unsure[number]) for number, one in enumerate(chosen)]


def _seconds(index: Index, query: Query, limit: int) -> list[Detection]:
    """The least sure seconds of each label, the least sure first."""
    values = Values()
    conditions = [f"score BETWEEN coalesce(low, {values.add(_score(0.0, -UNSURE))})"]
    conditions[0] += f" AND coalesce(high, {values.add(_score(0.0, UNSURE))})"
    conditions += [one_of("label", query.labels, values)] if query.labels else []
    conditions += [like_one_of("recording", query.recordings, values)] if query.recordings else []
    thresholds = {name: min(max(float(at), 1e-6), 1 - 1e-6) for name, at in index.options.thresholds.items()}
    odds = [math.log(at / (1 - at)) for at in thresholds.values()]
    columns = [list(thresholds), list(thresholds.values())]
    columns += [[_score(at, by) for at in odds] for by in (-UNSURE, UNSURE)]
    names, known, low, high = (values.add(column) for column in columns)
    usual, most = values.add(USUAL_THRESHOLD), values.add(limit * SPARE)
    sql = f"""
        WITH thresholds AS (
            SELECT unnest({names}::VARCHAR[]) AS name, unnest({known}::DOUBLE[]) AS known,
                unnest({low}::DOUBLE[]) AS low, unnest({high}::DOUBLE[]) AS high),
        unsure AS (
            SELECT recording, label, second, score::DOUBLE AS score, coalesce(known, {usual}) AS threshold
            FROM {SECONDS} LEFT JOIN thresholds ON name = label WHERE {" AND ".join(conditions)}),
        measured AS (
            SELECT label, struct_pack(far := abs({_ODDS.format("score")} - {_ODDS.format("threshold")}),
                recording := recording, second := second, score := score, threshold := threshold) AS one FROM unsure),
        nearest AS (SELECT label, unnest(min(one, {most})) AS one FROM measured GROUP BY label)
        SELECT r.recording, n.one.second, label, n.one.score, n.one.threshold, started, duration
        FROM nearest n JOIN {RECORDINGS} r ON r.recording = n.one.recording
        ORDER BY n.one.far, r.recording, n.one.second, label"""
    return list(map(_second, index.rows(sql, values.named)))


def _second(row: Row) -> Detection:
    recording, second, label, score, threshold, started, duration = row
    end = second + 1.0 if duration is None else max(second + 0.001, min(second + 1.0, duration))
    began = None if started is None else started + timedelta(seconds=second)
    return Detection(recording, float(second), end, label, round(score, 4), began, threshold)


def _score(odds: float, by: float) -> float:
    """The score at so many log-odds, and some more."""
    return 1 / (1 + math.exp(-odds - by))


def _chosen(found: Iterable[Detection], limit: int) -> Iterator[Detection]:
    """Labels take turns, that with the least sure second first; one that adds nothing is passed over."""
    waiting: dict[str, deque[Detection]] = defaultdict(deque)
    for one in found:
        waiting[one.label].append(one)
    given: Counter[str] = Counter()
    taken: dict[str, list[Detection]] = defaultdict(list)
    while waiting:
        for label in list(waiting):
            following = _next(waiting[label], given, taken)
            if following is None:
                del waiting[label]
                continue
            yield following
            limit -= 1
            if limit == 0:
                return


def _next(waiting: deque[Detection], given: Counter[str], taken: dict[str, list[Detection]]) -> Detection | None:
    while waiting:
        one = waiting.popleft()
        near = any(abs(one.onset - other.onset) <= 2 * AROUND for other in taken[one.recording])
        if given[one.recording] < FROM_ONE and not near:
            given[one.recording] += 1
            taken[one.recording].append(one)
            return one
    return None


def _unsure_around(index: Index, chosen: list[Detection]) -> dict[int, set[int]]:
    """For each, by its place, the seconds around it of which the model is unsure if the label sounds."""
    odds = [math.log(one.threshold / (1 - one.threshold)) if one.threshold else 0.0 for one in chosen]
    columns = {
        "wanted": [one.recording for one in chosen],
        "labels": [one.label for one in chosen],
        "at": [int(one.onset) for one in chosen],
        "low": [_score(at, -UNSURE) for at in odds],
        "high": [_score(at, UNSURE) for at in odds],
        "around": AROUND,
    }
    sql = f"""
        WITH chosen AS (
            SELECT unnest($wanted::VARCHAR[]) AS recording, unnest($labels::VARCHAR[]) AS label,
                unnest($at::INTEGER[]) AS middle, unnest($low::DOUBLE[]) AS low, unnest($high::DOUBLE[]) AS high,
                generate_subscripts($at::INTEGER[], 1) - 1 AS place)
        SELECT place, second FROM {SECONDS} s JOIN chosen c ON s.recording = c.recording AND s.label = c.label
        AND second BETWEEN middle - $around AND middle + $around AND score BETWEEN low AND high"""
    unsure: dict[int, set[int]] = defaultdict(set)
    for place, second in index.rows(sql, columns):
        unsure[place].add(second)
    return unsure


def _stretched(one: Detection, unsure: set[int]) -> Detection:
    """With the unsure seconds beside it."""
    first = last = int(one.onset)
    while first - 1 in unsure:
        first -= 1
    while last + 1 in unsure:
        last += 1
    end = one.offset if last == int(one.onset) else last + 1.0
    began = None if one.began is None else one.began - timedelta(seconds=one.onset - first)
    return replace(one, onset=float(first), offset=end, began=began)
