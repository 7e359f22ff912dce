"""What a method is. Everything else in the project is written against the names in this file.

A method is one `nn.Module` in one file. The keyword arguments of its constructor are its hyperparameters; its
`loss` returns named terms whose sum is the objective; its training step is a generator of updates, so methods
that take several optimizer steps a batch (an inner loop, a critic, stages) need no trainer of their own.

Shapes: `B` is a batch, `N` a split's rows, `event` the shape of one datum, `latent` the size of a code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.core.distributions import gaussian, standard_normal

Terms = dict[str, Tensor]
"""Named scalars, already weighted and reduced to the batch's mean. Their sum is the objective."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a split.

    Attributes:
        x: what the likelihood sees: binarized where the data set says so, else the intensities.
        grey: the intensities in [0, 1]; representations, exemplars and pictures use them.
        index: the rows' numbers in their split.
        y: class labels, where the data set has them.
    """

    x: Float[Tensor, "B *event"]
    grey: Float[Tensor, "B *event"]
    index: Int[Tensor, " B"]
    y: Int[Tensor, " B"] | None = None

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Split:
    """The rows of a training, validation or test set, whole and on one device.

    Attributes:
        x: what the likelihood sees. The same tensor as `grey` unless the rows were binarized once and for all.
        grey: the intensities in [0, 1].
        y: class labels or None.
        redraw: draw x from Bernoulli(grey) anew each time a row is read (dynamic binarization).
        symbols: with sequences of symbols, how many there are: rows are stored as their numbers (N, length) and read
            as one-hot vectors (B, length, symbols), since all of them at once fill too much memory. 0 for other data.
    """

    x: Float[Tensor, "N *event"] | UInt8[Tensor, "N length"]
    grey: Float[Tensor, "N *event"] | UInt8[Tensor, "N length"]
    y: Int[Tensor, " N"] | None = None
    redraw: bool = False
    symbols: int = 0

    def __len__(self) -> int:
        return len(self.x)

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one row as it is read."""
        return (*self.x.shape[1:], *([self.symbols] if self.symbols else []))

    def __getitem__(self, index: Int[Tensor, " B"]) -> Batch:
        x = _one_hot(self.x[index], self.symbols) if self.symbols else self.x[index]
        grey = x if self.x is self.grey else self.grey[index]
        seen = torch.bernoulli(x) if self.redraw else x
        return Batch(seen, grey, index, None if self.y is None else self.y[index])

    def batches(self, size: int, order: Int[Tensor, " N"] | None = None) -> Iterator[Batch]:
        """All rows, in `order` (default: as stored), `size` at a time; the last batch may be smaller."""
        rows = torch.arange(len(self), device=self.x.device) if order is None else order
        return (self[index] for index in rows.split(size))

    def head(self, rows: int) -> Split:
        """The first `rows` rows."""
        x = self.x[:rows]
        grey = x if self.x is self.grey else self.grey[:rows]
        return Split(x, grey, None if self.y is None else self.y[:rows], self.redraw, self.symbols)

    def to(self, device: torch.device) -> Split:
        """The same rows on `device`."""
        x = self.x.to(device)
        grey = x if self.x is self.grey else self.grey.to(device)
        return Split(x, grey, None if self.y is None else self.y.to(device), self.redraw, self.symbols)


def _one_hot(numbers: UInt8[Tensor, "B length"], symbols: int) -> Float[Tensor, "B length symbols"]:
    vectors = torch.zeros(*numbers.shape, symbols, device=numbers.device)
    return vectors.scatter_(-1, numbers.long().unsqueeze(-1), 1.0)


@dataclass(frozen=True)
class Data:
    """A data set: three splits that are the same in every run."""

    train: Split
    valid: Split
    test: Split

    def to(self, device: torch.device) -> Data:
        """The same data on `device`."""
        return Data(self.train.to(device), self.valid.to(device), self.test.to(device))


class Decoder(nn.Module, ABC):
    """p(x | z)."""

    @abstractmethod
    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        """log p(x | z), in nats a datum."""

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        """log p(x_j | z) of k data for every code, in nats a datum. Overrides decode every code only once."""
        k = x.shape[1]
        return self.log_prob(x.flatten(0, 1), z.repeat_interleave(k, 0)).unflatten(0, (-1, k))

    @abstractmethod
    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        """E[x | z], differentiable in z."""

    def mean_given(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        """E[x_i | x_1 ... x_(i-1), z] of every value i: the mean, where values are independent given z."""
        del x
        return self.mean(z)

    @abstractmethod
    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        """A draw of x given z."""


@dataclass(frozen=True)
class Domain(ABC):
    """What a method may know of the data before it has seen any, and networks that suit it.

    Attributes:
        event: shape of one datum.
        rows: number of training rows.
        classes: number of classes, 0 for data without labels.
    """

    event: tuple[int, ...]
    rows: int
    classes: int = 0

    @abstractmethod
    def encoder(self, outputs: int) -> nn.Module:
        """A network (B, *event) -> (B, outputs)."""

    @abstractmethod
    def decoder(self, code: int) -> Decoder:
        """A likelihood of data given codes (B, code)."""


class Update(NamedTuple):
    """One optimizer step on the sum of `terms`, over the parameters of the submodules named by `parts`."""

    terms: Terms
    parts: tuple[str, ...] = ("",)


class Method(nn.Module, ABC):
    """A regularized autoencoder. Subclasses are final: they share code by calling functions.

    Everything that a trained method needs is a parameter or a buffer, so a state dict restores all of it.

    Args:
        domain: the kind of data.
        latent: size of a code.
        outputs: what the encoder returns for a datum; default 2 * latent, a mean and a log-variance.
        code: size of what the decoder is given; default `latent`.
    """

    def __init__(self, domain: Domain, latent: int, *, outputs: int | None = None, code: int | None = None) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = domain.encoder(2 * latent if outputs is None else outputs)
        self.decoder = domain.decoder(latent if code is None else code)

    @abstractmethod
    def loss(self, batch: Batch) -> Terms:
        """The objective on a batch."""

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        """q(z | x) over codes (B, latent); its `mean` is the representation of x."""
        del y
        return gaussian(self.encoder(x))

    def decode(self, z: Float[Tensor, "B latent"], y: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B *event"]:
        """E[x | z]."""
        del y
        return self.decoder.mean(z)

    def log_likelihood(
        self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B latent"], y: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, " B"]:
        """log p(x | z), in nats a datum."""
        del y
        return self.decoder.log_prob(x, z)

    def prior(self) -> Distribution:
        """p(z), with event shape (latent,). It can be sampled."""
        return standard_normal(self.latent, like=next(self.parameters()))

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Refresh what is computed from the whole training set. Called without gradients, epochs count from 0."""

    def updates(self, batch: Batch) -> Iterator[Update]:
        """The optimizer steps of one batch. Resumed only after the step was taken, on the moved weights."""
        yield Update(self.loss(batch))

    def finish(self, data: Data) -> None:
        """Fit what is fitted once training is over, such as a density on the codes. Called without gradients."""
