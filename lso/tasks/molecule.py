"""Find a molecule with a high score, among those of a limited size or of any.

Stereochemistry is left out: no score here depends on it. A molecule is a SMILES string; what is too large means nothing
and is not scored.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lso.breeding import Breeds
from lso.graph_breeding import GraphBreeder
from lso.outside import Outside
from lso.task import Published, Start, Task, Values
from lso.tasks import molecule_pool, molecule_score
from lso.tasks import molecule_reading as reading
from methods.core.errors import BadInput, unknown
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import cache, languages, starts, string_data
from pipelines.sequences.language import Language

RANDOM_START = "random_2000"
"""A start protocol of this task alone: 2,000 random molecules, or another number."""

_BRED = "smiles_selfies"  # of whose tokens children are made
_SECONDS = 60.0  # that scoring one molecule may take; it takes milliseconds, and more on a busy machine


class Molecule(Task):
    """Molecules scored by one of several objectives; higher is better.

    Args:
        objective: `penalized_logp`, `penalized_logp_qed` (0 is best without a QED of 0.5), `qed`, or one of GuacaMol's.
        data: `nci`, the molecules inside RDKit, or `zinc`, a fixed random part of ZINC250k.
        size: most heavy atoms; None for no limit: penalized log P then has none either, and the best molecules are
            shown beside the unbranched alkanes of their sizes.
        normalization: of penalized log P, `gcpn` or `tripp`, from publications, or `data`, computed from the data.

    Raises:
        BadInput: an unknown name, a size below 1, or RDKit is not installed.
    """

    name = "molecule"
    maximize = True
    reads = "smiles"
    counts = True
    decoder_steps = 2000
    decoder_settings: ClassVar[Mapping[str, Any]] = {
        "method": "rae",
        "network": "autoregressive_mlp",
        "latent": 56,
        "batch_size": 100,
        "learning_rate": 4e-3,
        "schedule": "cosine",
        "clip": 5.0,
    }

    def __init__(
        self, objective: str = "penalized_logp", data: str = "nci", size: int | None = 38, normalization: str = "gcpn"
    ) -> None:
        try:
            from rdkit import RDLogger
        except ImportError as error:
            raise BadInput("molecules need RDKit: pip install rdkit selfies") from error
        RDLogger.DisableLog("rdApp.*")
        from lso.tasks.penalized_logp import NORMALIZATIONS

        if objective not in molecule_score.NAMES:
            raise unknown("objective of molecules", objective, molecule_score.NAMES)
        if data not in molecule_pool.DATA:
            raise unknown("set of molecules", data, molecule_pool.DATA)
        if normalization not in (*NORMALIZATIONS, "data"):
            raise unknown("normalization", normalization, [*NORMALIZATIONS, "data"])
        if size is not None and size < 1:
            raise BadInput(f"the size limit must be at least 1 heavy atom, got {size}")
        self.objective, self.data, self.size, self.normalization = objective, data, size, normalization

    def readable(self, string: str) -> str | None:
        return string if reading.canonical(string) is not None and reading.heavy(string) <= self._limit else None

    def canonical(self, string: str) -> str | None:
        return reading.canonical(string)

    def descriptor(self, strings: Sequence[str]) -> Values:
        """Counts of the circular fragments of radius 2, hashed into 1,024."""
        return np.stack([reading.fingerprint(reading.canonical(string) or "") for string in strings])

    def score(self, strings: Sequence[str]) -> list[float]:
        """In a process of its own: a molecule on which RDKit hangs or crashes has a bad score, and ends nothing."""
        terms = [list(term) for term in self._terms]
        found = _scorer()([[self.objective, terms, reading.canonical(string) or ""] for string in strings])
        worst = molecule_score.worst(self.objective)
        return [worst if score is None else score for score in found]

    def start(self, protocol: str, seed: int) -> Start:
        from lso.tasks.penalized_logp import synthesis

        synthesis(reading.molecule("C"))  # an RDKit without what scores need says so here, and not by bad scores
        pool = self.pool()
        count = _random_count(protocol)
        if count:
            rows = np.random.RandomState(seed).permutation(len(pool))[:count]
            scores = np.array(self.score([pool[row] for row in rows]))
            return Start([pool[row] for row in rows], scores)
        if protocol not in starts.names():
            raise unknown("start", protocol, [RANDOM_START, *starts.names()])
        rows = starts.molecule_start(protocol, -self._pool_scores(), seed=seed).optimizer
        return Start([pool[row] for row in rows], self._pool_scores()[rows])

    def training(self, protocol: str, seed: int) -> tuple[str, Dataset]:
        pool = self.pool()
        rows = np.arange(len(pool))
        if not _random_count(protocol):
            rows = starts.molecule_start(protocol, -self._pool_scores(), seed=seed).autoencoder
        found = cache.encoded(f"molecules-{self.data}", pool, languages.language(molecule_pool.LANGUAGE))
        kept = found.sequences[torch.isin(found.rows, torch.from_numpy(rows))]
        return "zinc_fragments", string_data.cut(molecule_pool.LANGUAGE, string_data.shuffled(kept), parts=20)

    def breeding(self) -> Language:
        return languages.language(_BRED)

    def breeders(self) -> Mapping[str, Breeds]:
        return {"bred": GraphBreeder()}

    def published(self, protocol: str) -> Sequence[Published]:
        """The unbranched alkane of the largest size: what wins penalized log P, and nothing else here."""
        del protocol
        return () if self.size is None else (Published(f"alkane C{self.size}", self._alkane(self.size), 0),)

    def settings(self) -> Mapping[str, Any]:
        names = ("objective", "data", "size", "normalization")
        return {name: getattr(self, name) for name in names}

    def properties(self, string: str) -> Mapping[str, Any]:
        """Size, rings and what else decides whether a molecule makes sense. Without rings it is flagged."""
        from rdkit.Chem import QED, Crippen, rdMolDescriptors

        from lso.tasks.penalized_logp import synthesis

        molecule = reading.molecule(reading.canonical(string) or "")
        rings, atoms = rdMolDescriptors.CalcNumRings(molecule), molecule.GetNumHeavyAtoms()
        beside = {"alkane of this size": self._alkane(atoms)} if self.size is None else {}
        return {
            "heavy atoms": atoms,
            "rings": rings if rings else "0 (!)",
            "log P": float(Crippen.MolLogP(molecule)),
            "SA": synthesis(molecule),
            "QED": float(QED.qed(molecule)),
            "known": "yes" if reading.canonical(string) in self._pool_set else "no",
        } | beside

    def doubt(self, string: str) -> str | None:
        """Chains win penalized log P, and are not what anybody looks for."""
        from rdkit.Chem import rdMolDescriptors

        return None if rdMolDescriptors.CalcNumRings(reading.molecule(reading.canonical(string) or "")) else "no ring"

    def figure(self, best: Sequence[tuple[str, float]]) -> Figure:
        from lso.tasks.molecule_figure import figure

        return figure(
            [(reading.molecule(reading.canonical(text) or ""), score, self.properties(text)) for text, score in best]
        )

    def pool(self) -> list[str]:
        """Canonical SMILES without stereochemistry, no larger than the limit, that decoders can write."""
        return [
            text
            for text, size in zip(molecule_pool.molecules(self.data), molecule_pool.sizes(self.data), strict=True)
            if size <= self._limit
        ]

    @property
    def _limit(self) -> float:
        return math.inf if self.size is None else self.size

    def _alkane(self, atoms: int) -> float:
        """The score of the unbranched alkane of this size."""
        (score,) = self.score(["C" * atoms])
        return score

    @functools.cached_property
    def _pool_set(self) -> frozenset[str]:
        return frozenset(molecule_pool.molecules(self.data))

    def _pool_scores(self) -> NDArray[np.float64]:
        pool = self.pool()
        sources = [*map(str, self.settings().values()), *pool]
        return cache.kept(
            f"molecules-{self.data}-scores", sources, lambda: {"scores": np.array(self.score(pool))}
        )["scores"].astype(np.float64)  # fmt: skip

    @functools.cached_property
    def _terms(self) -> Any:
        from lso.tasks.penalized_logp import NORMALIZATIONS, Terms, measured

        if self.normalization != "data":
            return NORMALIZATIONS[self.normalization]
        pool = self.pool()
        found = cache.kept(
            f"molecules-{self.data}-terms",
            [str(self.size), *pool],
            lambda: {"terms": np.array(measured([reading.molecule(text) for text in pool]))},
        )
        return Terms(*((float(mean), float(deviation)) for mean, deviation in found["terms"]))


def _random_count(protocol: str) -> int:
    """Of `random_2000`, 2000; 0 for another protocol."""
    head, _, count = protocol.partition("_")
    return int(count) if head == "random" and count.isdigit() else 0


@functools.cache
def _scorer() -> Outside:
    return Outside(molecule_score.FUNCTION, seconds=_SECONDS, first=molecule_score.FIRST)
