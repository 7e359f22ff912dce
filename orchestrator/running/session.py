"""One start of a study: the trials that are left of it, run by Ray Tune."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.error import TuneError

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records.gpu_shares import GpuShares
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.mirror import Mirror
from orchestrator.running import cluster
from orchestrator.running.packing import Packing
from orchestrator.running.progress import Board
from orchestrator.running.schedulers import BranchwiseStopping
from orchestrator.running.slots import own_processes
from orchestrator.running.standing import best_replicate
from orchestrator.running.states import States
from orchestrator.running.stop import Stop
from orchestrator.running.trainable import StudyTrial
from orchestrator.running.watch import Watch
from orchestrator.search.study_search import StudySearch
from pipelines import artifact, console
from pipelines.datasets.dataset import Dataset, to_arrays

_LIVES = 3  # restarts of a trial whose process dies
_PATIENCE = {True: 60.0, False: 8.0}  # seconds for MLflow at the end of a study, and where somebody wants to stop


@dataclass(frozen=True)
class Session:
    """A study on its way.

    Attributes:
        study: its definition.
        data: the data sets, under the names that trials have for them.
        records: what was done so far, in a folder named like the study.
        uri: of MLflow.
        fresh: train also what another study beside this one has trained already.
    """

    study: Study
    data: Mapping[str, Dataset]
    records: Ledger
    uri: str
    fresh: bool = False

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
        mirror = Mirror(self.records.folder, self.uri)

        def joined(identity: str, arm: str) -> None:
            self.records.join(identity, arm)
            mirror.changed(identity)

        shares = GpuShares(self.study, self.records.folder)
        search = StudySearch(self.study, kept, joined, kept=States(self.records).keep, shares=shares)
        search.tidy()
        complete = search.done
        try:
            for record in kept:
                mirror.changed(record.identity)
            if not complete:
                with cluster.started(address):
                    stop.check()
                    cluster.check_storage(self.records.folder)
                    left = [branch for branch, one in search.searches.items() if not one.done]
                    if shares.auto:
                        Packing(self.study, self.data, shares).settle(left, stop.check)
                    self._announce([shares[branch] for branch in left])
                    self._watched(search, mirror, kept, stop)
                complete = search.done
        except KeyboardInterrupt:
            pass  # it was asked for, and came at a moment that suits
        finally:
            unwritten = mirror.close(_PATIENCE[not stop.requested])
        return complete, unwritten

    def best(self) -> Record | None:
        """The replicate with the best value, on the study's first data set."""
        return best_replicate(self.study, self.records.records())

    def _watched(self, search: StudySearch, mirror: Mirror, kept: list[Record], stop: Stop) -> None:
        with Board(self.name, self.study, console=console.ERR, records=kept) as board:
            self._fit(search, BranchwiseStopping(self.study, kept), Watch(self.records, mirror, board, stop))

    def _announce(self, shares: list[float]) -> None:
        """Say what begins, where the branches have these shares of a GPU."""
        fewest, most = (cluster.slots(self.study.resources.cpu, pick(shares)) for pick in (max, min))
        methods = _count(len(self.study.arms), "method")
        trials = _count(most, "trial") if fewest == most else f"{fewest} to {most} trials"
        console.ERR.print(
            f"study {self.name}: {methods} on {', '.join(self.data)}, {trials} at once; "
            f"records in {self.records.folder}; Ctrl-C stops, the same command continues",
            markup=False,
            soft_wrap=True,
        )

    def _fit(self, search: StudySearch, scheduler: BranchwiseStopping, watch: Watch) -> None:
        """Let Ray Tune run the trials that `search` proposes."""
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        cpu = self.study.resources.cpu
        scratch = tempfile.mkdtemp(prefix="latent-orchestra-")
        try:
            with own_processes():
                tune.Tuner(
                    tune.with_resources(self._trainable(), lambda config: _resources(cpu, config["gpu"])),
                    tune_config=tune.TuneConfig(
                        search_alg=search, scheduler=scheduler, num_samples=-1, reuse_actors=True
                    ),
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
        """The trainable, with the data sets in Ray's object store: loaded once, mapped by all processes of a node."""
        facts = {f"version.{name}": version for name, version in artifact.versions().items()}
        facts |= {"version.ray": ray.__version__, "git_commit": _commit()}
        return tune.with_parameters(
            StudyTrial,
            arrays={name: to_arrays(dataset) for name, dataset in self.data.items()},
            checksums={name: dataset.checksum for name, dataset in self.data.items()},
            study=self.study,
            folder=str(self.records.folder),
            facts=facts,
            fresh=self.fresh,
        )


def _resources(cpu: float, gpu: float) -> tune.PlacementGroupFactory:
    """What a trial asks of Ray. A process takes over a trial only from one that asked for the same."""
    return tune.PlacementGroupFactory([{"CPU": cpu, "GPU": gpu}])


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
