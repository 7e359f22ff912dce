"""From one trial's end to the next one's first step: our trials in processes that are reused, beside plain Ray Tune.

The end is the last optimizer step, so the final evaluation, the saved method and the record are all part of it; the
baseline is a function that does nothing, so for it there is only the time that Ray Tune takes.

python -m benchmarks.trial_overhead
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune

from benchmarks.quiet import quiet_study
from orchestrator.running import cluster, session
from orchestrator.running.trainable import StudyTrial
from pipelines.training import Training

TRIALS, PLAIN_TRIALS = 30, 6


class TimedTrial(StudyTrial):
    """Notes when training begins and when it is over."""

    def step(self) -> dict[str, Any]:
        if self._training is None:
            _note(self._ledger.folder, "begin")
        return super().step()

    def _finish(self, training: Training) -> None:
        _note(self._ledger.folder, "end")
        super()._finish(training)


def main() -> dict[str, float]:
    """Run and print. Returns the figures, in seconds."""
    figures = {"ours, seconds": statistics.median(ours()), "plain Ray Tune, seconds": statistics.median(plain())}
    figures["plain / ours"] = figures["plain Ray Tune, seconds"] / figures["ours, seconds"]
    print(
        f"trial overhead: {TRIALS} VAE trials on digits, 2 slots; plain: {PLAIN_TRIALS} empty trials, 1 slot; medians"
    )
    for name, value in figures.items():
        print(f"  {name}: {value:.3f}")
    return figures


def ours() -> list[float]:
    """Seconds between two trials of one process, logged to MLflow as always."""
    with tempfile.TemporaryDirectory() as folder:
        session.StudyTrial = TimedTrial  # type: ignore[misc]
        quiet_study(Path(folder), trials=TRIALS, epochs=20)
        notes = [json.loads(line) for path in Path(folder).rglob("notes-*") for line in path.read_text().splitlines()]
    return _gaps(notes)


def plain() -> list[float]:
    """Seconds between two trials of a function that does nothing, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, cluster.started("local"):

        def trainable(config: dict[str, Any]) -> None:
            _note(Path(folder), "begin", process=0)
            tune.report({"value": 0.0})
            _note(Path(folder), "end", process=0)

        tune.Tuner(
            tune.with_resources(trainable, {"cpu": ray.cluster_resources()["CPU"]}),
            tune_config=tune.TuneConfig(num_samples=PLAIN_TRIALS, reuse_actors=False),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        notes = [json.loads(line) for path in Path(folder).glob("notes-*") for line in path.read_text().splitlines()]
    return _gaps(sorted(notes, key=lambda note: note[2]))


def _note(folder: Path, what: str, *, process: int | None = None) -> None:
    with (folder / f"notes-{os.getpid()}").open("a") as file:
        file.write(json.dumps([os.getpid() if process is None else process, what, time.time()]) + "\n")


def _gaps(notes: list[Any]) -> list[float]:
    """Seconds from every end to the next beginning in the same process."""
    gaps = []
    for process in {note[0] for note in notes}:
        own = [note for note in notes if note[0] == process]
        gaps += [b[2] - a[2] for a, b in itertools.pairwise(own) if (a[1], b[1]) == ("end", "begin")]
    return gaps


if __name__ == "__main__":
    main()
