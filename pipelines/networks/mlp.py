"""One hidden layer of 400 ReLUs on either side."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from pipelines.networks.image import ImageDomain


@dataclass(frozen=True)
class MLP(ImageDomain):
    """784-400-latent-400-784, the network of the PyTorch examples' VAE and, by inference, of the Lambda-Hot paper.

    Their two heads of 400-20, for the mean and the log-variance of a code, are here one layer of 400-40.
    """

    hidden: int = 400

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(self.values, self.hidden), nn.ReLU(), nn.Linear(self.hidden, outputs)
        )

    def generator(self, code: int) -> nn.Module:
        return nn.Sequential(nn.Linear(code, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.outputs))
