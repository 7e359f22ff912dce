"""A second VAE, of the training codes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from methods.core.base import Method, Split
from methods.core.second_stage import CodeDecoder, Joined, SecondStage, second_terms
from pipelines import console
from pipelines.densities.codes import sampled_codes

_STEPS = 5000
_BATCH = 100
_HIDDEN, _LAYERS = 256, 3


def fit(method: Method, train: Split) -> Distribution:
    """Draws u ~ N(0, I), z ~ N(g(u), gamma^2 I), with the networks and objective of `two_stage_vae`'s second stage.

    It is trained by 5000 steps of Adam on batches of 100 codes, at 1e-3, halved after 3/8 and 6/8 of them (as the
    authors halve it after 300 and 600 of 800 epochs). Every pass draws the codes anew from q(z|x), of the same
    statistics. Codes are first given mean 0 and standard deviation 1 in every dimension, since those of an autoencoder
    may be of any size, and draws are scaled back. Seconds of work; a progress bar shows it on a terminal.

    Source: Dai and Wipf 2019, section 4.
    """
    codes = sampled_codes(method, train)
    latent = codes.shape[1]
    mean, scale = codes.mean(0), codes.std(0, correction=0).clamp_min(1e-6)
    stage = nn.ModuleDict(
        {
            "encoder": Joined(latent, _HIDDEN, _LAYERS, 2 * latent),
            "decoder": CodeDecoder(latent, _HIDDEN, _LAYERS),
        }
    ).to(codes)
    _train(stage, lambda: (sampled_codes(method, train) - mean) / scale)
    return Rescaled(SecondStage(cast(CodeDecoder, stage["decoder"]), latent), mean, scale)


def _train(stage: nn.ModuleDict, draw: Callable[[], Float[Tensor, "N latent"]]) -> None:
    """`draw` gives codes of all rows for every pass."""
    adam = torch.optim.Adam(stage.parameters(), 1e-3)
    halved = torch.optim.lr_scheduler.MultiStepLR(adam, [_STEPS * 3 // 8, _STEPS * 6 // 8], 0.5)
    with torch.enable_grad(), console.progress() as bar:
        for z in bar.track(_batches(draw), total=_STEPS, description="second stage"):
            terms = second_terms(stage["encoder"], cast(CodeDecoder, stage["decoder"]), z)
            adam.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            adam.step()
            halved.step()
    stage.requires_grad_(False)


def _batches(draw: Callable[[], Float[Tensor, "N latent"]]) -> Iterator[Float[Tensor, "B latent"]]:
    """`_STEPS` of them, pass after pass, each in a random order."""
    passes = (draw() for _ in itertools.count())
    shuffled = (codes[torch.randperm(len(codes), device=codes.device)].split(_BATCH) for codes in passes)
    return itertools.islice(itertools.chain.from_iterable(shuffled), _STEPS)


class Rescaled(Distribution):
    """mean + scale z, z from another distribution that can be sampled. It has no density."""

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, base: Distribution, center: Float[Tensor, " latent"], scale: Float[Tensor, " latent"]) -> None:
        self.base, self.center, self.scale = base, center, scale
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        return self.center + self.scale * self.base.sample(torch.Size(sample_shape))
