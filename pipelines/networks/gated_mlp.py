"""Two gated layers of 300 units on either side."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.networks.image import ImageDomain


class Gated(nn.Module):
    """h(x) * sigmoid(g(x)), with h and g affine; both in one matrix product.

    Weights start at N(0, 2 / fan-in), as in the VampPrior code.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.affine = nn.Linear(inputs, 2 * outputs)
        nn.init.kaiming_normal_(self.affine.weight)

    def forward(self, x: Float[Tensor, "B inputs"]) -> Float[Tensor, "B outputs"]:
        return F.glu(self.affine(x), dim=-1)


@dataclass(frozen=True)
class GatedMLP(ImageDomain):
    """784-300-300-latent and back, gated: the network of VampPrior, Exemplar-VAE, ByPE-VAE and Hub-VAE."""

    hidden: int = 300

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), Gated(self.values, self.hidden), Gated(self.hidden, self.hidden), self._linear(outputs)
        )

    def generator(self, code: int) -> nn.Module:
        return nn.Sequential(Gated(code, self.hidden), Gated(self.hidden, self.hidden), self._linear(self.outputs))

    def _linear(self, outputs: int) -> nn.Module:
        layer = nn.Linear(self.hidden, outputs)
        nn.init.kaiming_normal_(layer.weight)
        return layer
