"""What is measured: a trained method, its data, and how thoroughly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Data, Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import densities
from pipelines.metrics.isolation import isolated


class NotMeasurable(Exception):
    """A metric that this method or these data do not have. The message says why, in a clause."""


@dataclass(frozen=True)
class Settings:
    """What numbers depend on besides the method and the data. All of it goes into the record.

    Attributes:
        seed: of everything random in measuring.
        split: `test`, `valid` or `train`.
        samples: importance samples a row.
        rows: rows for `log_likelihood`, chosen by the seed, and for `strings`, the first ones.
        batch: rows in a batch of He's mutual information.
        images: at most so many real and generated images in a Frechet or kernel distance.
        attempts: random decodings of a code in `validity_attempts`; the literature takes 25 or 500.
    """

    seed: int = 0
    split: str = "test"
    samples: int = 500
    rows: int = 2000
    batch: int = 50
    images: int = 10_000
    attempts: int = 25

    def __post_init__(self) -> None:
        if self.split not in ("train", "valid", "test"):
            raise BadInput(f"split must be train, valid or test, got {self.split!r}")
        for name, least in (("seed", 0), ("samples", 1), ("rows", 2), ("batch", 2), ("images", 2), ("attempts", 1)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Measured:
    """What one measurement found.

    Attributes:
        values: metrics by name.
        record: what has to be known to read them: counts, bounds, networks; values of JSON.
        missing: metrics of the same group that could not be measured, with the reason.
    """

    values: dict[str, float]
    record: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def untracked(steps: Sequence[Any], title: str) -> Iterable[Any]:
    """The steps of a long measurement, without a progress bar."""
    del title
    return steps


@dataclass(frozen=True)
class Subject:
    """A trained method on data, and what several measurements share.

    Attributes:
        method: on the device where it is measured.
        data: on the same device.
        settings: how thoroughly.
        checksum: of the data, which names what is cached for them.
        facts: what was measured in training, by the name of the metric.
        download: fetch missing weights of a public network, instead of leaving out what needs them.
        track: wraps the steps of what takes long; called with the steps and a title.
    """

    method: Method
    data: Data
    settings: Settings = field(default_factory=Settings)
    checksum: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)
    download: bool = False
    track: Callable[[Sequence[Any], str], Iterable[Any]] = untracked

    @property
    def split(self) -> Split:
        """The rows that are measured."""
        return getattr(self.data, self.settings.split)

    @property
    def labels(self) -> Int[Tensor, " N"]:
        """Of the rows that are measured.

        Raises:
            NotMeasurable: they have none.
        """
        if self.split.y is None:
            raise NotMeasurable("the data have no labels")
        return self.split.y

    @cached_property
    def codes(self) -> Float[Tensor, "N latent"]:
        """Posterior means of the grey rows that are measured.

        Raises:
            NotMeasurable: they are not finite.
        """
        return self._codes(self.split)

    @cached_property
    def reference(self) -> tuple[Float[Tensor, "M latent"], Int[Tensor, " M"]]:
        """Codes and labels of rows to learn from: the training split, and with a test also the validation split.

        Raises:
            NotMeasurable: the training rows are what is measured, they have no labels, or codes are not finite.
        """
        if self.settings.split == "train":
            raise NotMeasurable("the training rows are themselves what is measured")
        splits = [self.data.train] + [self.data.valid] * (self.settings.split == "test")
        labels = [split.y for split in splits if split.y is not None]
        if len(labels) < len(splits):
            raise NotMeasurable("the training data have no labels")
        return torch.cat([self._codes(split) for split in splits]), torch.cat(labels)

    @cached_property
    def ex_post(self) -> Distribution:
        """The density `ex_post_gmm` of the training codes.

        Raises:
            NotMeasurable: it cannot be fitted to them.
        """
        try:
            return densities.fit("ex_post_gmm", self.method, self.data, seed=self.settings.seed)
        except BadInput as error:
            raise NotMeasurable(str(error)) from error

    def some(self, rows: int) -> Split:
        """At most `rows` rows, a random choice that depends on the seed alone, in the order of the split."""
        if rows >= len(self.split):
            return self.split
        generator = torch.Generator().manual_seed(self.settings.seed)
        index = torch.randperm(len(self.split), generator=generator)[:rows].sort().values.to(self.split.x.device)
        x = self.split.x[index]
        grey = x if self.split.x is self.split.grey else self.split.grey[index]
        y = None if self.split.y is None else self.split.y[index]
        return Split(x, grey, y, self.split.redraw, self.split.symbols)

    def _codes(self, split: Split) -> Float[Tensor, "N latent"]:
        with isolated(self.method, self.settings.seed):  # what is cached must not move the caller's random numbers
            codes = encode(self.method, split)
        if not codes.isfinite().all():
            raise NotMeasurable("the codes are not finite")
        return codes
