"""How well a method's decoder writes strings: what it gets back, and what is new, valid and varied."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.isolation import isolated
from pipelines.sequences import languages
from pipelines.sequences.likelihood import Sequences
from pipelines.sequences.validity import Canonical, canonical


def string_metrics(
    method: Method, dataset: Dataset, *, rows: int = 1000, attempts: int = 25, seed: int = 0, size: int = 500
) -> dict[str, float]:
    """Shares between 0 and 1, on the first `rows` test strings and as many draws from the method's prior.

    Of test strings, decoded from their mean codes:

    - `exact_reconstruction`: greedily decoded into the same string;
    - `token_accuracy`: symbols, without padding, that the greedy sequence has at the same place;
    - `validity_greedy`, `validity_sampled`: greedily, or once at random, decoded into a valid string;
    - `validity_attempts`: into a valid one in at least one of `attempts` random decodings.

    Of greedily decoded prior draws:

    - `prior_validity`: valid;
    - `uniqueness`: distinct molecules, or expressions, among the valid ones; NaN where none is valid;
    - `novelty`: of the distinct ones, those that are no training string; NaN where none is valid.

    Valid is what `pipelines.sequences.validity` says; training strings count as they are written in the data.

    Raises:
        BadInput: the method does not write strings, or `rows` or `attempts` is less than 1.
    """
    decoder = _decoder(method)
    if rows < 1 or attempts < 1:
        raise BadInput(f"rows and attempts must be at least 1, got {rows} and {attempts}")
    test = dataset.data.test.head(rows).to(next(method.parameters()).device)
    valid = canonical(dataset.likelihood)
    with isolated(method, seed):
        codes = torch.cat([method.posterior(batch.grey, batch.y).mean for batch in test.batches(size)])
        parts = [scores(method, part) for part in codes.split(size)]
        found = _of_codes(decoder, parts, test.x, valid, attempts)
        draws = method.prior().sample(torch.Size([rows]))
        written = [text for part in draws.split(size) for text in _greedy(decoder, scores(method, part))]
    return found | _of_draws(written, dataset, valid)


@torch.no_grad()
def scores(method: Method, z: Float[Tensor, "B latent"]) -> Float[Tensor, "B length symbols"]:
    """What the network of a method's decoder of strings says to codes, whatever the method does to codes before.

    Raises:
        BadInput: the method does not write strings.
    """
    seen: list[Tensor] = []
    handle = _decoder(method).network.register_forward_hook(lambda network, given, scored: seen.append(scored))
    try:
        method.decode(z)
    finally:
        handle.remove()
    return seen[-1]


def _decoder(method: Method) -> Sequences:
    if not isinstance(method.decoder, Sequences):
        raise BadInput("these metrics are of strings: the method decodes into something else")
    return method.decoder


def _of_codes(
    decoder: Sequences, parts: list[Tensor], symbols: UInt8[Tensor, "N length"], valid: Canonical, attempts: int
) -> dict[str, float]:
    greedy = torch.cat([decoder.language.greedy(part) for part in parts])
    sampled = [[valid(text) is not None for part in parts for text in _drawn(decoder, part)] for _ in range(attempts)]
    own = symbols != decoder.language.padding
    return {
        "exact_reconstruction": _share((greedy == symbols).all(1)),
        "token_accuracy": _share((greedy == symbols)[own]),
        "validity_greedy": _share([valid(text) is not None for text in decoder.strings(greedy)]),
        "validity_sampled": _share(sampled[0]),
        "validity_attempts": _share(torch.tensor(sampled).any(0)),
    }


def _of_draws(written: list[str], dataset: Dataset, valid: Canonical) -> dict[str, float]:
    found = [meaning for meaning in map(valid, written) if meaning is not None]
    train = dataset.data.train.x
    known = set(languages.language(dataset.likelihood, train.shape[1]).write(train))
    return {
        "prior_validity": len(found) / len(written),
        "uniqueness": len(set(found)) / len(found) if found else math.nan,
        "novelty": len(set(found) - known) / len(set(found)) if found else math.nan,
    }


def _greedy(decoder: Sequences, logits: Float[Tensor, "B length symbols"]) -> list[str]:
    return decoder.strings(decoder.language.greedy(logits))


def _drawn(decoder: Sequences, logits: Float[Tensor, "B length symbols"]) -> list[str]:
    return decoder.strings(decoder.language.sample(logits))


def _share(values: Tensor | Sequence[bool]) -> float:
    return torch.as_tensor(values).double().mean().item()
