"""What figures are drawn of: a trained method, its data, and what its training reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from methods.core.base import Batch, Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.figures.sheet import need_images


@dataclass(frozen=True)
class Subject:
    """A trained method with all that its figures need.

    Attributes:
        method: in evaluation mode, on any device.
        dataset: what it was trained on, on the CPU.
        title: what the figures say they are of: "vae on mnist".
        history: one entry a report of its training: `epoch` and metrics by name. Empty where nobody kept it.
        density: from which codes are drawn in place of the method's own prior, or None.
        density_name: of that density, for titles.
    """

    method: Method
    dataset: Dataset
    title: str
    history: Sequence[Mapping[str, float]] = ()
    density: Distribution | None = None
    density_name: str = "prior"

    def named(self, what: str) -> str:
        """The title of a figure: what it shows and, below, of which run."""
        return f"{what}\n{self.title}"

    @property
    def device(self) -> torch.device:
        return next(self.method.parameters()).device

    def rows(self, count: int, part: str = "test") -> Batch:
        """`count` rows of a split, or all: random, and the same for every method.

        Raises:
            BadInput: rows that are no images.
        """
        split: Split = getattr(self.dataset.data, part)
        need_images(self.dataset.event)
        order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:count]
        return _moved(split, order, self.device)

    def test_codes(self, count: int) -> tuple[Float[Tensor, "N latent"], Int[Tensor, " N"] | None]:
        """Posterior means and labels of the first `count` test rows.

        Raises:
            BadInput: codes that are not finite.
        """
        split = self.dataset.data.test.head(count).to(self.device)
        codes = encode(self.method, split)
        if not bool(codes.isfinite().all()):
            raise BadInput(f"codes of {self.title} are not finite: train again with a smaller learning_rate")
        return codes, split.y

    def labels(self, count: int) -> Int[Tensor, " count"] | None:
        """Labels in turn, for methods that decode given a class; None where there are none."""
        classes = self.dataset.classes
        return torch.arange(count, device=self.device) % classes if classes else None


def is_standard_normal(prior: Distribution) -> bool:
    """Whether codes are N(0, I), so that -3 to 3 means the same in every dimension."""
    if not isinstance(prior, Independent) or not isinstance(prior.base_dist, Normal):
        return False
    return bool((prior.base_dist.loc == 0).all() and (prior.base_dist.scale == 1).all())


def _moved(split: Split, index: Int[Tensor, " B"], device: torch.device) -> Batch:
    batch = split[index]
    labels = None if batch.y is None else batch.y.to(device)
    return Batch(batch.x.to(device), batch.grey.to(device), index.to(device), labels)
