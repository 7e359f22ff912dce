"""One start of a study: the trials that are left of it, run by Ray Tune."""

from __future__ import annotations

import logging
import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.error import TuneError

from methods.core.errors import BadInput
from orchestrator import cluster, ledger, schema
from orchestrator.halving import MethodwiseHalving
from orchestrator.ledger import Ledger, Record
from orchestrator.mirror import Mirror
from orchestrator.progress import Board
from orchestrator.search import StudySearch
from orchestrator.stop import Stop
from orchestrator.study import Study
from orchestrator.trainable import StudyTrial
from orchestrator.watch import Watch
from pipelines import artifact, console
from pipelines.datasets.dataset import Dataset, to_arrays

_LIVES = 3  # restarts of a trial whose process dies
_PATIENCE = {True: 60.0, False: 8.0}  # seconds for MLflow at the end of a study, and where somebody wants to stop


@dataclass(frozen=True)
class Session:
    """A study on its way.

    Attributes:
        study: its definition.
        dataset: the data set that `study.data` names.
        records: what was done so far, in a folder named like the study.
        uri: of MLflow.
    """

    study: Study
    dataset: Dataset
    records: Ledger
    uri: str

    @property
    def name(self) -> str:
        return self.records.folder.name

    def run(self, address: str, stop: Stop) -> tuple[bool, list[str]]:
        """Run what is left, on the Ray cluster at `address`, until `stop` is requested.

        Returns:
            Whether the study is complete, and the trials that MLflow could not be told of.

        Raises:
            BadInput: no such cluster, too small a one, or records that cannot be written any more.
        """
        kept = list(self.records.records())
        search, mirror = StudySearch(self.study, kept), Mirror(self.records.folder, self.uri)
        complete = search.done
        try:
            for record in kept:
                mirror.changed(record.identity)
            if not complete:
                with cluster.started(address):
                    stop.check()
                    self._announce()
                    self._watched(search, mirror, kept, stop)
                complete = search.done
        except KeyboardInterrupt:
            pass  # it was asked for, and came at a moment that suits
        finally:
            unwritten = mirror.close(_PATIENCE[complete])
        return complete, unwritten

    def best(self) -> Record | None:
        """The replicate with the best value."""
        replicates = [record for record in self.records.records() if record.role == schema.REPLICATE]
        finished = [record for record in replicates if record.status == ledger.FINISHED]
        values = [(record.value(self.study.metric), record) for record in finished]
        finite = [(value, record) for value, record in values if value is not None and math.isfinite(value)]
        choose = max if self.study.mode == "max" else min
        return choose(finite, key=lambda entry: entry[0])[1] if finite else None

    def _watched(self, search: StudySearch, mirror: Mirror, kept: list[Record], stop: Stop) -> None:
        with Board(self.name, self.study, console=console.ERR, records=kept) as board:
            self._fit(search, MethodwiseHalving(self.study, kept), Watch(self.records, mirror, board, stop))

    def _announce(self) -> None:
        cluster.check_storage(self.records.folder)
        slots = cluster.slots(self.study.resources.cpu, self.study.resources.gpu)
        methods, trials = _count(len(self.study.method_names), "method"), _count(slots, "trial")
        console.ERR.print(
            f"study {self.name}: {methods} on {self.study.data}, {trials} at once; "
            f"records in {self.records.folder}; Ctrl-C stops, the same command continues",
            markup=False,
            soft_wrap=True,
        )

    def _fit(self, search: StudySearch, scheduler: MethodwiseHalving, watch: Watch) -> None:
        """Let Ray Tune run the trials that `search` proposes."""
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        resources = {"cpu": self.study.resources.cpu, "gpu": self.study.resources.gpu}
        scratch = tempfile.mkdtemp(prefix="latent-orchestra-")
        try:
            tune.Tuner(
                tune.with_resources(self._trainable(), resources),
                tune_config=tune.TuneConfig(search_alg=search, scheduler=scheduler, num_samples=-1, reuse_actors=True),
                run_config=tune.RunConfig(
                    storage_path=scratch,
                    callbacks=[watch],
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    failure_config=tune.FailureConfig(max_failures=_LIVES),
                    verbose=0,
                ),
            ).fit()
        except TuneError as error:
            raise _mendable(error) or error from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _trainable(self) -> Any:
        """The trainable, with the data set in Ray's object store: loaded once, mapped by all processes of a node."""
        facts = {f"version.{name}": version for name, version in artifact.versions().items()}
        facts |= {"version.ray": ray.__version__, "data_checksum": self.dataset.checksum, "git_commit": _commit()}
        return tune.with_parameters(
            StudyTrial,
            arrays=to_arrays(self.dataset),
            study=self.study,
            folder=str(self.records.folder),
            facts=facts,
        )


def _mendable(error: BaseException) -> BadInput | None:
    """What a user can mend among the errors that led to this one."""
    reason = error.__cause__ or error.__context__
    if reason is None or isinstance(reason, BadInput):
        return reason
    return _mendable(reason)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _commit() -> str:
    """The git commit of the project, with a mark where files differ from it; empty outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
