"""Stop rules: where every code came to rest, by each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lso.adam import Adam

_PER_DECADE = 20  # points of a curve
_POINTS = sorted({round(10 ** (k / _PER_DECADE)) for k in range(8 * _PER_DECADE)} | {0})


@dataclass(frozen=True)
class Rests:
    """Where N codes came to rest, by T stop rules.

    Rule t holds at iteration i once |loss(i) - loss(i - 1)| <= threshold t. A code for which it never held is where it
    was at the last iteration.

    Attributes:
        codes: at rest.
        losses: there.
        iterations: steps taken until then.
        stopped: whether the rule held.
        curve_iterations: S iterations, about evenly spaced in their logarithm.
        curve: the losses at these; a code that no longer moves keeps its last one.
        interrupted: whether the codes were left before their time.
    """

    codes: Float[Tensor, "N T latent"]
    losses: Float[Tensor, "N T"]
    iterations: Int[Tensor, "N T"]
    stopped: Bool[Tensor, "N T"]
    curve_iterations: Int[Tensor, " S"]
    curve: Float[Tensor, "S N"]
    interrupted: bool


class Watch:
    """Watches losses and notes, for every code and rule, when the rule first holds.

    Args:
        start: the codes before the first step.
        thresholds: of the rules, descending.
    """

    def __init__(self, start: Float[Tensor, "N latent"], thresholds: Sequence[float]) -> None:
        rows, rules = len(start), len(thresholds)
        self._thresholds = start.new_tensor(thresholds)
        self._codes = start[:, None].repeat(1, rules, 1)
        self._losses = start.new_full((rows, rules), torch.nan)
        self._iterations = torch.zeros((rows, rules), dtype=torch.int64, device=start.device)
        self._stopped = torch.zeros((rows, rules), dtype=torch.bool, device=start.device)
        self._latest = start.new_full((rows,), torch.nan)
        self._curve: dict[int, Tensor] = {}
        # Of the codes that move: the last loss, and the loosest threshold that was not met yet.
        self._previous = start.new_full((rows,), torch.inf)
        self._pending = self._thresholds[:1].repeat(rows)

    def see(self, iteration: int, batch: Adam, losses: Float[Tensor, " R"]) -> Bool[Tensor, " R"] | None:
        """Compare the losses with those before. Returns which codes of the batch still move, or None if all do."""
        change = (losses - self._previous).abs_()
        self._previous = losses
        if iteration == _POINTS[len(self._curve)]:
            self._point(iteration, batch, losses)
        # Most iterations end here, after five small operations; at a rule's first time there is more to do.
        if not bool((change <= self._pending).any()):
            return None
        self._note(iteration, batch, losses, (change[:, None] <= self._thresholds) & ~self._stopped[batch.rows])
        return self._still_moving(batch, losses)

    def mean(self, batch: Adam, losses: Float[Tensor, " R"]) -> float:
        """Mean loss of all codes, at rest or not."""
        self._latest[batch.rows] = losses
        return float(self._latest.mean())

    def close(self, iteration: int, batch: Adam, losses: Float[Tensor, " R"], *, interrupted: bool) -> Rests:
        """The result, with the codes that still move where they are now."""
        stopped = self._stopped.clone()
        self._note(iteration, batch, losses, ~stopped[batch.rows])
        self._point(iteration, batch, losses)
        points = torch.tensor(list(self._curve))
        curve = torch.stack(list(self._curve.values()))
        return Rests(self._codes, self._losses, self._iterations, stopped, points, curve, interrupted)

    def _note(self, iteration: int, batch: Adam, losses: Tensor, rests: Bool[Tensor, "R T"]) -> None:
        which, rule = rests.nonzero(as_tuple=True)
        row = batch.rows[which]
        self._codes[row, rule] = batch.z.detach()[which]
        self._losses[row, rule] = losses[which]
        self._iterations[row, rule] = iteration
        self._stopped[row, rule] = True

    def _still_moving(self, batch: Adam, losses: Tensor) -> Bool[Tensor, " R"] | None:
        met = self._stopped[batch.rows].sum(1)
        moving = met < len(self._thresholds)
        self._previous = losses[moving]
        self._pending = self._thresholds[met[moving]]
        if bool(moving.all()):
            return None
        self._latest[batch.rows] = losses
        return moving

    def _point(self, iteration: int, batch: Adam, losses: Tensor) -> None:
        self._latest[batch.rows] = losses
        self._curve[iteration] = self._latest.clone()
