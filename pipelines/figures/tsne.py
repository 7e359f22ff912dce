"""Codes of test rows in two dimensions, by class."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.figures.look import COLORS, MARKERS, MUTED, canvas, legend, panel
from pipelines.figures.subject import Subject

_ROWS, _PERPLEXITY = 1000, 30
_CLASSES = 10  # that are told apart: more colors and markers would be too alike


def of(subject: Subject) -> Figure:
    """t-SNE of the means of the codes of the first 1000 test rows, with perplexity 30, from their first two principal
    components.

    Raises:
        BadInput: fewer than three rows, or codes that are not finite.
    """
    codes, labels = subject.test_codes(_ROWS)
    return draw(embedded(codes), labels, title=subject.named("t-SNE of test codes"))


def draw(points: Float[Tensor, "N 2"], labels: Int[Tensor, " N"] | None, *, title: str) -> Figure:
    """A point a row. Of more than ten classes, the ten largest have colors and markers of their own."""
    figure = canvas(title, width=5.0, height=4.4)
    axes = panel(figure, xlabel="first dimension", ylabel="second dimension")
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="box")
    points = points.cpu()
    if labels is None:
        _scatter(axes, points, color=COLORS[0], marker=MARKERS[0], label="")
        return figure
    shown = _largest(labels.cpu())
    others = ~torch.isin(labels.cpu(), shown)
    for place, name in enumerate(shown.tolist()):
        look = COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]
        _scatter(axes, points[labels.cpu() == name], color=look[0], marker=look[1], label=str(name))
    if others.any():
        _scatter(axes, points[others], color=MUTED, marker=".", label="others")
    legend(axes, "class")
    return figure


def embedded(codes: Float[Tensor, "N latent"], *, seed: int = 0) -> Float[Tensor, "N 2"]:
    """t-SNE by sklearn, on the CPU; codes of one dimension get a second of zeros.

    Raises:
        BadInput: fewer than three codes.
    """
    if len(codes) < 3:
        raise BadInput(f"t-SNE needs at least 3 codes, got {len(codes)}: take more rows")
    wide = torch.nn.functional.pad(codes, (0, max(0, 2 - codes.shape[1]))).cpu().numpy()
    perplexity = min(_PERPLEXITY, (len(codes) - 1) / 3)
    return torch.from_numpy(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(wide))


def _largest(labels: Int[Tensor, " N"]) -> Int[Tensor, " classes"]:
    names, counts = labels.unique(return_counts=True)
    return names[counts.argsort(descending=True, stable=True)[:_CLASSES]].sort().values


def _scatter(axes: Axes, points: Float[Tensor, "N 2"], *, color: str, marker: str, label: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=11, color=color, marker=marker, alpha=0.8, linewidths=0, label=label)
