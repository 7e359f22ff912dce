"""The toy optimization in numbers: how good each start ended, and how far apart the ends are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from lso.tasks.toy import THRESHOLDS, Result


@dataclass(frozen=True)
class Ends:
    """Where codes from one start came to rest by one rule.

    Attributes:
        start: its name.
        threshold: of the rule.
        loss: mean over images.
        deviation: standard deviation over images.
        iterations: mean number; an image whose code never came to rest counts with its last one.
        stopped: fraction of images for which the rule held in time.
    """

    start: str
    threshold: float
    loss: float
    deviation: float
    iterations: float
    stopped: float


@dataclass(frozen=True)
class Gap:
    """How far the ends of two starts are apart, by one rule.

    Attributes:
        starts: their names, joined by a hyphen.
        threshold: of the rule.
        distance: squared Euclidean distance of the two codes of an image, mean over images.
        difference: absolute difference of their losses, mean over images.
    """

    starts: str
    threshold: float
    distance: float
    difference: float


def ends(result: Result) -> list[Ends]:
    """Every start by every rule."""
    rests = result.rests
    losses, iterations = result.by_start(rests.losses).double(), result.by_start(rests.iterations).double()
    stopped = result.by_start(rests.stopped).double()
    return [
        Ends(
            start,
            threshold,
            float(losses[i, :, t].mean()),
            float(losses[i, :, t].std(correction=min(1, losses.shape[1] - 1))),
            float(iterations[i, :, t].mean()),
            float(stopped[i, :, t].mean()),
        )
        for i, start in enumerate(result.settings.labels())
        for t, threshold in enumerate(THRESHOLDS)
    ]


def gaps(result: Result) -> list[Gap]:
    """Every pair of starts by every rule."""
    codes, losses = result.by_start(result.rests.codes).double(), result.by_start(result.rests.losses).double()
    return [
        Gap(
            f"{first}-{second}",
            threshold,
            float((codes[i, :, t] - codes[j, :, t]).square().sum(-1).mean()),
            float((losses[i, :, t] - losses[j, :, t]).abs().mean()),
        )
        for (i, first), (j, second) in combinations(enumerate(result.settings.labels()), 2)
        for t, threshold in enumerate(THRESHOLDS)
    ]


def metrics(result: Result) -> dict[str, float]:
    """All numbers, flat: `toy/loss/encoder/0.01` and so on."""
    found = {f"toy/control/{name}": value for name, value in result.controls.items()}
    for end in ends(result):
        for name in ("loss", "iterations", "stopped"):
            found[f"toy/{name}/{end.start}/{end.threshold:g}"] = getattr(end, name)
    for gap in gaps(result):
        found[f"toy/code_distance/{gap.starts}/{gap.threshold:g}"] = gap.distance
        found[f"toy/loss_difference/{gap.starts}/{gap.threshold:g}"] = gap.difference
    return found


def curves(result: Result) -> list[tuple[int, dict[str, float]]]:
    """Mean loss of every start by iteration, named `toy/curve/<start>`."""
    curve = result.rests.curve.double().unflatten(1, (len(result.settings.inits), -1)).mean(2)
    names = [f"toy/curve/{label}" for label in result.settings.labels()]
    points = zip(result.rests.curve_iterations.tolist(), curve.tolist(), strict=True)
    return [(iteration, dict(zip(names, values, strict=True))) for iteration, values in points]
