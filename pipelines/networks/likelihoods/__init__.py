"""Likelihoods of images given a network's output: p(x | eta), one a file.

Each takes `outputs_per_value` numbers eta for every value of x, in [0, 1], and sums over an image's values: (B,) nats.
`AutoregressiveBernoulli` is in no list: it needs a network that reads the image too, and its family brings it.
"""

from __future__ import annotations

from torch import nn

from methods.core.base import Decoder
from methods.core.errors import unknown
from pipelines.networks.likelihoods.autoregressive_bernoulli import AutoregressiveBernoulli
from pipelines.networks.likelihoods.bernoulli import Bernoulli
from pipelines.networks.likelihoods.gaussian import Gaussian
from pipelines.networks.likelihoods.heteroscedastic_gaussian import HeteroscedasticGaussian
from pipelines.networks.likelihoods.learned_gaussian import LearnedGaussian
from pipelines.networks.likelihoods.logistic256 import Logistic256

__all__ = [
    "AutoregressiveBernoulli",
    "Bernoulli",
    "Gaussian",
    "HeteroscedasticGaussian",
    "LearnedGaussian",
    "Logistic256",
    "build",
    "names",
    "outputs_per_value",
]

_Likelihood = Bernoulli | Gaussian | HeteroscedasticGaussian | LearnedGaussian | Logistic256

_BY_NAME: dict[str, type[_Likelihood]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "heteroscedastic_gaussian": HeteroscedasticGaussian,
    "learned_gaussian": LearnedGaussian,
    "logistic256": Logistic256,
}


def names() -> list[str]:
    """Every likelihood."""
    return sorted(_BY_NAME)


def outputs_per_value(name: str) -> int:
    """How many numbers the likelihood `name` takes from a network for every value of an image."""
    return 2 if name == "heteroscedastic_gaussian" else 1


def build(name: str, network: nn.Module, event: tuple[int, ...]) -> Decoder:
    """The likelihood `name` over a network's output.

    Raises:
        BadInput: an unknown name; the message names the nearest.
    """
    if name not in _BY_NAME:
        raise unknown("likelihood", name, _BY_NAME)
    return _BY_NAME[name](network, event)
