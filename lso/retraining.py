"""Weighted retraining: an autoencoder that follows the optimum.

A copy of a trained method is trained further on strings with known costs, the good ones far more often than the others,
so that more of its latent space stands for strings like them.

Source: Tripp et al. 2020, Sec. 3.2. The weighted objective is estimated as there: by drawing rows with their weights,
with replacement, so that any method is trained by its own loss.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from lso.strings import StringSpace
from methods.core.base import Data, Method, Split
from methods.core.errors import BadInput
from pipelines.grammar.parser import Refused
from pipelines.optimizers import Optimizers
from pipelines.sequences.language import Language
from pipelines.training import NotFinite, TermMeans

_STEPS, _BATCH, _RATE, _CLIP = 50, 250, 1e-3, 5.0
_TRAINED = 1 << 20  # an epoch by which every warm-up is over


def rank_weights(costs: NDArray[np.float64], *, k: float = 1e-3) -> NDArray[np.float64]:
    """Weights proportional to 1 / (k N + rank), which sum to 1; the lowest cost has rank 0.

    Args:
        costs: of N strings.
        k: how little the best ones weigh more: k = infinity is uniform, k = 0 the best one alone.
    """
    ranks = np.empty(len(costs))
    ranks[np.argsort(costs, kind="stable")] = np.arange(len(costs))
    weights = 1 / (k * len(costs) + ranks)
    return weights / weights.sum()


def retrained(space: StringSpace, strings: Sequence[str], costs: NDArray[np.float64], *, seed: int) -> StringSpace:
    """The latent space of a copy that was trained on strings, weighted by the ranks of their costs.

    Args:
        space: of the method; it stays as it is.
        strings: with known costs. Those that the method's language has not are left out.
        costs: theirs, low ones good.
        seed: of the rows and of the method's noise. The state of torch's random numbers stays as it was.

    Raises:
        BadInput: no string can be learned, or the method cannot be trained on other rows than it was.
    """
    language = space.language
    drawn = np.random.default_rng(seed).choice(len(strings), _STEPS * _BATCH, p=rank_weights(costs))
    rows = _encoded(language, [strings[place] for place in drawn])
    if not len(rows):
        raise BadInput("none of the known strings can be encoded: the decoder cannot be retrained on them")
    # The language keeps what it has parsed, and has nothing that is trained.
    method = copy.deepcopy(space.space.method, {id(language): language}).requires_grad_(True)
    split = Split(rows, rows, symbols=language.symbols)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            _train(method, Data(split, split, split))
        except (NotFinite, RuntimeError, LookupError) as error:
            reason, name = str(error).splitlines()[0], type(method).__name__
            raise BadInput(
                f"{name} cannot be trained on other rows than its own ({reason}): choose another optimizer"
            ) from error
    _check_moved(method, space.space.method)
    return StringSpace(method)


def _check_moved(method: Method, before: Method) -> None:
    """Methods of several stages may have left their decoder behind."""
    pairs = zip(method.decoder.parameters(), before.decoder.parameters(), strict=True)
    if all(torch.equal(now, then) for now, then in pairs):
        raise BadInput(f"{type(method).__name__} trains no decoder in its last stage: choose another optimizer")


def _train(method: Method, data: Data) -> None:
    """One pass over the rows, by the method's own updates."""
    optimizers, means = Optimizers(method, _RATE, clip=_CLIP), TermMeans()
    with torch.no_grad():
        method.eval().start_epoch(_TRAINED, data)
    method.train()
    for batch in data.train.batches(_BATCH):
        for terms, parts in method.updates(batch):
            optimizers.step(means.add(terms, len(batch)), parts)
    means.read()
    with torch.no_grad():
        method.eval().finish(data)


def _encoded(language: Language, strings: Sequence[str]) -> UInt8[Tensor, "N length"]:
    found: dict[str, bytes] = {}
    for string in dict.fromkeys(strings):
        try:
            found[string] = language.encode(string)
        except Refused:
            continue
    data = b"".join(found[string] for string in strings if string in found)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, language.length) if data else torch.empty(0)
