"""One training run, without Ray or MLflow.

python -m pipelines.train --method vae --data mnist --set latent=40 epochs=50
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

import methods
from methods.core.errors import BadInput
from methods.core.ranges import words
from pipelines import artifact, console, datasets, domains, presets
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.training import NotFinite, Training
from pipelines.trial import Trial, searchable
from pipelines.trial import trial as checked

_History = list[dict[str, float]]
_CHECKPOINT_SECONDS = 2.0
_SHOWN = (
    "learning_rate",
    "valid/objective",
    "valid/bce",
    "valid/exact_reconstruction",
    "valid/token_accuracy",
    "valid/elbo",
    "valid/knn_purity",
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    method = options.method or datasets.usual_method(options.data)
    if options.describe:
        console.OUT.print(_description(method), markup=False, soft_wrap=True)
        return 0
    given = console.settings(options.set)
    start = {} if options.preset is None else presets.settings(options.preset, method, options.data)
    trial = checked({"method": method, "data": options.data} | start | given)
    folder = Path(options.out or f"results/train/{trial.method}-{_file_name(trial.data)}-{trial.identity}")
    if (folder / "trial.json").exists() and not options.fresh:
        if artifact.load(folder).trial != trial:
            raise BadInput(f"{folder} holds another run: name another folder with --out, or replace it with --fresh")
        console.OUT.print(f"{folder} already holds this run: --fresh trains it again", soft_wrap=True)
        return 0
    _prepare(folder)
    dataset = datasets.load(trial.data)
    training = Training(trial, dataset, device())
    try:
        history = _train(training, folder / "checkpoint.pt", fresh=options.fresh)
    except NotFinite as error:
        raise BadInput(f"training failed in epoch {training.epochs_done + 1}: {error}") from error
    metrics = evaluate(training.method, training.data.test)
    artifact.save(folder, trial, training.method, dataset)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    for name, content in (("test", metrics), ("history", history), ("training", _facts(history))):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    _report(metrics, folder)
    return 0


def _file_name(data: str) -> str:
    """A data set's name as part of a path: that of a file of strings holds a path itself."""
    return re.sub(r"[^\w.@-]+", "-", data)


def device() -> torch.device:
    """Where a run takes place: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _prepare(folder: Path) -> None:
    """Make the folder before the work and not after it, when all would be lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise BadInput(f"cannot write into {folder}: {error.strerror}; name another folder with --out") from error


def _train(training: Training, checkpoint: Path, *, fresh: bool) -> _History:
    """Train to the end. Returns what every epoch reported, also those before an interruption."""
    history: _History = []
    state = None if fresh else artifact.load_state(checkpoint)
    if state is not None and state["identity"] == training.trial.identity:
        training.load_state_dict(state["training"])
        history = state["history"]
        console.ERR.print(f"continuing after epoch {training.epochs_done}")
    saved = time.monotonic()
    with console.progress() as bar:
        task = bar.add_task(_title(training.trial), total=training.trial.epochs, completed=training.epochs_done)
        while not training.done:
            history.append(_epoch(training))
            _show(history[-1])
            bar.advance(task)
            if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                _checkpoint(checkpoint, training, history)
                saved = time.monotonic()
    if training.stopping.active:
        _tell_best(training)
    training.finish()
    return history


def _epoch(training: Training) -> dict[str, float]:
    terms = training.epoch()
    valid = {f"valid/{name}": value for name, value in monitor(training.method, training.data.valid).items()}
    return {"epoch": training.epochs_done} | terms | valid


def _facts(history: _History) -> dict[str, float]:
    """What the training took: seconds an epoch, and the most memory of this process, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"seconds_per_epoch": statistics.median(entry["seconds"] for entry in history), "peak_memory": peak}


def _checkpoint(path: Path, training: Training, history: _History) -> None:
    state = {"identity": training.trial.identity, "training": training.state_dict(), "history": history}
    try:
        artifact.save_state(path, state)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def _title(trial: Trial) -> str:
    return f"{trial.method} on {trial.data}"


def _show(values: dict[str, float]) -> None:
    shown = {name: value for name, value in values.items() if name.startswith("train/")}
    shown |= {name: values[name] for name in _SHOWN if name in values}
    text = "  ".join(f"{name} {_brief(value)}" for name, value in shown.items())
    console.ERR.print(f"epoch {values['epoch']:>3}  {text}  ({values['seconds']:.1f} s)", soft_wrap=True)


def _brief(value: float) -> str:
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"


def _tell_best(training: Training) -> None:
    stopped = f"stopped after epoch {training.epochs_done}; " if training.epochs_done < training.trial.epochs else ""
    best, epoch = training.stopping.best, training.stopping.best_epoch
    console.ERR.print(
        f"{stopped}the weights are those of epoch {epoch}, with the best validation objective, {best:.3f}",
        soft_wrap=True,
    )


def _report(metrics: dict[str, float], folder: Path) -> None:
    for name, value in metrics.items():
        console.OUT.print(f"test/{name:<16} {value:.4f}")
    console.OUT.print(f"saved in {folder}: pipelines.load({str(folder)!r}) brings it back", soft_wrap=True)


def _description(method: str) -> str:
    lines = [inspect.getdoc(methods.get(method)) or "", "", "Settings:"]
    for name, entry in searchable(method).items():
        default = f"{entry.default:g}" if isinstance(entry.default, float) else str(entry.default)
        lines.append(f"    {name:<24} default {default:<10} searched in {words(entry.range)}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.train", description=__doc__.splitlines()[0])
    parser.add_argument("--method", help=f"one of {', '.join(methods.names())} (default: vae; rae for strings)")
    data = f"one of {', '.join(datasets.names())}, or LANGUAGE:FILE of strings"
    parser.add_argument("--data", default="digits", help=data)
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="settings to start from: lineage, the paper's own, harmonised, the same for all methods, or molecules, "
        "for draws of molecules",
    )
    console.add_settings(
        parser,
        "settings of the run (network, latent, epochs, batch_size, learning_rate, optimizer, schedule, patience, seed "
        f"…) and hyperparameters of the method; networks are {', '.join(domains.families())}",
    )
    parser.add_argument("--describe", action="store_true", help="print what the method is and its settings, and stop")
    parser.add_argument("--out", metavar="DIR", help="where to save (default: results/train/…)")
    parser.add_argument("--fresh", action="store_true", help="train again what is already there")
    return parser


if __name__ == "__main__":
    console.run(main)
