"""A trial as Ray Tune runs it: one process after another trial, without starting anew."""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import tune

from methods.core.base import Method
from methods.core.errors import BadInput
from orchestrator.definition.generations import until_report
from orchestrator.definition.study import AUTO, Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.schema import MEMBER, REPLICATE
from orchestrator.running import code_version, gpu_share, reuse, states
from orchestrator.running.drawings import draw
from orchestrator.running.usage import usage
from pipelines import artifact
from pipelines.datasets.dataset import Arrays, from_arrays
from pipelines.figures.saved import described
from pipelines.figures.subject import Subject
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.train import device
from pipelines.training import NotFinite, Training
from pipelines.trial import trial as checked

_CHECKPOINT_SECONDS = 15.0


class StudyTrial(tune.Trainable):
    """One trial of a study; a step is the epochs between two reports.

    What it does is in its record, on disk, before Ray hears of it. A process that is killed is started again by Ray and
    continues from the checkpoint. One that stops by its own patience has finished; its last report and its test metrics
    are those of its best weights, and `best_epoch` in its reports says which they are. An error of the trial's own (a
    term that is not finite, settings that do not go together, memory that does not suffice) ends this trial alone, as
    failed: to run it again would fail again. Only where shares of a GPU are measured, a trial that exceeded its own
    says so, and the searcher starts it again with more.

    A member of a population begins where its parent ended, with the parent's reports; where the parent's state is not
    there, it is trained from its own beginning, with the same result. One that others may go on from leaves its state.
    """

    def setup(
        self,
        config: dict[str, Any],
        *,
        arrays: Mapping[str, Arrays],
        checksums: Mapping[str, str],
        study: Study,
        folder: str,
        facts: dict[str, str],
        fresh: bool = False,
    ) -> None:
        self._datasets = {name: from_arrays(found) for name, found in arrays.items()}
        for name, dataset in self._datasets.items():
            dataset.__dict__["checksum"] = checksums[name]  # no need to hash it in every process
        self._study, self._fresh = study, fresh
        gpu_share.hold(config["gpu"], config["gpu_context"])
        self._common = facts | {"hostname": platform.node(), "process": str(os.getpid())}
        self._ledger = Ledger(Path(folder))
        self._start(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._start(new_config)
        return True

    def step(self) -> dict[str, Any]:
        if self._exceeded:
            nothing = {each.metric: math.nan for each in self._study.objectives}
            return {
                "epoch": self._last["epoch"],
                **nothing,
                "status": ledger.RUNNING,
                "exceeded": self._gpu,
                "done": True,
            }
        if self._record.status == ledger.RUNNING:
            self._advance()
        status = self._record.status
        values = {each.metric: self._last.get(each.metric, math.nan) for each in self._study.objectives}
        return {"epoch": self._last["epoch"], **values, "status": status, "done": status != ledger.RUNNING}

    def _start(self, config: dict[str, Any]) -> None:
        self._trial, self._gpu = checked(config["settings"]), config["gpu"]
        self._dataset = self._datasets[self._trial.data]
        code = code_version.version(self._trial.settings())
        measured = reuse.facts(self._dataset.checksum, code, self._study.metrics, self._study.optimization)
        self._facts = self._common | measured
        self._folder = self._ledger.trial_folder(self._trial.identity)
        self._parent = config.get("parent", "")
        self._ends = self._study.ends(config["branch"]) if self._study.generations else [self._trial.epochs]
        self._record = self._ledger.read(self._trial.identity) or self._taken_over(config["role"])
        self._exceeded = self._study.resources.gpu == AUTO and gpu_share.exceeded(self._record.facts, self._gpu)
        if self._record.status == ledger.RUNNING and not self._exceeded:
            self._record.facts = self._facts | reuse.mixed(self._record.facts, self._facts)
        self._training: Training | None = None
        self._checkpointed = time.monotonic()

    def _taken_over(self, role: str) -> Record:
        """The record of the same trial in another study, else a new one."""
        trial = self._trial
        new = Record(trial.identity, trial.configuration, trial.settings(), role, _now(), facts=self._facts)
        return (None if self._fresh else reuse.taken_over(self._ledger, new)) or self._begun(new)

    def _begun(self, new: Record) -> Record:
        """The record with what the parent reported."""
        parent = states.parent(self._ledger, self._trial, self._parent)
        if parent is not None and parent.facts.get("data_checksum") == self._dataset.checksum:
            new.history, new.facts = list(parent.history), self._facts | reuse.mixed(parent.facts, self._facts)
        return new

    def _advance(self) -> None:
        """Go on until the next report, or to the end. Errors of the storage go to Ray: the trial is not to blame."""
        if self._training is None:
            self._ledger.write(self._record)
        try:
            training = self._training or self._prepare()
            entry = self._train(training)
            if training.done:
                if self._record.role == MEMBER:
                    self._save_state(states.place(self._ledger, self._trial.identity), training)
                entry |= self._finish(training)
        except (NotFinite, BadInput) as error:
            self._fail(str(error))
        except OSError:
            raise
        except Exception as error:
            from orchestrator.records.connection import reason  # imports MLflow: seconds at the start of every process

            told = gpu_share.told(error, self._gpu)
            if told and self._study.resources.gpu == AUTO and self._gpu < 1:
                self._record.facts[gpu_share.EXCEEDED] = str(self._gpu)
                self._ledger.write(self._record)
            else:
                self._fail(told or f"{type(error).__name__}: {reason(error)}", traceback.format_exc())
            # An error of the GPU spoils the process, and others may leave memory behind: Ray starts a new one, which
            # finds the trial ended, or its share exceeded.
            os._exit(1)
        else:
            self._keep(training, entry)

    def _train(self, training: Training) -> dict[str, Any]:
        """Train until the next report, and make it."""
        every = self._study.reports(self._ends[-1])
        for _ in range(until_report(training.epochs_done, every, self._ends)):
            if not training.done:
                terms = training.epoch()
        valid = {f"valid/{name}": value for name, value in monitor(training.method, training.data.valid).items()}
        system = usage() if self._study.system_metrics else {}
        return {"epoch": training.epochs_done, "time": _now(), **terms, **valid, **system}

    def _finish(self, training: Training) -> dict[str, float]:
        """Measure the trained method. Returns what belongs to the last report."""
        training.finish()
        self._record.test = evaluate(training.method, training.data.test)
        outcome = self._study.optimization.measure(training.method) if self._study.optimization else {}
        self._record.test |= outcome
        if self._record.role == REPLICATE:
            from orchestrator.running.further import further  # imports scikit-learn: a second that no search needs

            self._record.test |= further(self._study.metrics, training, self._dataset.checksum, self._record.history)
        return outcome

    def _keep(self, training: Training, entry: dict[str, Any]) -> None:
        """Write down the report; at the end the method, else a checkpoint where the last one is old."""
        self._record.history.append(entry)
        checkpoint = self._folder / "checkpoint.pt"
        if training.done:
            artifact.save(self._folder / "method", self._trial, training.method, self._dataset)
            if self._record.role == REPLICATE and self._trial.seed == 1:
                self._draw(training.method)
            self._record.status, self._record.ended = ledger.FINISHED, _now()
        self._ledger.write(self._record)
        # Only now, so that no report is missing from the record of a run that continues from the checkpoint.
        if training.done:
            checkpoint.unlink(missing_ok=True)
        elif time.monotonic() - self._checkpointed > _CHECKPOINT_SECONDS:
            self._save_state(checkpoint, training)

    def _draw(self, method: Method) -> None:
        """Figures of the first replicate, which stands for the others."""
        data = dataclasses.replace(self._dataset, data=self._trial.rows(self._dataset))
        draw(
            self._study.figures,
            Subject(method, data, described(self._trial), self._record.history),
            self._folder,
        )

    def _save_state(self, checkpoint: Path, training: Training) -> None:
        """Write a checkpoint where there is room for one; without it, a trial that breaks off is trained again."""
        try:
            artifact.save_state(checkpoint, {"training": training.state_dict()})
        except (OSError, RuntimeError):  # torch's own error where the disk is full
            checkpoint.with_suffix(".draft").unlink(missing_ok=True)
        self._checkpointed = time.monotonic()

    def _prepare(self) -> Training:
        """The run where its last report was: from the checkpoint, and trained again since, as reports come once."""
        training = Training(self._trial, self._dataset, device())
        state = artifact.load_state(self._folder / "checkpoint.pt")
        if state is None and self._parent:
            state = states.inherited(self._ledger, self._parent, self._last["epoch"])
        if state is not None:
            training.load_state_dict(state["training"])
        while training.epochs_done < self._last["epoch"]:
            training.epoch()
        self._training = training
        return training

    def _fail(self, message: str, details: str = "") -> None:
        self._record.status, self._record.message, self._record.ended = ledger.FAILED, message, _now()
        self._ledger.write(self._record)
        if details:
            (self._folder / "traceback.txt").write_text(details)

    @property
    def _last(self) -> dict[str, Any]:
        """The last report."""
        return self._record.history[-1] if self._record.history else {"epoch": 0}


def _now() -> int:
    return time.time_ns() // 1_000_000
