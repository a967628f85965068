"""ESC-50 and its subset ESC-10 (Piczak, 2015): 5 s clips in five official folds."""

from __future__ import annotations

import re
from pathlib import Path

from earmark.datasets import licences, media_files, rows
from earmark.datasets.clip import Clip, Dataset
from earmark.errors import DatasetError
from earmark.labels import canonical

TABLE = Path("meta", "esc50.csv")
LICENCES = "LICENSE"  # names that of each clip: - [1-100032-A.ogg]: clip derived from ... [CC0]
_LICENCE = re.compile(r"\[(\d-\d+-[A-Z])[^\]]*\]:.*\[([^\]]+)\]\s*$", re.MULTILINE)
_COLUMNS = ("filename", "fold", "category", "esc10", "src_file")


def read(root: Path, *, subset: str = "esc50", missing: str = "error", use: str = "any") -> Dataset:
    """Read ESC-50: `meta/esc50.csv` and the recordings in `audio/`, in any format.

    Args:
        root: The dataset's folder.
        subset: `esc50`, or `esc10` for the 400 clips of ESC-10.
        missing: `error` refuses a dataset without some of its files; `skip` warns and leaves them out.
        use: `commercial`: only clips whose own licence allows it, 1,770 of ESC-50's: `LICENSE` names it for each.
    """
    if subset not in {"esc50", "esc10"}:
        raise DatasetError(root, f"subset={subset!r} is no choice", "choose esc50 or esc10")
    files = media_files.by_stem(root / "audio")
    table = [row for row in rows.read(root / TABLE, _COLUMNS) if subset == "esc50" or _is_esc10(row)]
    listed = [_clip(root, row, files) for row in table]
    if use != "any":
        of_clip = _licences(root)
        listed = licences.of_use(root, ((clip, of_clip.get(_take(clip), "")) for clip in listed), use)
    clips, absent = media_files.partition(listed, (clip.path.stem in files for clip in listed))
    media_files.refuse_or_warn(root, absent, len(clips), missing)
    licence = "CC BY-NC 3.0" if subset == "esc50" else "CC BY 3.0"
    licence = licence if use == "any" else "CC0 and CC BY, each clip its own"
    return Dataset(subset, clips, licence, sources="freesound", missing=absent)


def _licences(root: Path) -> dict[str, str]:
    """Each clip's own licence, by the first three parts of its name."""
    try:
        text = (root / LICENCES).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            root / LICENCES, "cannot be read", "it names each clip's licence: get the dataset anew"
        ) from error
    return dict(_LICENCE.findall(text))


def _take(clip: Clip) -> str:
    return clip.path.stem.rpartition("-")[0]


def _is_esc10(row: rows.Row) -> bool:
    return row.text("esc10").lower() == "true"


def _clip(root: Path, row: rows.Row, files: dict[str, Path]) -> Clip:
    name = Path(row.required("filename"))
    return Clip(
        path=files.get(name.stem, root / "audio" / name.name),
        labels=(canonical("esc50", row.required("category")),),
        fold=row.integer("fold"),
        source=row.required("src_file"),
    )
