"""The layouts: recordings in folders, and those of published datasets.

A folder per class, as of a user's own examples, or all files that fit a pattern. ESC-50 and its subset ESC-10 (Piczak,
2015): 5 s clips in five official folds. UrbanSound8K (Salamon, Jacoby and Bello, 2014): slices of up to 4 s in ten
official folds. Mozilla Common Voice (Ardila et al., 2020): sentences read by volunteers, one speaker a clip; a release
has a folder for each language, which holds `validated.tsv` and other tables, the recordings in `clips/`, and since
version 17 `clip_durations.tsv`.
"""

from __future__ import annotations

import filecmp
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from earmark.datasets import media_files, tables
from earmark.datasets.clips import Clip, Dataset, of_use
from earmark.errors import DatasetError, EarmarkWarning, MediaError
from earmark.labels import canonical, normalise
from earmark.media import open_recording
from earmark.util.text import number_of


def read_folder(root: Path, *, source: str | None = None, licence: str = "", fewest: int = 2) -> Dataset:
    """Read a folder of folders: `dog/a.wav`, `dog/b.mp3`, `door bell/c.flac`, ...

    The first level is the label, put in canonical style (`Door Bell` is `door_bell`). Recordings may lie
    deeper: those of one folder inside a class (`dog/rex/1.wav`, `dog/rex/2.wav`) share a source, whichever
    class they stand in. Every other file is its own source. Hidden files and folders are passed over. A
    recording of the same name and content in several classes (`dog/park.wav`, `siren/park.wav`) is one clip
    with all of their labels.

    Parameters
    ----------
    root
        The folder.
    source
        Where clips were cut from longer recordings: a regular expression, searched in the path below `root`, whose
        groups name the recording, such as `/([^/]+)_take[0-9]+`.
    licence
        What the model card says of the data.
    fewest
        So many classes there must be.
    """
    rule = media_files.compile_rule(root, source) if source else None
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = {folder: list(media_files.walk(folder)) for folder in classes}
    for folder in classes:
        if files[folder] and not normalise(folder.name):
            raise DatasetError(folder, "is a class without a name", "rename the folder to what sounds in it")
    _warn_of_odd_ones(root, files)
    clips = _united(
        Clip(path, labels=(normalise(folder.name),), source=_source(root, folder, path, rule))
        for folder in classes
        for path in files[folder]
    )
    exclusive = all(len(clip.labels) == 1 for clip in clips)
    dataset = Dataset(normalise(root.resolve().name) or "folder", clips, licence, exclusive)
    _check_classes(root, dataset.labels, fewest)
    return dataset


def _united(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    """The clips, those of the same recording as one with the labels of all."""
    united: list[Clip] = []
    named: dict[str, list[int]] = {}
    for clip in clips:
        alike = [i for i in named.get(clip.path.name, []) if _same(united[i].path, clip.path)]
        if alike and clip.labels[0] not in united[alike[0]].labels:
            first = united[alike[0]]
            united[alike[0]] = replace(first, labels=(*first.labels, *clip.labels))
        else:
            named.setdefault(clip.path.name, []).append(len(united))
            united.append(clip)
    return tuple(united)


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False) and one.stat().st_size > 0
    except OSError:  # reading it for training says what is wrong with it
        return False


def _source(root: Path, folder: Path, path: Path, rule: re.Pattern[str] | None) -> str:
    if rule:
        return media_files.by_rule(root, path, rule)
    inner = path.relative_to(folder).parts
    return inner[0] if len(inner) > 1 else path.stem


def _check_classes(root: Path, labels: tuple[str, ...], fewest: int) -> None:
    if not labels:
        raise DatasetError(root, "holds no folders with recordings", "put each class in a folder named after it")
    if len(labels) < fewest:
        remedy = "add a folder of other sounds beside it, or read it with the layout files"
        raise DatasetError(root, f"holds only one class, {labels[0]}", remedy)


def _warn_of_odd_ones(root: Path, files: Mapping[Path, Sequence[Path]]) -> None:
    """What may not be meant, given the recordings of each class folder."""
    said = [f"{folder}: holds no recordings; the class is left out" for folder in files if not files[folder]]
    loose = sum(media_files.is_media(path) for path in root.iterdir() if path.is_file())
    if loose:
        lie = "lies in no class folder; it is" if loose == 1 else "lie in no class folder; they are"
        said.append(f"{root}: {number_of(loose, 'recording')} {lie} left out")
    folders: dict[str, list[Path]] = {}
    for folder in files:
        if files[folder]:
            folders.setdefault(normalise(folder.name), []).append(folder)
    for label, alike in folders.items():
        if len(alike) > 1:
            said.append(f"{root}: {' and '.join(folder.name for folder in alike)} are one class, {label}")
    if len(folders) > 1 and _PARTS.issuperset(folders):
        names, largest = ", ".join(sorted(folders)), max(files, key=lambda folder: len(files[folder]))
        parts = f"if these are parts of a dataset, give one of them, such as {largest}"
        said.append(f"{root}: its classes are {names}; {parts}")
    for message in said:
        warnings.warn(message, EarmarkWarning, stacklevel=3)


def read_files(
    root: Path,
    *,
    labels: Sequence[str],
    pattern: str = "**/*",
    exclude: str | Sequence[str] = (),
    source: str | None = None,
    limit_per_source: int | None = None,
    cut: tuple[float, float] | None = None,
    name: str = "",
    licence: str = "",
) -> Dataset:
    """Read the recordings below `root` that fit a pattern.

    Parameters
    ----------
    root
        The folder.
    labels
        The labels of every clip; empty for recordings in which none of the labels occurs.
    pattern
        A glob below `root`; `**` stands for any depth of folders.
    exclude
        Patterns of paths below `root` that are left out; `*` also stands for `/` here.
    source
        A regular expression, searched in the path below `root`, whose groups name the source; by default every file is
        its own source, named by its stem.
    limit_per_source
        The most clips of one source, taken evenly from its files in order.
    cut
        Length and spacing, seconds, of the excerpts that stand for each long recording, which is then their source;
        whole files by default.
    name
        The dataset's name; the folder's by default.
    licence
        What the model card says of the data.
    """
    if cut is not None and not (
        isinstance(cut, Sequence) and len(cut) == 2 and all(isinstance(one, int | float) and one > 0 for one in cut)
    ):
        raise DatasetError(root, f"cut={cut!r} is no length and spacing", "give two numbers of seconds, such as 5,20")
    rule = media_files.compile_rule(root, source) if source else None
    wanted = (labels,) if isinstance(labels, str) else tuple(labels)
    clips = [
        Clip(path, labels=wanted, source=media_files.by_rule(root, path, rule) if rule else path.stem)
        for path in _find(root, pattern, (exclude,) if isinstance(exclude, str) else tuple(exclude))
    ]
    if not clips:
        raise DatasetError(root, f"no recording fits {pattern}", "correct pattern or exclude")
    if cut is not None:
        clips = [piece for clip in clips for piece in _cut(clip, *cut)]
    if limit_per_source is not None:
        clips = media_files.thin(root, clips, limit_per_source)
    return Dataset(name or root.resolve().name, tuple(clips), licence, exclusive=len(wanted) == 1)


def _find(root: Path, pattern: str, exclude: Sequence[str]) -> list[Path]:
    below = PurePath(pattern)
    if not below.parts or below.anchor:  # such as "", "." and "/x", for each of which glob fails in a way of its own
        raise DatasetError(root, f"pattern={pattern!r} is no pattern (it names nothing below the folder)")
    try:
        found = sorted(root.glob(pattern))
    except ValueError as error:
        raise DatasetError(root, f"pattern={pattern!r} is no pattern ({error})") from error
    return [path for path in found if path.is_file() and _wanted(path.relative_to(root), exclude)]


def _wanted(path: Path, exclude: Sequence[str]) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    excluded = any(fnmatchcase(path.as_posix(), pattern) for pattern in exclude)
    return media_files.is_media(path) and not hidden and not excluded


def _cut(clip: Clip, length: float, every: float) -> list[Clip]:
    """Excerpts of a recording, as many as it holds; the whole of one that is too short for any."""
    with open_recording(clip.path) as recording:
        duration = recording.duration or 0.0
    count = int((duration - length) // every) + 1 if duration >= length else 0
    pieces = [replace(clip, start=every * i, end=every * i + length) for i in range(count)]
    return pieces or [clip]


ESC_TABLE = Path("meta", "esc50.csv")
ESC_LICENCES = "LICENSE"  # names that of each clip: - [1-100032-A.ogg]: clip derived from ... [CC0]
_LICENCE = re.compile(r"\[(\d-\d+-[A-Z])[^\]]*\]:.*\[([^\]]+)\]\s*$", re.MULTILINE)
_ESC_COLUMNS = ("filename", "fold", "category", "esc10", "src_file")

URBANSOUND8K_TABLE = Path("metadata", "UrbanSound8K.csv")
_URBANSOUND8K_COLUMNS = ("slice_file_name", "fsID", "fold", "class")
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation"}
_FOLD_POLICIES = ("folds", "error", "skip")

COMMON_VOICE_TABLE = "validated.tsv"
COMMON_VOICE_DURATIONS = "clip_durations.tsv"


def read_esc(root: Path, *, subset: str = "esc50", missing: str = "error", use: str = "any") -> Dataset:
    """Read ESC-50: `meta/esc50.csv` and the recordings in `audio/`, in any format.

    Parameters
    ----------
    root
        The dataset's folder.
    subset
        `esc50`, or `esc10` for the 400 clips of ESC-10.
    missing
        `error` refuses a dataset without some of its files; `skip` warns and leaves them out.
    use
        `commercial`: only clips whose own licence allows it, 1,770 of ESC-50's: `LICENSE` names it for each.
    """
    if subset not in {"esc50", "esc10"}:
        raise DatasetError(root, f"subset={subset!r} is no choice", "choose esc50 or esc10")
    files = media_files.by_stem(root / "audio")
    listed = [
        _esc_clip(root, row, files)
        for row in tables.read_rows(root / ESC_TABLE, _ESC_COLUMNS)
        if subset == "esc50" or row.text("esc10").lower() == "true"
    ]
    if use != "any":
        of_clip = _licences(root)
        listed = of_use(root, ((clip, of_clip.get(_take(clip), "")) for clip in listed), use)
    clips, absent = media_files.partition(listed, (clip.path.stem in files for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    licence = "CC BY-NC 3.0" if subset == "esc50" else "CC BY 3.0"
    licence = licence if use == "any" else "CC0 and CC BY, each clip its own"
    return Dataset(subset, clips, licence, sources="freesound", missing=absent)


def _licences(root: Path) -> dict[str, str]:
    """Each clip's own licence, by the first three parts of its name."""
    try:
        text = (root / ESC_LICENCES).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            root / ESC_LICENCES, "cannot be read", "it names each clip's licence: get the dataset anew"
        ) from error
    return dict(_LICENCE.findall(text))


def _take(clip: Clip) -> str:
    return clip.path.stem.rpartition("-")[0]


def _esc_clip(root: Path, row: tables.Row, files: dict[str, Path]) -> Clip:
    name = Path(row.required("filename"))
    return Clip(
        path=files.get(name.stem, root / "audio" / name.name),
        labels=(canonical("esc50", row.required("category")),),
        fold=row.integer("fold"),
        source=row.required("src_file"),
    )


def read_urbansound8k(root: Path, *, missing: str = "folds") -> Dataset:
    """Read UrbanSound8K: `metadata/UrbanSound8K.csv` and the slices in `audio/fold1/` to `audio/fold10/`.

    A clip is a whole slice: the table's start and end are positions in the Freesound original.

    Parameters
    ----------
    root
        The dataset's folder.
    missing
        What to do about rows without a file. `folds` (the default) leaves out folds of which nothing is there, with a
        warning, for that is a choice someone made; but a fold with holes is an error, for that is a download which
        broke. `error` refuses both, `skip` leaves out both with a warning.
    """
    if missing not in _FOLD_POLICIES:
        raise DatasetError(root, f"missing={missing!r} is no choice", f"choose {', '.join(_FOLD_POLICIES)}")
    folds: dict[int, dict[str, Path]] = {}
    listed = [
        _urbansound8k_clip(root, row, folds)
        for row in tables.read_rows(root / URBANSOUND8K_TABLE, _URBANSOUND8K_COLUMNS)
    ]
    there = [clip.path.stem in folds[clip.fold or 0] for clip in listed]
    clips, absent = media_files.partition(listed, there)
    holes = absent
    if missing == "folds" and clips:
        holes = tuple(clip for clip in absent if folds[clip.fold or 0])
        _warn_of_folds(root, [clip for clip in absent if not folds[clip.fold or 0]], len(listed))
    media_files.refuse_or_warn(root, holes, len(clips), "skip" if missing == "skip" else "error")
    return Dataset("urbansound8k", clips, "CC BY-NC 3.0", sources="freesound", missing=absent)


def _urbansound8k_clip(root: Path, row: tables.Row, folds: dict[int, dict[str, Path]]) -> Clip:
    fold = row.integer("fold")
    if fold is None:
        row.fail("fold", "is empty")
    folder = root / "audio" / f"fold{fold}"
    if fold not in folds:
        folds[fold] = media_files.by_stem(folder)
    name = Path(row.required("slice_file_name"))
    return Clip(
        path=folds[fold].get(name.stem, folder / name.name),
        labels=(canonical("urbansound8k", row.required("class")),),
        fold=fold,
        source=row.required("fsID"),
    )


def _warn_of_folds(root: Path, absent: Sequence[Clip], total: int) -> None:
    if absent:
        folds = ", ".join(str(fold) for fold in sorted({clip.fold or 0 for clip in absent}))
        message = f"{root}: {len(absent)} of {total} rows are left out, for nothing of folds {folds} is there"
        warnings.warn(message, EarmarkWarning, stacklevel=3)


def read_common_voice(
    root: Path,
    *,
    longer_than: float | str = 4.0,
    span: Sequence[float] | str | None = None,
    limit_per_source: int | None = None,
    labels: str | Sequence[str] = ("speech",),
    missing: str = "skip",
) -> Dataset:
    """Read one language of a release: its validated clips only. A clip's source is its speaker (`client_id`).

    Parameters
    ----------
    root
        The language's folder, such as `cv-corpus-17.0/en`.
    longer_than
        Only clips that last longer, seconds.
    span
        Start and end in seconds, such as `1.5-3.5`: that part alone of every clip that reaches so far.
    limit_per_source
        The most clips of one speaker, taken evenly from theirs in the table's order.
    labels
        The labels of every clip.
    missing
        What to do about rows without a recording: `skip` warns and leaves them out, `error` refuses them.
    """
    shortest, part = _seconds(root, "longer_than", longer_than), _span(root, span)
    wanted = (labels,) if isinstance(labels, str) else tuple(labels)
    files = media_files.by_stem(root / "clips")
    durations = _durations(root / COMMON_VOICE_DURATIONS)
    start, end = part or (0.0, None)
    listed = [
        Clip(files.get(_stem(name), root / "clips" / name), start, end, wanted, source=client)
        for client, name in _tsv_rows(root / COMMON_VOICE_TABLE, ("client_id", "path"))
        if durations.get(_stem(name), float("inf")) > shortest
    ]
    clips, absent = media_files.partition(listed, (clip.path.stem in files for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    kept = _long_enough(clips, durations, shortest, end or 0.0)
    if not kept:
        raise DatasetError(root, f"no validated clip lasts longer than {max(shortest, end or 0):g} s")
    if limit_per_source is not None:
        kept = media_files.thin(root, kept, limit_per_source)
    exclusive = len(wanted) == 1
    return Dataset("common_voice", tuple(kept), "CC0 1.0", exclusive, sources="common_voice", missing=absent)


def _tsv_rows(table: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Some columns of a table. Nothing is quoted in it: tabs part values, line feeds part rows, quotes are text."""
    odd = 0
    try:
        # Sentences hold whatever people typed, so only a line feed ends a line, and bytes that are no text may stand.
        with table.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
            header = _tsv_values(next(file, ""))
            lacking = [column for column in columns if column not in header]
            if lacking:
                raise DatasetError(table, f"lacks the column {lacking[0]}", "fetch the release again")
            indices = [header.index(column) for column in columns]
            for line in file:
                values = _tsv_values(line)
                if len(values) == len(header) and all(values[index] for index in indices):
                    yield tuple(values[index] for index in indices)
                else:
                    odd += bool(line.strip())
    except OSError as error:
        remedy = f"give the folder of one language, with {COMMON_VOICE_TABLE} and clips/"
        raise DatasetError(table, f"cannot be read ({error.strerror})", remedy) from error
    if odd:
        warnings.warn(f"{table}: {odd} broken lines are left out", EarmarkWarning, stacklevel=3)


def _tsv_values(line: str) -> list[str]:
    return [value.strip() for value in line.rstrip("\r\n").split("\t")]


def _stem(name: str) -> str:
    """A clip's name without ending: early releases leave it out, and clips may have been converted."""
    path = Path(name)
    return path.stem if media_files.is_media(path) else path.name


def _durations(table: Path) -> dict[str, float]:
    """Seconds of each clip, by its name without ending; empty for releases that do not say."""
    if not table.is_file():
        return {}
    found: dict[str, float] = {}
    for name, milliseconds in _tsv_rows(table, ("clip", "duration[ms]")):
        try:
            found[_stem(name)] = float(milliseconds) / 1000
        except ValueError as error:
            raise DatasetError(
                table, f"{milliseconds!r} of {name} is no duration", "fetch the release again"
            ) from error
    return found


def _long_enough(clips: Sequence[Clip], durations: dict[str, float], shortest: float, end: float) -> list[Clip]:
    def lasts(clip: Clip) -> float:
        known = durations.get(clip.path.stem)
        return _measured(clip.path) if known is None else known

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seconds = pool.map(lasts, clips)
        return [clip for clip, length in zip(clips, seconds, strict=True) if length > shortest and length >= end]


def _measured(path: Path) -> float:
    """How long a recording lasts by its own header; one that is broken lasts no time."""
    try:
        with open_recording(path) as recording:
            return recording.duration or 0.0
    except MediaError as error:
        warnings.warn(f"{error}; it is left out", EarmarkWarning, stacklevel=2)
        return 0.0


def _span(root: Path, span: Sequence[float] | str | None) -> tuple[float, float] | None:
    if span is None:
        return None
    values = span.replace(",", "-").split("-") if isinstance(span, str) else list(span)
    if len(values) != 2:
        raise DatasetError(root, f"span={span!r} is no span", "give start and end in seconds, such as 1.5-3.5")
    start, end = (_seconds(root, "span", value) for value in values)
    if start >= end:
        raise DatasetError(root, f"span={span!r} ends before it begins", "give start and end in seconds")
    return start, end


def _seconds(root: Path, option: str, value: float | str) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise DatasetError(root, f"{option}={value!r} is no number of seconds", f"give one, such as {option}=4")
    return seconds
