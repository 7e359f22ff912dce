"""How much every latent dimension says about the data."""

from __future__ import annotations

from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.figures.look import COLORS, MUTED, canvas, panel
from pipelines.figures.subject import Subject

_THRESHOLD = 0.01
_LEAST = 1e-5  # dimensions that never vary have a place on the logarithmic axis


def of(subject: Subject) -> Figure:
    """Variances, over all test rows, of the means of the codes.

    Raises:
        BadInput: fewer than two rows, or codes that are not finite.
    """
    codes, _ = subject.test_codes(len(subject.dataset.data.test))
    if len(codes) < 2:
        raise BadInput(f"activity needs at least 2 test rows, got {len(codes)}")
    return draw(codes.var(0), title=subject.named("Activity of latent dimensions"))


def draw(variances: Float[Tensor, " latent"], *, title: str, threshold: float = _THRESHOLD) -> Figure:
    """Bars from the most to the least active dimension, in log scale; variances below 1e-5 end there.

    Source: Burda et al. 2016, section 5.2 (active above 0.01); NE-VAE, Figure 1.
    """
    heights = variances.sort(descending=True).values.clamp_min(_LEAST).cpu()
    active = int((heights > threshold).sum())
    figure = canvas(title, width=5.0, height=3.0)
    axes = panel(figure, xlabel="dimension, by activity", ylabel="variance of the mean code")
    axes.grid(False, axis="x")
    colors = [COLORS[0] if value > threshold else MUTED for value in heights.tolist()]
    axes.bar(range(1, len(heights) + 1), (heights - _LEAST / 2).tolist(), bottom=_LEAST / 2, color=colors, width=0.8)
    axes.axhline(threshold, color=COLORS[1], linestyle="--", linewidth=1.2)
    axes.set_yscale("log")
    axes.set_ylim(_LEAST / 2, 3 * max(float(heights.max()), threshold))
    axes.set_xlim(0.4, len(heights) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"{active} of {len(heights)} above {threshold:g} (dashed)", fontsize=9)
    return figure
