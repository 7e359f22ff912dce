"""Toy latent-space optimization: codes are steered through a frozen decoder until they decode to given images.

It asks how much the outcome depends on where the optimization starts. Images come from the test split, as the
likelihood sees them; the loss of a code is the squared error summed over its image; Adam moves every code by itself.

Source: NE-VAE, section 5.4. The paper leaves open the learning rate (here 1e-2), whether images are optimized one by
one (they are: each has its own end, even if all share a batch) and when to give up (after 50,000 iterations).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from lso.descent import Losses, Observer, descend
from lso.rests import Rests
from lso.space import LatentSpace
from methods.core.base import Split
from methods.core.errors import BadInput, unknown

INITS = ("encoder", "prior", "random")
"""Where codes start: the posterior's mean, a draw from the method's prior, a draw from N(0, I)."""

THRESHOLDS = (0.01, 0.005, 0.001, 1e-4, 1e-5, 0.0)
"""Of the stop rules: change of the loss from one iteration to the next. 0 means equal in float32."""

_CONTROL_DRAWS = 20  # random codes an image is compared with


@dataclass(frozen=True)
class Settings:
    """What is done.

    Attributes:
        images: number of images.
        iterations: most steps that a code takes.
        seed: of the choice of images and of all draws.
        inits: of `INITS`; one named again is drawn again.
        learning_rate: of Adam.

    Raises:
        BadInput: a number too small, or an unknown start.
    """

    images: int = 50
    iterations: int = 50_000
    seed: int = 0
    inits: tuple[str, ...] = INITS
    learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        for name, least in (("images", 1), ("iterations", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise BadInput(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in self.inits:
            if name not in INITS:
                raise unknown("start", name, INITS)
        if not self.inits or self.inits.count("encoder") > 1:
            raise BadInput(f"inits must name one start or more, and encoder once, got {','.join(self.inits) or 'none'}")

    def labels(self) -> list[str]:
        """The starts by distinct names: the second draw from `random` is `random-2`."""
        seen: Counter[str] = Counter()
        labels = []
        for name in self.inits:
            seen[name] += 1
            labels.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
        return labels


@dataclass(frozen=True)
class Result:
    """What came out, for I starts, M images and the rules of `THRESHOLDS`.

    Attributes:
        settings: what was done.
        index: the images' numbers in the test split.
        targets: the images.
        starts: codes at the start.
        rests: where they came to rest: of start i, image m it is row i * M + m.
        decoded: what the codes decode to that came to rest by the strictest rule.
        controls: mean losses that a decoder attains without optimization, see `controls`.
    """

    settings: Settings
    index: Int[Tensor, " M"]
    targets: Float[Tensor, "M *event"]
    starts: Float[Tensor, "I M latent"]
    rests: Rests
    decoded: Float[Tensor, "I M *event"]
    controls: dict[str, float]

    def by_start(self, values: Shaped[Tensor, "N *rest"]) -> Shaped[Tensor, "I M *rest"]:
        """Values of `rests` by start and image."""
        return values.unflatten(0, (len(self.settings.inits), len(self.index)))


def run(
    space: LatentSpace,
    split: Split,
    settings: Settings,
    observe: Observer = lambda iteration, moving, loss: None,
) -> Result:
    """Optimize codes for images of `split`. Ctrl-C ends it early, with what was reached.

    Raises:
        BadInput: the split has fewer images.
    """
    if settings.images > len(split):
        raise BadInput(f"images must be at most {len(split)}, the size of the test split, got {settings.images}")
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(settings.seed))
    index = order[: settings.images].to(split.x.device)
    images = Images(space, split.x[index], None if split.y is None else split.y[index])
    starts = torch.stack(list(_starts(images, settings)))
    rests = descend(
        images.losses,
        starts.flatten(0, 1),
        thresholds=THRESHOLDS,
        iterations=settings.iterations,
        learning_rate=settings.learning_rate,
        observe=observe,
    )
    decoded = images.decode(rests.codes[:, -1]).unflatten(0, starts.shape[:2])
    return Result(settings, index, images.x, starts, rests, decoded, controls(images, settings.seed))


@dataclass(frozen=True)
class Images:
    """The images and the decoder. Code number n belongs to image n modulo their number.

    Attributes:
        space: the decoder.
        x: images.
        y: their classes, for methods that condition on them.
    """

    space: LatentSpace
    x: Float[Tensor, "M *event"]
    y: Int[Tensor, " M"] | None

    def losses(self, rows: Int[Tensor, " R"]) -> Losses:
        """Squared errors, summed over the image, of the codes with these numbers."""
        image = rows % len(self.x)
        x, y = self.x[image], None if self.y is None else self.y[image]

        def losses(z: Float[Tensor, "R latent"]) -> Float[Tensor, " R"]:
            return F.mse_loss(self.space.decode(z, y), x, reduction="none").flatten(1).sum(1)

        return losses

    @torch.no_grad()
    def decode(self, codes: Float[Tensor, "N latent"]) -> Float[Tensor, "N *event"]:
        """What the codes decode to."""
        image = torch.arange(len(codes), device=codes.device) % len(self.x)
        return self.space.decode(codes, None if self.y is None else self.y[image])


@torch.no_grad()
def controls(images: Images, seed: int) -> dict[str, float]:
    """How much codes matter at all: mean losses without any optimization.

    `random` and `prior` are those of codes drawn from N(0, I) and from the method's prior, `mean_image` is that of the
    best decoder that pays no attention to its code: the mean of the images.
    """
    count = _CONTROL_DRAWS * len(images.x)
    losses = images.losses(torch.arange(count, device=images.x.device))
    found = {name: float(losses(_draw(images, name, count, (seed, 1, k))).mean()) for k, name in enumerate(INITS[1:])}
    centred = images.x - images.x.mean(0)
    return found | {"mean_image": float(centred.square().flatten(1).sum(1).mean())}


def _starts(images: Images, settings: Settings) -> Iterator[Float[Tensor, "M latent"]]:
    drawn: Counter[str] = Counter()
    for name in settings.inits:
        if name == "encoder":
            yield images.space.encode(images.x, images.y)
        else:
            key = (settings.seed, 0, INITS.index(name), drawn[name])
            yield _draw(images, name, len(images.x), key)
        drawn[name] += 1


def _draw(images: Images, name: str, count: int, key: tuple[int, ...]) -> Float[Tensor, "count latent"]:
    """Codes from `prior` or `random` that depend on the key alone, so that another start changes no other."""
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    if name == "prior":
        return images.space.prior(count, seed=seed)
    drawn = torch.randn(count, images.space.latent, generator=torch.Generator().manual_seed(seed))
    return drawn.to(images.x)
