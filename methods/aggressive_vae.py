"""A VAE whose encoder is trained until it keeps up with the decoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Split, Terms, Update
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.mutual_information import mutual_information
from methods.core.ranges import Integer, Real

_ROWS = 2000  # of the validation set, for the mutual information


class AggressiveVAE(Method):
    """Aggressive training: minimizes the VAE's -E_q[log p(x|z)] + KL(q(z|x) || N(0, I)), the encoder first.

    While training is aggressive, every batch first moves the encoder alone, by steps on that batch and then on rows
    drawn anew, until the mean objective over a window of steps is larger than over the window before; then one step on
    the batch moves the decoder alone. Before every epoch but the first, the mutual information of x and z on the
    validation set is compared with the best so far; when it was smaller in `mi_patience` epochs altogether, training
    goes on as the VAE's.

    Source: He et al. 2019, "Lagging Inference Networks", Algorithm 1 and the authors' code for images (windows of 10 of
    at most 100 steps, 5 epochs, Adam of 1e-3 with the gradient clipped at 5, batch 50). The text ends the aggressive
    phase at the first decrease. There the mutual information is estimated within batches of 50, where it cannot exceed
    log 50 = 3.9 nats; here among the first 2000 validation rows together, which bounds it by 7.6.

    Args:
        inner_steps: most steps of the encoder on a batch.
        window: steps that are averaged to see whether they still help.
        mi_patience: epochs with a smaller mutual information than the best before it, after which training stops
            being aggressive. With 0 it is the VAE.
        annealing_start: weight of the rate in the first epoch; it grows to 1.
        annealing_epochs: epochs over which it grows, by an equal amount every epoch; 0 for none.
    """

    rate_weight: Tensor
    best_information: Tensor
    declines: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        inner_steps: Annotated[int, Integer(10, 100, least=1, most=100_000)] = 100,
        window: Annotated[int, Integer(5, 20, least=1, most=10_000)] = 10,
        mi_patience: Annotated[int, Integer(1, 10, least=0, most=100_000)] = 5,
        annealing_start: Annotated[float, Real(0, 1)] = 1.0,
        annealing_epochs: Annotated[int, Integer(0, 20, most=100_000)] = 10,
    ) -> None:
        super().__init__(domain, latent)
        self.inner_steps, self.window, self.mi_patience = inner_steps, window, mi_patience
        self.annealing_start, self.annealing_epochs = annealing_start, annealing_epochs
        self.register_buffer("rate_weight", torch.tensor(annealed(0, start=annealing_start, epochs=annealing_epochs)))
        self.register_buffer("best_information", torch.tensor(0.0))
        self.register_buffer("declines", torch.tensor(0))
        self.aggressive = False
        self.rows: Split | None = None

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.rate_weight * gaussian_rate(posterior).mean(),
        }

    def updates(self, batch: Batch) -> Iterator[Update]:
        if not self.aggressive or self.rows is None:
            yield Update(self.loss(batch))
            return
        yield from self._encoder_updates(batch, self.rows)
        yield Update(self.loss(batch), ("decoder",))

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Decide whether this epoch is aggressive."""
        self.rate_weight.fill_(annealed(epoch, start=self.annealing_start, epochs=self.annealing_epochs))
        self.rows = data.train
        self.aggressive = int(self.declines) < self.mi_patience
        if self.aggressive and epoch > 0:
            self._compare(data.valid)
            self.aggressive = int(self.declines) < self.mi_patience

    def _encoder_updates(self, batch: Batch, rows: Split) -> Iterator[Update]:
        last = float("inf")
        drawn = batch
        sums: list[Tensor] = []
        for _ in range(self.inner_steps):
            terms = self.loss(drawn)
            sums.append(torch.stack(list(terms.values())).sum().detach())
            yield Update(terms, ("encoder",))
            if len(sums) == self.window:
                mean = torch.stack(sums).mean().item()  # the one wait for the device, once a window
                if mean > last:
                    return
                last, sums = mean, []
            drawn = rows[torch.randint(len(rows), (len(batch),), device=batch.index.device)]

    def _compare(self, split: Split) -> None:
        batch = split.head(_ROWS)[torch.arange(min(_ROWS, len(split)), device=split.x.device)]
        information = mutual_information(gaussian(self.encoder(batch.x)))
        if information < self.best_information:
            self.declines += 1
        else:
            self.best_information.copy_(information)
