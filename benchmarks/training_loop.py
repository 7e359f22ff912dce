"""Our training loop beside a plain PyTorch loop of the same VAE, epoch by epoch in turn.

python -m benchmarks.training_loop
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.core.base import Data
from pipelines import datasets
from pipelines.datasets.dataset import Dataset
from pipelines.networks.gated_mlp import Gated
from pipelines.training import Training
from pipelines.trial import trial

ROWS, ROUNDS, LATENT, BATCH = 20_000, 7, 40, 100


class PlainVAE(nn.Module):
    """784-300-300-40 and back, written down as one would in a notebook."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Gated(784, 300), Gated(300, 300), nn.Linear(300, 2 * LATENT))
        self.decoder = nn.Sequential(Gated(LATENT, 300), Gated(300, 300), nn.Linear(300, 784))

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + rate) / len(x)


def plain_epoch(model: PlainVAE, optimizer: torch.optim.Optimizer, images: Tensor) -> float:
    """Seconds of one epoch of the plain loop."""
    start = time.perf_counter()
    model.train()
    for index in torch.randperm(len(images)).split(BATCH):
        loss = model(torch.bernoulli(images[index]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def main() -> dict[str, float]:
    """Run and print. Returns the figures."""
    dataset = datasets.load("mnist")
    data = Data(dataset.data.train.head(ROWS), dataset.data.valid.head(100), dataset.data.test.head(100))
    few = Dataset(data, dataset.classes, dataset.likelihood)
    settings = {"data": "mnist", "method": "vae", "latent": LATENT, "batch_size": BATCH, "epochs": ROUNDS + 1}
    ours = Training(trial(settings), few, torch.device("cpu"))
    model = PlainVAE()
    optimizers = {
        "plain": torch.optim.Adam(model.parameters(), lr=1e-3),
        "plain, fused Adam": torch.optim.Adam(model.parameters(), lr=1e-3, fused=True),
    }
    images = data.train.x.flatten(1)
    seconds: dict[str, list[float]] = {"ours": [], **{name: [] for name in optimizers}}
    for _ in range(ROUNDS + 1):
        seconds["ours"].append(ours.epoch()["seconds"])
        for name, optimizer in optimizers.items():
            seconds[name].append(plain_epoch(model, optimizer, images))
    figures = {}
    for name in optimizers:
        ratios = [plain / mine for plain, mine in zip(seconds[name][1:], seconds["ours"][1:], strict=True)]
        figures[f"throughput, ours / {name}"] = statistics.median(ratios)
    figures["images a second, ours"] = ROWS / statistics.median(seconds["ours"][1:])
    print(f"training loop: VAE 784-300-300-40 gated, batch {BATCH}, {ROWS} MNIST images, {ROUNDS} rounds, CPU")
    for name, value in figures.items():
        print(f"  {name}: {value:,.3f}" if value < 100 else f"  {name}: {value:,.0f}")
    return figures


if __name__ == "__main__":
    main()
