"""A page about all methods, written from their docstrings, their signatures and what they do.

python -m pipelines.method_pages docs/methods.md
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.distributions import Distribution

import methods
from methods.core.base import Data, Split
from methods.core.errors import BadInput
from methods.core.ranges import declared, words
from pipelines import console, datasets, presets
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial

_SETTINGS = {"data": "digits", "network": "mlp", "latent": 12, "epochs": 1, "batch_size": 200}
_LAWS = {
    "Dirac": "a point",
    "Independent": "diagonal Gaussian",
    "MultivariateNormal": "Gaussian, fitted",
    "GaussianMixture": "mixture of Gaussians",
    "MixtureSameFamily": "mixture of Gaussians",
    "Product": "Gaussian and a category",
    "SecondStage": "a second VAE",
    "Certain": "codebook vectors",
    "Codebook": "uniform on a codebook",
}
_HEAD = """# The methods

Written by `make docs` from the docstrings and signatures in `methods/`. *q(z|x)* is what an encoder gives for a datum,
*p(z)* what codes are drawn from; *labels* says whether training needs them. *Seconds* is the time of an epoch relative
to the VAE's (USPS, the network `gated_mlp`, batches of 100, on a CPU: `python -m benchmarks.epoch_seconds`).

"""


@dataclass(frozen=True)
class Facts:
    """What a method shows when it is built.

    Attributes:
        posterior: the law of q(z|x), in words.
        prior: the law of p(z), in words.
        labels: whether it cannot be trained without.
    """

    posterior: str
    prior: str
    labels: bool


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.method_pages", description=__doc__.splitlines()[0])
    parser.add_argument("out", help="the file to write, such as docs/methods.md")
    parser.add_argument("--seconds", default="benchmarks/epoch_seconds.json", help="ratios that the benchmark has kept")
    options = parser.parse_args(arguments)
    path = Path(options.seconds)
    Path(options.out).write_text(page(json.loads(path.read_text()) if path.is_file() else {}))
    return 0


def page(seconds: dict[str, float]) -> str:
    """The page, in Markdown.

    Args:
        seconds: of an epoch relative to the VAE's, by method; what is missing is left empty.
    """
    dataset = datasets.load("digits")
    rows = ["| method | q(z\\|x) | p(z) | labels | seconds | source |", "|---|---|---|---|---|---|"]
    for name in methods.names():
        found = facts(name, dataset)
        time = f"{seconds[name]:.2f}" if name in seconds else ""
        need = "needed" if found.labels else ""
        rows.append(f"| [`{name}`](#{name}) | {found.posterior} | {found.prior} | {need} | {time} | {_source(name)} |")
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(_section(name) for name in methods.names())


def facts(name: str, dataset: Dataset) -> Facts:
    """What the method `name` is on `dataset`, found by building it."""
    run = Training(trial(_SETTINGS | {"method": name}), dataset, torch.device("cpu"))
    method, batch = run.method.eval(), next(run.data.train.batches(20))
    with torch.no_grad():
        method.start_epoch(0, run.data)
        posterior, prior = method.posterior(batch.x, batch.y), method.prior()
    return Facts(_law(posterior), _law(prior), _needs_labels(name, dataset))


def _needs_labels(name: str, dataset: Dataset) -> bool:
    def bare(split: Split) -> Split:
        return Split(split.x, split.grey)

    data = Data(bare(dataset.data.train), bare(dataset.data.valid), bare(dataset.data.test))
    try:
        Training(trial(_SETTINGS | {"method": name}), Dataset(data, classes=0), torch.device("cpu"))
    except BadInput:
        return True
    return False


def _law(distribution: Distribution) -> str:
    name = type(distribution).__name__
    return _LAWS.get(name, name)


def _section(name: str) -> str:
    text = inspect.getdoc(methods.get(name)) or ""
    body, _, after = text.partition("\n\nArgs:\n")
    meanings = _meanings(after.partition("\n\nRaises:\n")[0])
    rows = [
        f"| `{key}` | {entry.default} | {words(entry.range)} | {meanings.get(key, '')} |"
        for key, entry in declared(methods.get(name).__init__).items()
    ]
    table = ["| hyperparameter | default | searched in | |", "|---|---|---|---|", *rows, ""] if rows else []
    lineage = f"`--preset lineage`: {presets.source('lineage', name)}.\n"
    return "\n".join([f'<a id="{name}"></a>', f"## {name}", "", body, "", *table, lineage])


def _meanings(text: str) -> dict[str, str]:
    """What the section Args says, by argument."""
    entries = re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: " ".join(meaning.split()).replace("|", "\\|") for name, meaning in entries}


def _source(name: str) -> str:
    """The paper, as the docstring has it."""
    text = " ".join((inspect.getdoc(methods.get(name)) or "").partition("Source: ")[2].partition("\n\n")[0].split())
    dated = re.match(r"[^(;:]*?\b(19|20)\d\d\b", text)
    return (dated.group() if dated else re.split(r"[,;:(]", text)[0]).rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    console.run(main)
