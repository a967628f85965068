"""`earmark data augment`: what every augmentation makes of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli import common
from earmark.errors import EarmarkError, MissingExtraError

if TYPE_CHECKING:
    from earmark.augment.preview import Version
    from earmark.util.types import Samples

LONGEST = 10.0  # seconds of a recording that are shown
HELP = """Draw what every augmentation makes of a clip: spectrograms before and after, in one picture.

There are three styles: audio changes samples, image changes the spectrogram as a picture, batch changes features as in
training. mixup, between_class and overlay mix two recordings, and need a second one by --with. Of a long recording, the
first 10 s are shown.

Examples:

    earmark data augment dog.wav

    earmark data augment dog.wav --with rain.wav --seed 3 --out dog.png

    earmark data augment dog.wav --style audio --audio changed/

    earmark data augment dog.wav --only slow,noise,spec_augment
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("augment", help=HELP)(augment)


def augment(
    clip: Annotated[Path, typer.Argument(help="An audio or video file.", show_default=False)],
    style: Annotated[str, typer.Option(help="Style of the augmentations: audio, image, batch or all.")] = "all",
    only: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Names of augmentations to show, separated by commas.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random changes.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The picture to write (PNG).", show_default="CLIP.augment.png")
    ] = None,
    other: Annotated[
        Path | None, typer.Option("--with", metavar="FILE", help="A second recording, to mix with.")
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write the clips changed by audio style to this folder (WAV)."),
    ] = None,
) -> None:
    """Draw what every augmentation makes of a clip."""
    from earmark.augment.preview import Showing
    from earmark.cli import output

    try:
        from earmark.plots import spectrogram
    except ImportError as error:
        raise MissingExtraError("earmark data augment", "plot") from error
    rate = spectrogram.FRONT_END.rate
    first, second = _read(clip, rate), None if other is None else _read(other, rate)
    names = _names(style, only, other is not None)
    if audio is not None and not names.get("audio"):
        raise EarmarkError("--audio", "is for audio style", "choose some of it with --style or --only")
    picture = output.place(out or Path(f"{clip.stem}.augment.png"), clip, ".png")
    showing = Showing(first, spectrogram.FRONT_END, seed, second)
    untouched = [version for version in (showing.original, showing.second) if version is not None]
    sections = {style: list(showing.versions(members)) for style, members in names.items()}
    if audio is not None:
        _write([untouched[0], *sections.get("audio", [])], clip, audio, rate)
    title = f"{clip.name}   (seed {seed})"
    headings = {f"{style} style": versions for style, versions in sections.items()}
    spectrogram.draw_versions(title, {"before": untouched, **headings}, picture)
    common.say(picture)


def _names(style: str, only: str | None, mixing: bool) -> dict[str, list[str]]:
    """The augmentations that are asked for and possible, by style."""
    from earmark.augment.preview import MIXING, STYLES

    common.check_choice("--style", style, (*STYLES, "all"))
    members = {one: list(names) for one, names in STYLES.items() if style in (one, "all")}
    if only is not None:
        wanted = {name.strip() for name in only.split(",")}
        for name in sorted(wanted):
            common.check_choice("--only", name, [name for names in members.values() for name in names])
            if name in MIXING and not mixing:
                raise EarmarkError(f"--only {name}", "mixes two recordings", "name the second one: --with FILE")
        return {one: [name for name in names if name in wanted] for one, names in members.items()}
    if not mixing and "batch" in members:
        common.say(f"{', '.join(MIXING)} are left out: they mix in a second recording, --with FILE", err=True)
        members["batch"] = [name for name in members["batch"] if name not in MIXING]
    return members


def _read(file: Path, rate: int) -> Samples:
    """The beginning of a recording; more than is shown is told."""
    from earmark.media import read

    samples = read(file, rate, end=LONGEST + 1 / rate)
    if not samples.size:
        raise EarmarkError(file, "holds no samples", "choose another clip")
    most = round(LONGEST * rate)
    if len(samples) > most:
        common.say(f"{file} is long: only its first {LONGEST:g} s are shown", err=True)
    return samples[:most]


def _write(versions: list[Version], clip: Path, folder: Path, rate: int) -> None:
    """Each version as a WAV file, named after the clip and the augmentation."""
    from earmark.media.writing import write_samples

    for version in versions:
        assert version.samples is not None
        path = folder / f"{clip.stem}.{version.name}.wav"
        write_samples(path, [version.samples], rate)
        common.say(path, err=True)
