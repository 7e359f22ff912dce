"""Decoders for tasks: a given one, or one that is trained once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch
import torch
from filelock import FileLock

from lso.strings import StringSpace
from lso.task import Task
from methods.core.errors import BadInput
from pipelines import artifact, console
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import Trial
from pipelines.trial import trial as checked


def load(folder: Path, task: Task) -> StringSpace:
    """The latent space of a saved method.

    Raises:
        BadInput: no saved method there, or one that writes what the task cannot read.
    """
    saved = artifact.load(folder)
    likelihood = str(saved.facts["likelihood"])
    if not likelihood.startswith(task.reads):
        raise BadInput(
            f"the decoder in {folder} was trained on {saved.trial.data!r} and writes {likelihood}: "
            f"the task {task.name} needs one that writes {task.reads or 'strings'}"
        )
    return StringSpace(saved.method)


def default(task: Task, protocol: str, seed: int) -> Path:
    """The folder of a decoder trained on what `protocol` shows an autoencoder, from the cache if it was trained before.

    Of several processes that want the same one, the first trains it and the others wait.

    Raises:
        BadInput: the cache cannot be written.
    """
    data, dataset = task.training(protocol, seed)
    settings = {**task.decoder_settings, "data": data, "seed": seed}
    rows, batch = len(dataset.data.train), int(settings.get("batch_size", Trial.batch_size))
    trial = checked(settings | {"epochs": max(1, math.ceil(task.decoder_steps * batch / rows))})
    name = hashlib.sha256(f"{trial.identity}{dataset.checksum}".encode()).hexdigest()[:16]
    folder = _cache() / f"{task.name}-{protocol}-{seed}-{name}"
    if not (folder / "trial.json").is_file():
        with _alone(folder):
            if not (folder / "trial.json").is_file():
                _train(trial, dataset, folder, f"training the decoder of seed {seed}")
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process trains this decoder meanwhile."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise BadInput(f"cannot keep the decoder in {folder.parent}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _cache() -> Path:
    root = os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")
    return Path(root).expanduser() / "lso-decoders"


def _train(trial: Trial, dataset: Dataset, folder: Path, title: str) -> None:
    """Train, and put the result in its place whole, so that an interrupted training leaves nothing."""
    training = Training(trial, dataset, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    with console.progress() as bar:
        shown = bar.add_task(title, total=trial.epochs)
        while not training.done:
            training.epoch()
            bar.advance(shown)
    training.finish()
    try:
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as name:
            draft = Path(name) / folder.name
            artifact.save(draft, trial, training.method, dataset)
            (draft / "start.json").write_text(json.dumps({"title": title, "rows": len(dataset.data.train)}))
            os.replace(draft, folder)
    except OSError as error:
        raise BadInput(f"cannot keep the decoder in {folder.parent}: {error.strerror or error}") from error
