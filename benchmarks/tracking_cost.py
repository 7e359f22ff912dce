"""Trials with MLflow beside the same trials without: what tracking takes from them.

python -m benchmarks.tracking_cost
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.quiet import quiet_study
from orchestrator.records.ledger import Ledger
from orchestrator.records.mirror import Mirror
from orchestrator.running import session

TRIALS, EPOCHS, ROUNDS = 24, 100, 5


class NoMirror(Mirror):
    """A mirror that writes nothing."""

    def __init__(self, folder: Path, uri: str) -> None:
        del folder, uri

    def changed(self, identity: str) -> None:
        del identity

    def close(self, timeout: float = 60.0) -> list[str]:
        return []


def main() -> dict[str, float]:
    """Run and print. Returns the figures."""
    kept = session.Mirror
    ratios, seconds = [], []
    for _ in range(ROUNDS):
        with_mlflow = _trial_seconds(kept)
        without = _trial_seconds(NoMirror)
        ratios.append(with_mlflow / without)
        seconds.append(without)
    session.Mirror = kept  # type: ignore[misc]
    figures = {
        "trial seconds, with MLflow / without": statistics.median(ratios),
        "seconds a trial": statistics.median(seconds),
    }
    print(f"tracking: {TRIALS} VAE trials of {EPOCHS} epochs on digits, 2 slots, {ROUNDS} rounds in turn, medians")
    print(f"  ratios of the rounds: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
    for name, value in figures.items():
        print(f"  {name}: {value:.3f}")
    return figures


def _trial_seconds(mirror: type[Mirror]) -> float:
    """Median seconds of a trial from its start to its end."""
    session.Mirror = mirror  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        records = Ledger(quiet_study(Path(folder), trials=TRIALS, epochs=EPOCHS)).records()
        return statistics.median((record.ended - record.started) / 1000 for record in records)


if __name__ == "__main__":
    main()
