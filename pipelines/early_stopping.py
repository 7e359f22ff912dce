"""The best weights so far, and what follows when none better come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pipelines.schedules import Schedule


class EarlyStopping:
    """Keeps the weights with the least validation objective, and counts the epochs since.

    After `patience` epochs in succession without a better one, training stops. An adaptive schedule decays by a counter
    of its own, which starts again at every decay. Neither counter runs before epoch `warmup`, while a method's
    objective is still changing.

    Source: the lookahead of Tomczak and Welling 2018 (authors' code: 50 epochs, not counted during the warm-up).

    Args:
        schedule: of the learning rate.
        patience: in epochs; 0 for no early stopping.
        warmup: epochs, counted from 1, before which nothing is counted.
    """

    def __init__(self, schedule: Schedule, *, patience: int, warmup: int) -> None:
        self._schedule, self._patience, self._warmup = schedule, patience, warmup
        self._weights: dict[str, Tensor] = {}
        self.best = math.inf
        self.best_epoch = 0
        self.decayed = 0
        self._stale = 0
        self._since_decay = 0

    @property
    def active(self) -> bool:
        """Whether anything depends on the validation objective."""
        return bool(self._patience or self._schedule.lookahead)

    @property
    def stopped(self) -> bool:
        """Whether training is over before its last epoch."""
        impatient = 0 < self._patience <= self._stale
        return impatient or 0 < self._schedule.restarts <= self.decayed

    def add(self, value: float, epoch: int, module: nn.Module) -> bool:
        """Count an epoch in. Returns whether the learning rate decays after it.

        Args:
            value: the validation objective after `epoch`.
            epoch: counts from 1.
            module: its weights are kept if they are the best.
        """
        if value < self.best:
            self.best, self.best_epoch = value, epoch
            self._weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
            self._stale = self._since_decay = 0
        elif epoch >= self._warmup:
            self._stale += 1
            self._since_decay += 1
        if not 0 < self._schedule.lookahead <= self._since_decay:
            return False
        self.decayed += 1
        self._since_decay = 0
        return True

    def restore(self, module: nn.Module) -> None:
        """Give `module` the best weights."""
        module.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "decayed": self.decayed,
            "stale": self._stale,
            "since_decay": self._since_decay,
            "weights": self._weights,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_epoch, self.decayed = state["best"], state["best_epoch"], state["decayed"]
        self._stale, self._since_decay, self._weights = state["stale"], state["since_decay"], state["weights"]
