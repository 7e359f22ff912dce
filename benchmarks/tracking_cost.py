"""What tracking takes of a trial's processor time, while MLflow's server is up and while it is stopped for a minute.

A trial's process writes its record; another process, at the lowest priority, tells MLflow. Measured is what happens in
the first, in seconds of its threads on a processor, which other work on the machine does not lengthen as it does the
clock's: trials with tracking and trials without take turns in one process.

python -m benchmarks.tracking_cost
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import psutil

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.mirror import Mirror
from orchestrator.records.schema import SEARCH
from orchestrator.records.tracking import StudyTracking
from orchestrator.running import trainable
from orchestrator.services import free_port, mlflow_server
from pipelines import datasets
from pipelines.datasets.dataset import to_arrays

ROUNDS, AWAY, EPOCHS = 12, 60.0, 100
LEAST = 6  # pairs of trials while the server is stopped, on a busy machine for longer than that
STUDY = Study(data="digits", methods=["vae"], fixed={"network": "mlp", "latent": 10, "epochs": EPOCHS}, figures=[])


@dataclass(frozen=True)
class Spent:
    """Processor seconds of a trial, and those of them that went into tracking."""

    trial: float
    tracking: float


class CountedLedger(Ledger):
    """Adds up the processor seconds of reading and writing records."""

    spent = 0.0

    def read(self, identity: str) -> Record | None:
        with self._counted():
            return super().read(identity)

    def write(self, record: Record) -> None:
        with self._counted():
            super().write(record)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            CountedLedger.spent += time.process_time() - start


class NoLedger(Ledger):
    """Writes nothing."""

    def write(self, record: Record) -> None:
        del record


class Trials:
    """Trials of one study in this process, one after another, without Ray.

    Args:
        folder: of the records.
        uri: of MLflow.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.records = Ledger(folder / "measured")
        StudyTracking(connect(uri), "measured", STUDY, self.records.adopt(STUDY), self.records)
        self.mirror = Mirror(self.records.folder, uri)
        self._data = datasets.load("digits")
        self._seed = 0

    def pair(self) -> tuple[Spent, Spent]:
        """A trial with tracking and one without."""
        return self._trial(CountedLedger, tracked=True), self._trial(NoLedger, tracked=False)

    def _trial(self, kind: type[Ledger], *, tracked: bool) -> Spent:
        self._seed += 1
        settings = STUDY.trial("vae", {}, seed=self._seed)
        trial = object.__new__(trainable.StudyTrial)  # Ray's own initialization wants a cluster
        CountedLedger.spent, start, telling = 0.0, time.process_time(), 0.0
        with mock.patch.object(trainable, "Ledger", kind):
            trial.setup(
                {"settings": settings.settings(), "role": SEARCH, "gpu": 0.0, "gpu_context": 0.0},
                arrays={"digits": to_arrays(self._data)},
                checksums={"digits": self._data.checksum},
                study=STUDY,
                folder=str(self.records.folder),
                facts={},
            )
        done = False
        while not done:
            done = trial.step()["status"] != ledger.RUNNING
            if tracked:
                telling -= time.process_time()
                self.mirror.changed(settings.identity)
                telling += time.process_time()
        return Spent(time.process_time() - start, CountedLedger.spent + telling)


def main() -> dict[str, float]:
    """Run and print. Returns the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder / "files", port=free_port()) as uri:
            trials = Trials(folder, uri)
            trials.pair()  # the first one is slower than all others
            up = [trials.pair() for _ in range(ROUNDS)]
            with _stopped(_server()):
                away, end = [], time.monotonic() + AWAY
                while time.monotonic() < end or len(away) < LEAST:
                    away.append(trials.pair())
            unwritten = trials.mirror.close(300.0)
    figures = _figures("server up", up) | _figures("server stopped", away)
    figures["trials that MLflow was not told of"] = float(len(unwritten))
    print(f"tracking: VAE trials of {EPOCHS} epochs and {EPOCHS // STUDY.reports(EPOCHS)} reports on digits")
    for what, value in figures.items():
        print(f"  {what}: {value:.4f}")
    return figures


def _figures(when: str, pairs: list[tuple[Spent, Spent]]) -> dict[str, float]:
    ratios = sorted(tracked.trial / plain.trial for tracked, plain in pairs)
    return {
        f"{when}, pairs of trials": float(len(pairs)),
        f"{when}, processor seconds of a trial": statistics.median(plain.trial for _, plain in pairs),
        f"{when}, share of them in tracking": statistics.median(spent.tracking / spent.trial for spent, _ in pairs),
        f"{when}, with / without tracking": statistics.median(ratios),
        f"{when}, with / without, lower quartile": ratios[len(ratios) // 4],
        f"{when}, with / without, upper quartile": ratios[3 * len(ratios) // 4],
    }


def _server() -> int:
    """The group of the server's processes: the child of this process that serves."""
    serving = (child for child in psutil.Process().children() if {"mlflow", "server"} <= set(child.cmdline()))
    return next(serving).pid


@contextlib.contextmanager
def _stopped(group: int) -> Iterator[None]:
    """All processes of a group stopped, as those of a machine that hangs."""
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


if __name__ == "__main__":
    main()
