"""How well a method's decoder writes strings: what it gets back, and what is new, valid and varied."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from methods.core.base import Data, Method, Split
from methods.core.errors import BadInput
from pipelines.metrics.isolation import isolated
from pipelines.metrics.subject import Measured, NotMeasurable, Subject
from pipelines.sequences.likelihood import Sequences
from pipelines.sequences.validity import Canonical, canonical

_SIZE = 500  # codes decoded at a time


def writes_strings(method: Method) -> bool:
    """Does the method decode codes into strings?"""
    return isinstance(method.decoder, Sequences)


def reconstruction_of_each(
    method: Method, symbols: Int[Tensor, "B length"], codes: Float[Tensor, "B latent"]
) -> dict[str, Float[Tensor, " B"]]:
    """Of every string, greedily decoded from its code, values between 0 and 1:

    - `exact_reconstruction`: is it the same string?
    - `token_accuracy`: the share of its symbols, without padding, that stand at the same place;
    - `validity_greedy`: is it valid, as `pipelines.sequences.validity` says?

    Raises:
        BadInput: the method does not write strings.
    """
    decoder = _decoder(method)
    written = greedy(method, codes)
    right, own = written == symbols, symbols != decoder.language.padding
    valid = canonical(decoder.language.name)
    return {
        "exact_reconstruction": right.all(1).float(),
        "token_accuracy": (right & own).sum(1) / own.sum(1),
        "validity_greedy": symbols.new_tensor(_are(valid, decoder.strings(written)), dtype=torch.float32),
    }


def string_metrics(
    method: Method, data: Data, *, split: Split | None = None, rows: int = 1000, attempts: int = 25, seed: int = 0
) -> dict[str, float]:
    """Shares between 0 and 1, on the first `rows` rows of a split and as many draws from the method's prior.

    The three of `reconstruction_of_each`, and of strings drawn from p(x|z) at mean codes z:

    - `validity_sampled`: the first draw is valid;
    - `validity_attempts`: one of `attempts` draws is valid.

    Of greedily decoded prior draws:

    - `prior_validity`: valid;
    - `uniqueness`: distinct molecules, or expressions, among the valid ones; NaN where none is valid;
    - `novelty`: of the distinct ones, those that are no training string; NaN where none is valid.

    Valid is what `pipelines.sequences.validity` says; training strings count as they are written in the data.

    Args:
        split: default: the test split of `data`.

    Raises:
        BadInput: the method does not write strings, or `rows` or `attempts` is less than 1.
    """
    decoder = _decoder(method)
    if rows < 1 or attempts < 1:
        raise BadInput(f"rows and attempts must be at least 1, got {rows} and {attempts}")
    measured = (split or data.test).head(rows).to(next(method.parameters()).device)
    with isolated(method, seed):
        codes = torch.cat([method.posterior(batch.grey, batch.y).mean for batch in measured.batches(_SIZE)])
        parts = list(zip(measured.x.long().split(_SIZE), codes.split(_SIZE), strict=True))
        each = [reconstruction_of_each(method, symbols, part) for symbols, part in parts]
        found = {name: _share(torch.cat([values[name] for values in each])) for name in each[0]}
        found |= _of_sampled(method, [part for _, part in parts], attempts)
        draws = method.prior().sample(torch.Size([rows])).split(_SIZE)
        written = [text for part in draws for text in decoder.strings(greedy(method, part))]
    return found | _of_draws(written, data, decoder)


def measure(subject: Subject) -> Measured:
    """Those of `string_metrics` that `evaluate` does not return."""
    if not writes_strings(subject.method):
        raise NotMeasurable("the data are no strings")
    settings = subject.settings
    found = string_metrics(
        subject.method,
        subject.data,
        split=subject.split,
        rows=settings.rows,
        attempts=settings.attempts,
        seed=settings.seed,
    )
    names = ("validity_sampled", "validity_attempts", "prior_validity", "uniqueness", "novelty")
    values = {name: found[name] for name in names if not math.isnan(found[name])}
    missing = {name: "no draw of the prior is valid" for name in names if name not in values}
    return Measured(values, {"strings": min(settings.rows, len(subject.split))}, missing)


@torch.no_grad()
def greedy(method: Method, z: Float[Tensor, "B latent"]) -> UInt8[Tensor, "B length"]:
    """The most probable symbols that a method's decoder writes for codes, one after the other.

    Raises:
        BadInput: the method does not write strings.
    """
    return _decoder(method).greedy(_given(method, z))


def _given(method: Method, z: Float[Tensor, "B latent"]) -> Float[Tensor, "B code"]:
    """What the decoder is given for codes, whatever the method does to them before."""
    decoder = _decoder(method)
    seen: list[Tensor] = []

    def mean(code: Tensor) -> Tensor:
        seen.append(code)
        return code.new_zeros(len(code), decoder.language.length, decoder.language.symbols)

    decoder.__dict__["mean"] = mean  # in place of the probabilities, which take longer than the string
    try:
        method.decode(z)
    finally:
        del decoder.__dict__["mean"]
    return seen[-1]


def _decoder(method: Method) -> Sequences:
    if not isinstance(method.decoder, Sequences):
        raise BadInput("these metrics are of strings: the method decodes into something else")
    return method.decoder


def _of_sampled(method: Method, parts: Sequence[Tensor], attempts: int) -> dict[str, float]:
    """Of strings drawn for every code, part by part."""
    decoder = _decoder(method)
    valid = canonical(decoder.language.name)
    found = []
    for part in parts:
        draws = decoder.draws(_given(method, part), attempts)
        found.append(torch.tensor([_are(valid, decoder.strings(drawn)) for drawn in draws]))
    sampled = torch.cat(found, 1)
    return {"validity_sampled": _share(sampled[0]), "validity_attempts": _share(sampled.any(0))}


def _of_draws(written: list[str], data: Data, decoder: Sequences) -> dict[str, float]:
    valid = canonical(decoder.language.name)
    found = [meaning for meaning in map(valid, written) if meaning is not None]
    known = set(decoder.strings(data.train.x))
    return {
        "prior_validity": len(found) / len(written),
        "uniqueness": len(set(found)) / len(found) if found else math.nan,
        "novelty": len(set(found) - known) / len(set(found)) if found else math.nan,
    }


def _are(valid: Canonical, texts: list[str]) -> list[bool]:
    return [valid(text) is not None for text in texts]


def _share(values: Tensor) -> float:
    return values.double().mean().item()
