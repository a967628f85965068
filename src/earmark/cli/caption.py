"""`earmark caption`: captions of sounds, in a file beside the video or as a track in a copy of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from earmark.cli import common
from earmark.errors import EarmarkError
from earmark.util.atomic import write_text

if TYPE_CHECKING:
    from earmark.captions import Phrases
    from earmark.captions.captioning import Captions
    from earmark.captions.looks import Look
    from earmark.formats.styled_captions import StyledCaptions
    from earmark.models.model import Model

HELP = """Write captions of the sounds in a video, as deaf viewers read them, into a file beside it.

Players find `holiday.vtt` or `holiday.srt` beside `holiday.mp4` by its name. `--out -` writes to standard output.
Speech is left to the subtitles of the dialogue; --include-speech captions it as well. --merge puts dialogue and sounds
into one file, `holiday.sdh.srt`: the dialogue unchanged, the sounds in its pauses and on its free lines.

Examples:

    earmark caption holiday.mp4

    earmark caption *.mkv --to srt --language ko

    earmark caption film.mkv --merge film.srt --encoding cp1251 --language ru

    earmark caption holiday.mp4 --mux captioned.mp4

    earmark caption holiday.mp4 --density few --preset french --to ass

    earmark caption holiday.mp4 --phrases my_words.toml --burn-preview look.png
"""

Mux = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|DIR",
        help="Write a copy of the video with the captions as a track: a .mkv, .mp4, .mov or .webm file, or a folder.",
    ),
]

OTHERWISE = ".mkv"  # the copy of what has no subtitles as it is, such as an AVI: it holds nearly everything


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("caption", help=HELP)(caption)


def caption(
    files: common.Files,
    model: common.ModelName = "sounds",
    to: Annotated[
        str | None,
        typer.Option(help="Format: vtt, srt, ass or ttml.", show_default="vtt, or that of the dialogue"),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of the captions: cs, de, el, en, es, fr, ko, pl or ru.")
    ] = "en",
    phrases: Annotated[Path | None, typer.Option(help="Your own phrases for any labels (TOML).")] = None,
    merge: Annotated[
        Path | None, typer.Option(help="Merge the captions into these subtitles of the dialogue (SRT, VTT or ASS).")
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Text encoding of the dialogue's file, such as cp1251; UTF-8 and UTF-16 are recognised."),
    ] = None,
    mux: Mux = None,
    burn_preview: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Write one frame of the video with its caption drawn on it.")
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Time of that frame.", show_default="that of the first caption"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, to this folder, or with - to standard output.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing caption files that may be somebody's own.")
    ] = False,
    include_speech: Annotated[bool, typer.Option("--include-speech", help="Caption speech as well.")] = False,
    density: Annotated[
        str, typer.Option(help="How much is told: few (alarms, and what is news), normal, or all that can be read.")
    ] = "normal",
    preset: Annotated[
        str, typer.Option(help="Style: plain, youtube ([Dog barking]) or french (colours, no brackets).")
    ] = "plain",
    music: Annotated[str, typer.Option(help="How music is told: words, or notes (between ♪).")] = "words",
    position: Annotated[str, typer.Option(help="Where captions stand: bottom or top.")] = "bottom",
    only: common.Only = None,
    sensitivity: common.Sensitivity = 0.5,
    track: common.Track = 0,
) -> None:
    """Caption every file."""
    from earmark.captions import Phrases
    from earmark.captions.captioning import captioned
    from earmark.cli import output
    from earmark.formats.styled_captions import CAPTION_FORMATS, Script, StyledCaptions, read_dialogue_file
    from earmark.models.model import load_model

    # what is wrong with the words on the command line is told before hours of work
    words = Phrases.load(language)
    words = words.with_file(phrases) if phrases else words
    look = _look(preset, position, density, music)
    dialogue = read_dialogue_file(merge, encoding) if merge else None
    # SRT alone takes colours and places into a Matroska copy
    plain = "srt" if mux and not out else "vtt"
    usual = "ass" if isinstance(dialogue, Script) and not mux else dialogue.kind if dialogue else plain
    kind = to or _kind_of(out) or usual
    common.check_choice("--to", kind, CAPTION_FORMATS)
    if mux and kind not in ("vtt", "srt"):
        raise EarmarkError(f"--to {kind}", "is not what a copy of a video takes", "with --mux, use vtt or srt")
    if _kind_of(out) not in (None, kind):
        raise EarmarkError(f"--out {out}", f"is no name of a {kind} file", f"end it in .{kind}, or leave out --to")
    alone = out is not None and output.is_file_name(out, f".{kind}", len(files))
    if encoding and not merge:
        raise EarmarkError("--encoding", "is that of the dialogue", "give --merge FILE too")
    _check_files(files, merge, burn_preview, at)
    copies = Copies(mux, files, language, overwrite) if mux else None
    if copies and (look.preset == "french" or look.position == "top"):
        copies.warn_of_looks()
    chosen = load_model(model)
    if phrases:
        _warn_of_unknown_labels(phrases, words, chosen)
    timeline_of = common.labeller(chosen, only, sensitivity, track)

    def beside(file: Path) -> Path | None:
        """Its file of captions; None where there is none, or standard output."""
        if str(out or file) == "-" or (copies and not out):  # nothing lies beside standard input
            return None
        if out and alone:
            return out
        name = names.get(str(file), file.stem) if out else file.stem
        return (out or file.parent) / f"{name}{'.sdh' if dialogue else ''}.{kind}"

    names = output.names_in_folder(files)
    written: set[Path] = set()

    def work(file: Path) -> None:
        path = beside(file)
        if path in written:
            raise EarmarkError(file, f"has the name of another: {path} is taken", "use another --out")
        if path:
            _spare(path, merge, overwrite)
        if copies:
            copies.check(file)
        made = captioned(timeline_of(file), words, dialogue, include_speech, look.density)
        styled = StyledCaptions(made, look)
        text = styled.text(kind)
        if copies:
            _tell(copies.write(file, text), made)
        if path:
            write_text(path, text)
            written.add(path)
            _tell(path, made)
        elif str(out or file) == "-":
            common.standard_output().write(text)
        if burn_preview:
            _burn(file, styled, at, output.place(burn_preview, file, ".png", names))

    common.for_each(files, work)


def _kind_of(out: Path | None) -> str | None:
    """The kind of file that `--out` names, if it names a file."""
    from earmark.formats.styled_captions import CAPTION_FORMATS

    kind = out.suffix.lower().removeprefix(".") if out and not out.is_dir() else None
    return kind if kind in CAPTION_FORMATS else None


def _look(preset: str, position: str, density: str, music: str) -> Look:
    """The look that the options say."""
    from earmark.captions import Density
    from earmark.captions.looks import Look, Music, Position, Preset

    chosen = {"preset": preset, "position": position, "density": density, "music": music}
    for (option, value), choices in zip(chosen.items(), (Preset, Position, Density, Music), strict=True):
        common.check_choice(f"--{option}", value, get_args(choices))
    return Look(**chosen)  # type: ignore[arg-type]  # as the checks have it


def _check_files(files: Sequence[Path], merge: Path | None, burn_preview: Path | None, at: float | None) -> None:
    from earmark.cli import output

    if merge and len(files) > 1:
        raise EarmarkError("--merge", "is the dialogue of one video", "give one file")
    if at is not None and burn_preview is None:
        raise EarmarkError("--at", "says which frame --burn-preview shows", "give --burn-preview PNG too")
    if burn_preview:
        if Path("-") in files:
            raise EarmarkError("--burn-preview", "needs a file that can be read twice", "save standard input first")
        common.need_matplotlib("--burn-preview")  # which Pillow comes with
        output.place(burn_preview, files[0], ".png", output.names_in_folder(files))


def _tell(path: Path, made: Captions) -> None:
    common.say(f"{path}: {len(made.onsets)} caption{'' if len(made.onsets) == 1 else 's'}", err=True)


def _warn_of_unknown_labels(path: Path, words: Phrases, model: Model) -> None:
    """Labels of somebody's own phrases that no model of Earmark's has, nor this one: they may be misspelt."""
    from earmark.captions import Phrases

    usual = Phrases.load(words.language)
    known = {*usual.forms, *usual.priorities, *model.labels}
    unknown = sorted({*words.forms, *words.priorities} - known)
    if unknown:
        common.say(f"earmark: {path}: not known to the model, so never said: {', '.join(unknown)}", err=True)


def _spare(path: Path, merge: Path | None, overwrite: bool) -> None:
    """Refuse to replace a file of somebody's own, and the dialogue itself in any case."""
    from earmark.cli import output

    if merge and path.exists() and path.samefile(merge):
        raise EarmarkError(path, "is the dialogue itself", "use --out DIR")
    if not overwrite:
        output.spare_foreign(path, "use --out DIR or --overwrite")


def _burn(file: Path, styled: StyledCaptions, at: float | None, path: Path) -> None:
    """Write the frame, with what stands on the screen at that moment."""
    from earmark.captions.burn_in import burn_preview
    from earmark.media import Recording

    made = styled.made
    moment = min(made.onsets, default=None) if at is None else at
    if moment is None:
        raise EarmarkError(file, "has no sounds to show in a preview", "choose a moment with --at")
    with Recording(file) as recording:  # the sound may be over before the pictures
        end = max(made.duration, recording.duration or 0.0)
    if moment > end:
        raise EarmarkError(f"--at {moment:g}", f"is after the end of {file}", f"choose a moment up to {end:.1f} s")
    cues = [cue for cue in styled.cues() if cue.onset <= moment < cue.offset]
    burn_preview(file, moment, cues, path, styled.look)
    common.say(path if cues else f"{path}: no caption stands there at {moment:g} s", err=True)


class Copies:
    """Where the copies of a command's recordings go, and what writes them.

    Before any of the work is done, `Copies(...)` refuses what cannot be meant, and `check` what cannot be written.
    """

    def __init__(self, chosen: Path, files: Sequence[Path], language: str, overwrite: bool) -> None:
        """`chosen` is a file for one recording, a folder for one or several; language an ISO 639 code."""
        if Path("-") in files:
            raise EarmarkError(
                "--mux", "cannot copy standard input, which is read only once", "save it to a file first"
            )
        in_folder = chosen.is_dir() or not chosen.suffix
        if len(files) > 1 and not in_folder:
            raise EarmarkError(chosen, "is one file for several recordings", "give a folder")
        self.language, self.overwrite = language, overwrite
        self.paths = {file: _in_folder(chosen, file) if in_folder else chosen for file in files}
        for path, many in Counter(self.paths.values()).items():
            if many > 1 and len(self.paths) > 1:
                raise EarmarkError(path, "would be the copy of several recordings", "copy them one by one")

    def check(self, file: Path) -> None:
        """Refuse, with an EarmarkError, a copy that is no kind of video, the video itself, or there already."""
        from earmark.media.muxing import check_output

        check_output(self.paths[file], file, self.overwrite)

    def warn_of_looks(self) -> None:
        """Say which copies show captions without the colours and the place that were asked for."""
        for path in self.paths.values():
            if path.suffix.lower() != ".mkv":
                reason = (
                    "holds captions without colours, at the bottom: only .mkv takes --preset french and --position top"
                )
                common.say(f"earmark: {path}: {reason}", err=True)

    def write(self, file: Path, subtitles: str) -> Path:
        """Write the copy with subtitles, the text of an SRT or VTT file, and show a bar; returns its path."""
        from earmark.media.muxing import mux

        out = self.paths[file]
        with common.progress(out) as advance:
            return mux(file, subtitles, out, language=self.language, overwrite=self.overwrite, progress=advance)


def _in_folder(folder: Path, file: Path) -> Path:
    """A copy of the recording's own name and kind, if that kind can hold subtitles."""
    from earmark.media.muxing import CONTAINERS

    return folder / (file.name if file.suffix.lower() in CONTAINERS else file.stem + OTHERWISE)
