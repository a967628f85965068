"""What a hostile file, upload or client can do: tried, and what came of it.

    nice python benchmarks/hostile.py                            # everything, half an hour
    nice python benchmarks/hostile.py --only bombs --only kills  # these anew; the other sections stay as they are

Writes results/service/hostile.json, and its tables into docs/hostile.md. Ends with status 1, and says what, where
something does not hold. Linux; the section `playlists` needs strace, `disk` needs root (it mounts a tmpfs).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earmark.util.machine import in_words, machine

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "service")]

import hostile_bombs as bombs  # noqa: E402
import hostile_media as media  # noqa: E402
import hostile_service as service  # noqa: E402
from hostile_trying import LeftOutError, Tried  # noqa: E402

RESULTS, DOCS = ROOT / "results" / "service" / "hostile.json", ROOT / "docs" / "hostile.md"
COMMAND = "python benchmarks/hostile.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000, help="damaged files")
    parser.add_argument("--kill-seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    sections: dict[str, tuple[str, Callable[[Path, argparse.Namespace], Iterable[Tried]]]] = {
        "playlists": (media.PLAYLISTS, lambda folder, _: media.playlists(folder)),
        "bombs": (bombs.BOMBS, lambda folder, _: bombs.bombs(folder)),
        "mutants": (media.MUTANTS, lambda folder, asked: media.damaged(folder, asked.mutants, asked.seed)),
        "kills": (service.KILLS, lambda folder, asked: service.kills(folder, asked.kill_seconds)),
        "disk": (service.FULL_DISK, lambda folder, _: service.full_disk(folder)),
        "connections": (service.CONNECTIONS, lambda folder, _: service.connections(folder)),
    }
    parser.add_argument("--only", action="append", choices=sections, help="a section; any number of times")
    asked = parser.parse_args()
    report = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for name in asked.only or sections:
        protocol, play = sections[name]
        how = {
            "mutants": f" --mutants {asked.mutants} --seed {asked.seed}",
            "kills": f" --kill-seconds {asked.kill_seconds:g}",
        }
        report[name] = section(
            f"{COMMAND} --only {name}{how.get(name, '')}", protocol, lambda folder, play=play: play(folder, asked)
        )
        report = {known: report[known] for known in sections if known in report}
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        DOCS.write_text(refreshed(DOCS.read_text("utf-8"), report), "utf-8")
    broken = [
        f"{name}: {one['what']}: {one['found']}" for name in report for one in report[name]["tried"] if not one["holds"]
    ]
    print(*(table(report[name]) for name in asked.only or sections), sep="\n")
    if broken:
        sys.exit("does not hold:\n" + "\n".join(broken))


def section(command: str, protocol: str, play: Callable[[Path], Iterable[Tried]]) -> dict[str, Any]:
    """What a section found, with how and where."""
    began = time.monotonic()
    left_out, tried = None, list[Tried]()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        try:
            tried = list(play(Path(folder)))
        except LeftOutError as error:
            left_out = str(error)
    return {
        "command": command,
        "protocol": protocol,
        "machine": in_words(machine()),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(time.monotonic() - began),
        "left_out": left_out,
        "tried": [asdict(one) for one in tried],
    }


def refreshed(text: str, report: dict[str, Any]) -> str:
    """docs/hostile.md with what was found: between the marks of each section stands its table."""

    def found(mark: re.Match[str]) -> str:
        name = mark[1]
        told = table(report[name]) if name in report else f"Not run yet: `{COMMAND} --only {name}`.\n"
        return f"<!-- {name} -->\n{told}<!-- end -->"

    return re.sub(r"<!-- (\w+) -->\n.*?<!-- end -->", found, text, flags=re.DOTALL)


def table(found: dict[str, Any]) -> str:
    """What a section found, for people."""
    lines = [f"{found['protocol']}.", ""]
    if found["left_out"]:
        return "\n".join([*lines, f"Left out: {found['left_out']}.", ""])
    lines += ["| tried | times | what came of it | holds |", "|---|---|---|---|"]
    for one in found["tried"]:
        came = ", ".join(f"{what} {figure:,}" for what, figure in one["found"].items())
        lines.append(f"| {one['what']} | {one['times']:,} | {came} | {'yes' if one['holds'] else '**no**'} |")
    return "\n".join(
        [*lines, "", f"`{found['command']}`; {found['machine']}; {found['date']}; {found['seconds']} s.", ""]
    )


if __name__ == "__main__":
    main()
