"""What densities are fitted to, and what their draws become."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

from methods.core.base import Method, Split
from methods.core.ex_post import finite
from methods.core.product import Category, Product

Distribution.set_default_validate_args(False)  # it synchronizes a GPU at every batch; codes are checked instead


@torch.no_grad()
def sampled_codes(method: Method, train: Split) -> Float[Tensor, "N latent"]:
    """One code of every row, drawn from q(z|x): draws of the aggregated posterior, which is what the decoder knows.

    Raises:
        BadInput: codes that are not finite.
    """
    posteriors = [method.posterior(batch.grey, batch.y) for batch in train.batches(1000)]
    finite(torch.cat([posterior.mean for posterior in posteriors]))
    return torch.cat([posterior.sample() for posterior in posteriors])


def with_hard_categories(density: Distribution, posterior: Distribution) -> Distribution:
    """The density itself, or, where codes have categories, draws whose largest entry there is 1 and others 0."""
    if not isinstance(posterior, Product) or isinstance(density, Product):
        return density
    kinds = [isinstance(part, Category) for part in posterior.parts]
    return Hardened(density, posterior.sizes, kinds) if any(kinds) else density


class Hardened(Distribution):
    """Draws of another density with some blocks of dimensions made one-hot. It has no density.

    Args:
        base: with event shape (latent,).
        sizes: of consecutive blocks.
        hard: which of them are categories.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, base: Distribution, sizes: list[int], hard: list[bool]) -> None:
        self.base, self.sizes, self.hard = base, sizes, hard
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        blocks = self.base.sample(torch.Size(sample_shape)).split(self.sizes, -1)
        return torch.cat(
            [_one_hot(block) if hard else block for block, hard in zip(blocks, self.hard, strict=True)], -1
        )


def _one_hot(block: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
    return F.one_hot(block.argmax(-1), block.shape[-1]).to(block)
