"""Networks that tell two kinds of codes apart, and what they learn from."""

from __future__ import annotations

import itertools

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def critic(latent: int, hidden: int, layers: int) -> nn.Sequential:
    """A network (B, latent) -> (B, 1), log odds that a code is of the first kind; leaky ReLUs of slope 0.2."""
    widths = [latent, *[hidden] * layers]
    pairs = itertools.pairwise(widths)
    body = [module for before, after in pairs for module in (nn.Linear(before, after), nn.LeakyReLU(0.2))]
    return nn.Sequential(*body, nn.Linear(hidden, 1))


def critic_loss(first: Float[Tensor, "A 1"], second: Float[Tensor, "B 1"]) -> Float[Tensor, ""]:
    """Mean cross-entropy, in nats a code, of log odds for codes of the first and of the second kind.

    log 2 where the critic knows nothing. At its optimum the log odds are log p_first(z) - log p_second(z).
    Source: Goodfellow et al. 2014, Eq. 1 and Proposition 1.
    """
    return 0.5 * (F.softplus(-first).mean() + F.softplus(second).mean())
