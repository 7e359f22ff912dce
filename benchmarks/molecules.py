"""What the molecules are like that a trained method draws: penalized log P, size, and how many are new.

Codes from the method's own prior, or from a density that is fitted to its training codes; decoded greedily.

python -m benchmarks.molecules results/train/rae-zinc_fragments-… --density ex_post_gmm
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from lso.tasks.penalized_logp import NORMALIZATIONS, penalized_logp
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import artifact, console, densities
from pipelines.metrics.isolation import isolated
from pipelines.metrics.strings import greedy
from pipelines.sequences.likelihood import Sequences

_ROWS = 500  # codes decoded at a time


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    saved = artifact.load(options.run)
    data = saved.dataset().data
    density = densities.fit(options.density, saved.method, data, seed=options.seed)
    with isolated(saved.method, options.seed):
        drawn = written(saved.method, density.sample(torch.Size([options.count])))
    decoder = _decoder(saved.method)
    _report(f"{options.density}, {options.count} draws", drawn)
    _report(f"training molecules, the first {options.count}", decoder.strings(data.train.x[: options.count]))
    return 0


def written(method: Method, codes: torch.Tensor) -> list[str]:
    """The SMILES that codes (N, latent) are greedily decoded into."""
    decoder = _decoder(method)
    return [text for part in codes.split(_ROWS) for text in decoder.strings(greedy(method, part))]


def penalized(molecules: list[Chem.Mol]) -> NDArray[np.float64]:
    """Penalized log P of each, with GCPN's normalization."""
    return np.array([penalized_logp(molecule, NORMALIZATIONS["gcpn"]) for molecule in molecules])


def _report(title: str, texts: list[str]) -> None:
    with rdBase.BlockLogs():
        read = [Chem.MolFromSmiles(text) for text in texts]
    found = [molecule for molecule in read if molecule is not None and molecule.GetNumAtoms()]
    values = penalized(found)
    lines = {
        "valid": len(found) / len(texts),
        "distinct of the valid ones": len(set(map(Chem.MolToSmiles, found))) / len(found),
        "heavy atoms, mean": np.mean([molecule.GetNumHeavyAtoms() for molecule in found]),
        "penalized log P, mean": values.mean(),
        "penalized log P, standard error": values.std(ddof=1) / len(values) ** 0.5,
        "penalized log P, median": np.median(values),
        "penalized log P, share below -10": (values < -10).mean(),
    }
    console.OUT.print(title)
    for name, value in lines.items():
        console.OUT.print(f"  {name:<34} {value:>8.3f}")


def _decoder(method: Method) -> Sequences:
    if not isinstance(method.decoder, Sequences) or not method.decoder.language.name.startswith("smiles"):
        raise BadInput("the run writes no molecules: name one that was trained on nci or zinc")
    return method.decoder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.molecules", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a saved run")
    parser.add_argument("--density", default="prior", help=f"of codes, one of {', '.join(densities.names())}")
    parser.add_argument("--count", type=int, default=2000, help="molecules to draw (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    return parser


if __name__ == "__main__":
    console.run(main)
