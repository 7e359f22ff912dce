"""Samples of every class, cluster or mixture component, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Distribution, MixtureSameFamily

from methods.conditional_vae import ConditionalVAE
from methods.core.base import Method
from methods.core.errors import BadInput
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.product import Category, Product
from methods.gmvae import GMVAE
from methods.kmeans_vae import KMeansVAE
from methods.lambda_hot_vae import LambdaHotVAE
from methods.prototypical_vae import PrototypicalVAE
from pipelines.figures.sheet import Block, need_images, sheet
from pipelines.figures.subject import Subject

_ROWS, _COLUMNS = 12, 10


@dataclass(frozen=True)
class Conditions:
    """Codes by what they are conditioned on.

    Attributes:
        kind: "class", "cluster", "component" or "category".
        codes: draws of each.
        numbers: of the K conditions that are shown.
        total: conditions that there are.
        labels: of each, for methods that decode given a class.
    """

    kind: str
    codes: Float[Tensor, "K n latent"]
    numbers: Int[Tensor, " K"]
    total: int
    labels: Int[Tensor, " K"] | None = None


def of(subject: Subject) -> Figure:
    """Ten draws of each condition, of at most twelve, those of the largest weight.

    Raises:
        BadInput: the method's prior has neither classes nor components.
    """
    need_images(subject.dataset.event)
    found = conditions(subject.method, subject.method.prior(), _COLUMNS, most=_ROWS)
    labels = None if found.labels is None else found.labels.repeat_interleave(_COLUMNS)
    images = subject.method.decode(found.codes.flatten(0, 1), labels).unflatten(0, (-1, _COLUMNS))
    names = [f"{found.kind} {number}" for number in found.numbers.tolist()]
    some = "" if len(names) == found.total else f" ({len(names)} of {found.total})"
    return draw(images, names, title=subject.named(f"Samples by {found.kind}{some}"))


def draw(images: Float[Tensor, "K n *event"], names: Sequence[str], *, title: str) -> Figure:
    """A line of n samples for each of K conditions.

    Raises:
        BadInput: data that are no images.
    """
    return sheet(title, Block(images, rows=names))


def conditions(method: Method, prior: Distribution, count: int, *, most: int) -> Conditions:
    """`count` codes of each class or component of the prior, of the `most` with the largest weights.

    Raises:
        BadInput: the prior has neither.
    """
    if isinstance(method, PrototypicalVAE):
        raise BadInput("samples around prototypes are in the figure prototypes")
    if isinstance(method, ConditionalVAE):
        return _classes(method, prior, count, most)
    if isinstance(method, GMVAE):
        return _bent_components(method, count, most)
    if isinstance(prior, Product) and isinstance(prior.parts[-1], Category):
        return _categories(prior, count, most)
    if isinstance(prior, MixtureSameFamily):
        return _components(_kind(method), prior, count, most)
    raise BadInput("the prior has neither classes nor components to draw samples of")


def _kind(method: Method) -> str:
    if isinstance(method, LambdaHotVAE):
        return "class"
    return "cluster" if isinstance(method, KMeansVAE) else "component"


def _classes(method: ConditionalVAE, prior: Distribution, count: int, most: int) -> Conditions:
    """A column has the same code in every class."""
    labels = torch.arange(min(method.classes, most), device=next(method.parameters()).device)
    codes = prior.sample((count,)).expand(len(labels), -1, -1)
    return Conditions("class", codes, labels, method.classes, labels)


def _components(kind: str, prior: MixtureSameFamily, count: int, most: int) -> Conditions:
    weights = prior.mixture_distribution.probs
    chosen = weights.argsort(descending=True, stable=True)[:most].sort().values
    codes = prior.component_distribution.sample((count,)).movedim(0, 1)[chosen]
    return Conditions(kind, codes, chosen, len(weights))


def _bent_components(method: GMVAE, count: int, most: int) -> Conditions:
    """z ~ N(mu_k(w), sigma_k(w)^2), with a w of its own for every draw."""
    prior = cast(GaussianMixture, method.prior())
    means, scales = (part.unflatten(0, (-1, method.components)) for part in (prior.means, prior.scales))
    numbers = torch.arange(min(method.components, most), device=means.device)
    draws = torch.randint(len(means), (len(numbers), count), device=means.device)
    codes = torch.normal(means[draws, numbers.unsqueeze(1)], scales[draws, numbers.unsqueeze(1)])
    return Conditions("component", codes, numbers, method.components)


def _categories(prior: Product, count: int, most: int) -> Conditions:
    """A column has the same continuous code in every category."""
    total = prior.sizes[-1]
    beside = torch.cat([part.sample((count,)) for part in prior.parts[:-1]], 1)
    numbers = torch.arange(min(total, most), device=beside.device)
    one_hot = torch.nn.functional.one_hot(numbers, total).to(beside)
    codes = [beside.expand(len(numbers), -1, -1), one_hot.unsqueeze(1).expand(-1, count, -1)]
    return Conditions("category", torch.cat(codes, 2), numbers, total)
