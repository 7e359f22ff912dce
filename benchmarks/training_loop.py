"""Our training loop beside a plain PyTorch loop and pythae's trainer, for the same VAE, epoch by epoch in turn.

python -m benchmarks.training_loop

Beside them runs our loop with its options: bfloat16, torch.compile and both. pythae is measured where it can be
imported: `pip install --no-deps --target DIR pythae==0.1.2`, then PYTHONPATH=DIR.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable

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

OPTIONS: dict[str, dict[str, object]] = {
    "ours": {},
    "ours, bfloat16": {"precision": "bfloat16"},
    "ours, compiled": {"compile": True},
    "ours, both": {"precision": "bfloat16", "compile": True},
}


def _encoder() -> nn.Sequential:
    return nn.Sequential(Gated(784, 300), Gated(300, 300), nn.Linear(300, 2 * LATENT))


def _decoder() -> nn.Sequential:
    return nn.Sequential(Gated(LATENT, 300), Gated(300, 300), nn.Linear(300, 784))


class PlainVAE(nn.Module):
    """784-300-300-40 and back, written down as one would in a notebook."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = _encoder(), _decoder()

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        reconstruction = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        rate = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (reconstruction + rate) / len(x)


def plain_epoch(model: PlainVAE, optimizer: torch.optim.Optimizer, images: Tensor) -> None:
    """One epoch of the plain loop."""
    model.train()
    for index in torch.randperm(len(images)).split(BATCH):
        loss = model(torch.bernoulli(images[index]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def pythae_epoch(images: Tensor, folder: str) -> Callable[[], object]:
    """One epoch of pythae's `BaseTrainer` on the same network, without evaluation, checkpoints or progress bar."""
    from pythae.data.datasets import BaseDataset  # type: ignore[import-not-found]
    from pythae.models import VAE, VAEConfig  # type: ignore[import-not-found]
    from pythae.models.base.base_utils import ModelOutput  # type: ignore[import-not-found]
    from pythae.models.nn import BaseDecoder, BaseEncoder  # type: ignore[import-not-found]
    from pythae.trainers import BaseTrainer, BaseTrainerConfig  # type: ignore[import-not-found]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = _encoder()

        def forward(self, x: Tensor) -> object:
            mean, log_variance = self.network(x.flatten(1)).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = _decoder()

        def forward(self, z: Tensor) -> object:
            return ModelOutput(reconstruction=self.network(z).sigmoid())

    configuration = VAEConfig(input_dim=(784,), latent_dim=LATENT, reconstruction_loss="bce")
    settings = BaseTrainerConfig(
        output_dir=folder, per_device_train_batch_size=BATCH, learning_rate=1e-3, no_cuda=True, num_epochs=ROUNDS + 1
    )
    data = BaseDataset(images, torch.zeros(len(images)))
    trainer = BaseTrainer(VAE(configuration, Encoder(), Decoder()), data, training_config=settings, callbacks=[])
    trainer.prepare_training()
    trainer.callback_handler.callbacks.clear()  # its progress bar

    def epoch() -> object:
        return trainer.train_step(epoch=1)

    return epoch


def loops(dataset: Dataset, folder: str) -> dict[str, Callable[[], object]]:
    """An epoch of everything that is compared."""
    settings = {"data": "mnist", "method": "vae", "latent": LATENT, "batch_size": BATCH, "epochs": ROUNDS + 1}
    found: dict[str, Callable[[], object]] = {
        name: Training(trial(settings | options), dataset, torch.device("cpu")).epoch
        for name, options in OPTIONS.items()
    }
    images, model = dataset.data.train.x.flatten(1), PlainVAE()
    for name, fused in (("plain", None), ("plain, fused Adam", True)):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        found[name] = lambda optimizer=optimizer: plain_epoch(model, optimizer, images)  # type: ignore[misc]
    if importlib.util.find_spec("pythae"):
        found["pythae"] = pythae_epoch(images, folder)
    else:
        print("pythae is not installed, so it is not compared; the top of this file says how to get it")
    return found


def measured(found: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of every epoch of every loop, the loops in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(ROUNDS + 1):
        for name, epoch in found.items():
            start = time.perf_counter()
            epoch()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> dict[str, float]:
    """Run and print. Returns the figures; the first round warms up, and is left out of all but compilation's."""
    dataset = datasets.load("mnist")
    data = Data(dataset.data.train.head(ROWS), dataset.data.valid.head(100), dataset.data.test.head(100))
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(loops(Dataset(data, dataset.classes, dataset.likelihood), folder))
    figures = {}
    for name, theirs in seconds.items():
        if name != "ours":
            pair = (name, "ours") if name in OPTIONS else ("ours", name)
            ratios = [its / mine for its, mine in zip(seconds[pair[1]][1:], seconds[pair[0]][1:], strict=True)]
            figures[f"throughput, {pair[0]} / {pair[1]}"] = statistics.median(ratios)
        figures[f"images a second, {name}"] = ROWS / statistics.median(theirs[1:])
    compiled = seconds["ours, compiled"]
    figures["seconds to compile"] = compiled[0] - statistics.median(compiled[1:])
    print(f"training loop: VAE 784-300-300-40 gated, batch {BATCH}, {ROWS} MNIST images, {ROUNDS} rounds, CPU")
    for name, value in figures.items():
        print(f"  {name}: {value:,.3f}" if value < 100 else f"  {name}: {value:,.0f}")
    return figures


if __name__ == "__main__":
    main()
