"""Random events, and the figures that the field's own programs give for them."""

import warnings

import numpy as np
import pandas as pd

from earmark.events.timeline import Event

LABELS = ("cat", "dog", "rain", "siren")
DURATION = 20.0


def random_truth(random, recordings=3, events=5, labels=LABELS, duration=DURATION):
    """For each recording and label some events that do not overlap each other; labels overlap."""
    table = {}
    for r in range(recordings):
        table[f"r{r}"] = []
        for label in labels:
            edges = np.sort(random.uniform(0, duration, 2 * random.integers(0, events + 1)))
            table[f"r{r}"] += [Event(a, b, label, 1.0) for a, b in edges.reshape(-1, 2)]
        random.shuffle(table[f"r{r}"])
    return table


def random_found(random, truth, blur=0.4, lost=0.3, wrong=0.3, labels=LABELS):
    """The events moved a little, some lost, some renamed; those of one label do not overlap each other."""
    found = {}
    for name, events in truth.items():
        found[name], until = [], dict.fromkeys(labels, 0.0)
        for event in sorted(events, key=lambda event: event.onset):
            label = random.choice(labels) if random.random() < wrong else event.label
            onset = max(until[label], event.onset + random.normal(0, blur))
            offset = min(event.offset + random.normal(0, blur), DURATION)
            if offset > onset and random.random() > lost:
                found[name].append(Event(onset, offset, str(label), 0.5))
                until[label] = offset
    return found


def _listed(events):
    return [{"file": "x", "event_onset": e.onset, "event_offset": e.offset, "event_label": e.label} for e in events]


def sed_eval_segments(truth, found, durations, labels=LABELS, resolution=1.0):
    metrics = _sed_eval().SegmentBasedMetrics(list(labels), time_resolution=resolution)
    metrics.empty_system_output_handling = "zero_score"
    for name, duration in durations.items():
        actual, guess = _listed(truth.get(name, ())), _listed(found.get(name, ()))
        metrics.evaluate(actual, guess, evaluated_length_seconds=duration)
    return metrics.results()


def sed_eval_events(truth, found, labels=LABELS, collar=0.2, share=0.2):
    metrics = _sed_eval().EventBasedMetrics(
        list(labels), t_collar=collar, percentage_of_length=share, empty_system_output_handling="zero_score"
    )
    for name in truth:
        metrics.evaluate(_listed(truth[name]), _listed(found.get(name, ())))
    return metrics.results()


def _sed_eval():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what setuptools will drop
        import sed_eval
    return sed_eval.sound_event


def official_psds(truth, points, durations, scenario):
    """The value by psds_eval, which newer pandas and NumPy break in two places."""
    import matplotlib as mpl

    mpl.use("Agg")
    import psds_eval

    class Evaluation(psds_eval.PSDSEval):
        @staticmethod
        def step_curve(x, xp, yp):
            """Word for word theirs, but for `fillna(method="ffill")`, which pandas 3 no longer knows."""
            own = pd.DataFrame({"x": xp, "y": yp}).groupby("x").agg("max").reset_index().sort_values(by="x")
            own.y = own.y.cummax()
            return pd.merge(pd.Series(x, name="x"), own, how="outer", on="x").ffill().fillna(value=0).y.values

        @staticmethod
        def _auc(x, y, max_x, decreasing_y):
            """Theirs; the end of the curve, where it is missing, put in without what NumPy 2.4 no longer allows."""
            if max_x not in x:
                place = int(np.searchsorted(x, max_x))
                x, y = np.insert(x, place, max_x), np.insert(y, place, y[place - 1])
            return psds_eval.PSDSEval._auc(x, y, max_x, decreasing_y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pd.option_context("future.infer_string", False):  # else strings are Arrow's, which takes twice the time
            evaluation = Evaluation(
                dtc_threshold=scenario.detection,
                gtc_threshold=scenario.truth,
                cttc_threshold=scenario.cross_trigger,
                ground_truth=_frame(truth),
                metadata=pd.DataFrame({"filename": list(durations), "duration": list(durations.values())}),
            )
            for found in points:
                evaluation.add_operating_point(_frame(found))
            return evaluation.psds(scenario.cross_cost, scenario.spread_cost, scenario.most_errors).value


def _frame(table):
    rows = [(name, e.onset, e.offset, e.label) for name, events in table.items() for e in events]
    return pd.DataFrame(rows, columns=["filename", "onset", "offset", "event_label"])
