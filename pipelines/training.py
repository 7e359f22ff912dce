"""The one training loop."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.core.base import Domain, Terms
from pipelines import domains
from pipelines.acceleration import accelerate
from pipelines.datasets import soundness
from pipelines.datasets.dataset import Dataset
from pipelines.early_stopping import EarlyStopping
from pipelines.optimizers import Optimizers
from pipelines.schedules import schedule
from pipelines.trial import Trial
from pipelines.validation import Validation, warmup

# Validating every distribution's arguments synchronizes a GPU at every step; `Terms` are checked instead.
Distribution.set_default_validate_args(False)


class NotFinite(ArithmeticError):
    """A term of the objective, or the validation objective, became infinite or not a number.

    The trial cannot go on; others can.
    """


class Training:
    """A run in progress: the method, its optimizers, the best weights and the state of the random numbers.

    Call `epoch()` until `done`, then `finish()`. The state dict, taken between epochs, continues the run exactly. Where
    the trial goes by the validation objective, the method has the best weights once it is done. Where settings were
    otherwise in `earlier` epochs, `method` is built anew when they change, and takes over all state.

    Args:
        trial: what to run.
        dataset: the data set that `trial.data` names.
        device: where to run.

    Raises:
        BadInput: data that are not finite or all the same, or that the network or method cannot take.
    """

    def __init__(self, trial: Trial, dataset: Dataset, device: torch.device) -> None:
        torch.manual_seed(trial.seed)
        self.trial = trial
        self.data = trial.rows(dataset).to(device)
        soundness.check(self.data)
        self._domain, self._device = domain(trial, dataset), device
        self._build(trial.at(0))
        self.schedule = schedule(trial.schedule)
        self.stopping = EarlyStopping(self.schedule, patience=trial.patience, warmup=warmup(trial.hyper))
        self.validation = Validation(self.data.valid, trial.hyper)
        self.epochs_done = 0

    def _build(self, now: Trial) -> None:
        """The method and its optimizers by the settings that hold now."""
        self._now = now
        self.method = now.build(self._domain).to(self._device)
        accelerate(self.method, precision=now.precision, compiled=now.compile)
        self.optimizers = Optimizers(
            self.method,
            now.learning_rate,
            algorithm=now.optimizer,
            weight_decay=now.weight_decay,
            clip=now.clip,
        )

    @property
    def done(self) -> bool:
        return self.epochs_done >= self.trial.epochs or self.stopping.stopped

    def epoch(self) -> dict[str, float]:
        """One pass over the training set. Returns the mean of every term, named `train/<term>`, and the seconds.

        Where the learning rate has a schedule, `learning_rate` is beside them; where the trial goes by the validation
        objective, `valid/objective` and `best_epoch`, the epoch with the best one so far. The last epoch of a run
        returns the objective of the weights that the run ends with: the best.

        Raises:
            NotFinite: a term was infinite or not a number; the message names it and the step. Or the validation
                objective was.
        """
        start = time.perf_counter()
        if self.trial.at(self.epochs_done) != self._now:
            self.load_state_dict(self.state_dict())
        chosen = self._choose_rate()
        means = TermMeans()
        try:
            self.begin_epoch()
            self.steps(means)
        except (RuntimeError, ValueError):
            # What follows from a term or a weight that is not finite is told as that.
            means.read()
            _check_weights(self.method)
            raise
        values = means.read() | chosen
        if self.stopping.active:
            values |= self._validate()
        self.epochs_done += 1
        return values | {"seconds": time.perf_counter() - start}

    def begin_epoch(self) -> None:
        """Let the method refresh what it computes from the whole training set."""
        self.method.eval()  # a pass over the data must not move batch norm's statistics
        with torch.no_grad():
            self.method.start_epoch(self.epochs_done, self.data)

    def steps(self, means: TermMeans, *, most: int | None = None) -> None:
        """All batches of an epoch that has begun, in a random order; to measure what they take, `most` of them."""
        train = self.data.train
        self.method.train()
        order = torch.randperm(len(train), device=train.x.device)
        for batch in itertools.islice(train.batches(self._now.batch_size, order), most):
            for terms, parts in self.method.updates(batch):
                self.optimizers.step(means.add(terms, len(batch)), parts)

    def finish(self) -> None:
        """Let the method fit what is fitted once training is over."""
        self.method.eval()
        with torch.no_grad():
            self.method.finish(self.data)

    def state_dict(self) -> dict[str, Any]:
        state = {
            "epochs_done": self.epochs_done,
            "method": self.method.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "stopping": self.stopping.state_dict(),
            "random": torch.get_rng_state(),
        }
        if torch.cuda.is_available():
            state["random.cuda"] = torch.cuda.get_rng_state()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`, by the settings that hold in the epoch after it."""
        self.epochs_done = state["epochs_done"]
        if (now := self.trial.at(self.epochs_done)) != self._now:
            self._build(now)
        self.method.load_state_dict(state["method"])
        self.optimizers.load_state_dict(state["optimizers"])
        self.stopping.load_state_dict(state["stopping"])
        torch.set_rng_state(state["random"].cpu())
        if "random.cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["random.cuda"].cpu())

    def _choose_rate(self) -> dict[str, float]:
        """Set the learning rate of the coming epoch, where it has a schedule."""
        if self.schedule.rule == "constant":
            return {}
        decayed = self.stopping.decayed
        factor = self.schedule.factor(self.epochs_done, epochs=self.trial.epochs, decayed=decayed)
        rate = self.trial.learning_rate * factor
        self.optimizers.set_learning_rate(rate)
        return {"learning_rate": rate}

    def _validate(self) -> dict[str, float]:
        """Count the epoch in, and draw the consequences."""
        epoch = self.epochs_done + 1
        value = self.validation(self.method)
        if not math.isfinite(value):
            raise NotFinite(f"the validation objective became {value}: a smaller learning_rate usually helps")
        decays = self.stopping.add(value, epoch, self.method)
        if decays and self.schedule.restarts:
            self.stopping.restore(self.method)
            self.optimizers.reset()
        if self.stopping.stopped or epoch == self.trial.epochs:
            self.stopping.restore(self.method)
            value = self.stopping.best
        return {"valid/objective": value, "best_epoch": float(self.stopping.best_epoch)}


class TermMeans:
    """Means of terms over an epoch, weighted by rows. They stay on the device until they are read."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, ...], Tensor] = {}
        self._finite_steps: dict[tuple[str, ...], Tensor] = {}
        self._rows: dict[tuple[str, ...], int] = {}

    def add(self, terms: Terms, rows: int) -> Tensor:
        """Count a batch of `rows` rows in. Returns the sum of the terms: the objective."""
        names = tuple(terms)
        values = torch.stack(list(terms.values()))
        sums = self._sums.get(names, 0) + values.detach() * rows
        self._sums[names] = sums
        # A sum that was ever infinite or NaN never becomes finite again: this counts the steps before.
        self._finite_steps[names] = self._finite_steps.get(names, 0) + sums.isfinite()
        self._rows[names] = self._rows.get(names, 0) + rows
        return values.sum()

    def read(self) -> dict[str, float]:
        """The means, named `train/<term>`.

        Raises:
            NotFinite: names the term that was the first not to be finite.
        """
        means: dict[str, float] = {}
        for names, sums in self._sums.items():
            values = (sums / self._rows[names]).tolist()
            if not all(torch.isfinite(sums).tolist()):
                raise NotFinite(_blame(names, values, self._finite_steps[names].tolist()))
            means |= {f"train/{name}": value for name, value in zip(names, values, strict=True)}
        return means


def domain(trial: Trial, dataset: Dataset) -> Domain:
    """The domain that the trial's networks are built for."""
    return domains.build(
        trial.network,
        event=dataset.event,
        rows=len(dataset.data.train),
        classes=dataset.classes,
        likelihood=trial.likelihood or dataset.likelihood,
    )


def _check_weights(method: nn.Module) -> None:
    for name, weights in method.named_parameters():
        if not bool(weights.isfinite().all()):
            raise NotFinite(f"the weights {name!r} are not finite: a smaller learning_rate usually helps")


def _blame(names: tuple[str, ...], values: list[float], steps: list[int]) -> str:
    first = min(range(len(names)), key=lambda i: steps[i])
    return (
        f"the term {names[first]!r} became {values[first]} at step {steps[first] + 1} of the epoch: "
        "a smaller learning_rate or a smaller weight of that term usually helps"
    )
