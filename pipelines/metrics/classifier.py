"""A small classifier of a data set, whose features stand in where Inception's cannot be had."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pooch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from methods.core.base import Split
from methods.core.errors import BadInput
from pipelines.metrics.isolation import isolated

NAME = "convolutional-16-32-64"
"""What the network is; part of every record, and of the file that keeps it."""

_STEPS, _BATCH, _RATE = 1500, 128, 2e-3


class Classifier(nn.Module):
    """Two convolutions of stride 2 with 16 and 32 channels, a layer of 64 features, a layer of classes.

    Features are in units in which their variance over the training rows is 1 on average.

    Args:
        event: channels, height, width.
        classes: how many.
    """

    unit: Tensor

    def __init__(self, event: tuple[int, ...], classes: int) -> None:
        super().__init__()
        values = 32 * -(-event[1] // 4) * -(-event[2] // 4)
        self.body = nn.Sequential(
            nn.Conv2d(event[0], 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(values, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, classes)
        self.register_buffer("unit", torch.ones(()))

    def features(self, images: Float[Tensor, "B *event"]) -> Float[Tensor, "B 64"]:
        """Activations below the last layer."""
        return self.body(images) / self.unit

    def forward(self, images: Float[Tensor, "B *event"]) -> Float[Tensor, "B classes"]:
        return self.head(self.body(images))


def trained(train: Split, checksum: str) -> Classifier:
    """The classifier of a data set: from this user's cache, or trained on the labels of the grey training rows.

    It is trained with one seed on the CPU for 1500 steps, and kept under the checksum of the data, so that all methods
    on these data are measured by the same one.

    Raises:
        BadInput: the data have no labels, or the cache cannot be written.
    """
    if train.y is None:
        raise BadInput("a classifier needs labels, and these data have none")
    path = _place(checksum)
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(0)
        network = Classifier(tuple(train.grey.shape[1:]), int(train.y.max()) + 1)
        if not _restored(network, path):
            _train(network, train.to(torch.device("cpu")))
            _keep(network, path)
    return network.requires_grad_(False).eval()


def fingerprint(network: nn.Module) -> str:
    """16 hex digits of the weights."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def accuracy(network: Classifier, split: Split) -> float:
    """Share of the grey rows of a split with labels that it classifies right."""
    assert split.y is not None
    with isolated(network, 0):
        right = [(network(batch.grey).argmax(1) == batch.y).double() for batch in split.batches(1000)]
    return torch.cat(right).mean().item()


def _train(network: Classifier, train: Split) -> None:
    assert train.y is not None
    optimizer = torch.optim.Adam(network.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_STEPS)
    with torch.enable_grad():
        for _ in range(_STEPS):
            rows = torch.randint(len(train), (_BATCH,))
            optimizer.zero_grad()
            F.cross_entropy(network(train.grey[rows]), train.y[rows]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        found = torch.cat([network.body(batch.grey) for batch in train.batches(1000)])
        network.unit.copy_(found.var(0).mean().sqrt())


def _place(checksum: str) -> Path:
    cache = Path(os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")).expanduser()
    return cache / "classifiers" / f"{NAME}-{checksum}.safetensors"


def _restored(network: Classifier, path: Path) -> bool:
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError):
        return False
    return True


def _keep(network: Classifier, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as draft:
            save_file(network.state_dict(), Path(draft) / "network")
            (Path(draft) / "network").replace(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(
            f"cannot keep the classifier in {path.parent} ({reason}): set LATENT_ORCHESTRA_CACHE to a folder that you "
            "may write to"
        ) from error
