"""Gradient descent on many codes at once, each with its own end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lso.adam import Adam
from lso.rests import Rests, Watch

Losses = Callable[[Float[Tensor, "R latent"]], Float[Tensor, " R"]]
"""One loss for every code, which depends on that code alone."""

Objective = Callable[[Int[Tensor, " R"]], Losses]
"""The losses of some of the codes, by their numbers."""

Observer = Callable[[int, int, float], None]
"""Told of the iteration, how many codes still move, and the mean loss of all."""

_OBSERVED = 100  # iterations between two calls of an observer


def descend(
    objective: Objective,
    start: Float[Tensor, "N latent"],
    *,
    thresholds: Sequence[float],
    iterations: int,
    learning_rate: float,
    observe: Observer = lambda iteration, moving, loss: None,
) -> Rests:
    """Move every code down its loss by Adam, until the strictest rule holds for it or `iterations` steps were taken.

    A code's loss depends on no other code, so the gradient of their sum moves each as if it were alone. Codes at rest
    leave the batch. Ctrl-C ends the descent and keeps what was reached.

    Args:
        objective: what to minimize.
        start: codes to start from; they stay as they are.
        thresholds: of the stop rules, descending. 0 asks for the same loss twice, in the arithmetic of `start`.
        iterations: most steps to take.
        learning_rate: of Adam.
        observe: called now and then.
    """
    watch, batch, iteration = Watch(start, thresholds), Adam.start(start), 0
    losses = objective(batch.rows)
    interrupted = False
    try:
        while True:
            values = losses(batch.z)
            moving = watch.see(iteration, batch, values.detach())
            if iteration % _OBSERVED == 0:
                observe(iteration, len(batch), watch.mean(batch, values.detach()))
            if iteration == iterations:
                break
            (gradient,) = torch.autograd.grad(values.sum(), batch.z)
            batch.step(gradient, iteration + 1, learning_rate)
            iteration += 1
            if moving is not None:
                batch = batch.keep(moving)
                losses = objective(batch.rows)
                if not len(batch):
                    break
    except KeyboardInterrupt:
        interrupted = True
    with torch.no_grad():
        return watch.close(iteration, batch, objective(batch.rows)(batch.z), interrupted=interrupted)
