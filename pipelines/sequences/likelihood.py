"""p(x | z) for sequences: every symbol from the softmax over those that may stand at its place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from methods.core.base import Decoder
from pipelines.sequences import languages
from pipelines.sequences.language import Language

NOTHING = -1e9
"""The score of a symbol that cannot be: exp of it is 0, and unlike that of -inf its differences are numbers."""


class Sequences(Decoder):
    """The network scores all symbols at all places from z alone; the language says which may stand there.

    log p(x|z) = sum_t log softmax(scores_t over the symbols allowed after x_1 .. x_(t-1))[x_t], so the probabilities of
    all strings that fit sum to one. With a grammar these are the rules for the left-most nonterminal whose derivation
    can still be finished.

    Args:
        network: (B, code) -> (B, length, symbols).
        language: of the sequences.
    """

    def __init__(self, network: nn.Module, language: Language) -> None:
        super().__init__()
        self.network, self.language = network, language

    def log_prob(self, x: Float[Tensor, "B length symbols"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        return self._log_prob(x.argmax(-1), self.network(z))

    def log_prob_of_each(
        self, x: Float[Tensor, "B k length symbols"], z: Float[Tensor, "B code"]
    ) -> Float[Tensor, "B k"]:
        k = x.shape[1]
        logits = self.network(z).repeat_interleave(k, 0)
        return self._log_prob(x.argmax(-1).flatten(0, 1), logits).unflatten(0, (-1, k))

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B length symbols"]:
        """Probabilities of the symbols at every place, after the symbols of the greedy string before it.

        The expectation over all strings before it has no closed form. Differentiable in z while the string stays.
        """
        logits = self.network(z)
        allowed = self.language.allowed(self.language.greedy(logits.detach()).long())
        return logits.masked_fill(~allowed, NOTHING).softmax(-1)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B length symbols"]:
        return F.one_hot(self.draw(z).long(), self.language.symbols).to(z.dtype)

    @torch.no_grad()
    def greedy(self, z: Float[Tensor, "B code"]) -> UInt8[Tensor, "B length"]:
        """The most probable symbol at every place after those before it."""
        return self.language.greedy(self.network(z))

    def draw(
        self, z: Float[Tensor, "B code"], *, generator: torch.Generator | None = None
    ) -> UInt8[Tensor, "B length"]:
        """A string for every code, drawn from p(x|z), as numbers of symbols."""
        return next(self.draws(z, 1, generator=generator))

    @torch.no_grad()
    def draws(
        self, z: Float[Tensor, "B code"], count: int, *, generator: torch.Generator | None = None
    ) -> Iterator[UInt8[Tensor, "B length"]]:
        """`count` strings for every code, one after the other."""
        logits = self.network(z)
        for _ in range(count):
            yield self.language.sample(logits, generator=generator)

    def strings(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        """What sequences stand for; empty for one that stands for nothing."""
        return self.language.write(sequences)

    def _log_prob(
        self, symbols: Int[Tensor, "B length"], logits: Float[Tensor, "B length symbols"]
    ) -> Float[Tensor, " B"]:
        masked = logits.masked_fill(~self.language.allowed(symbols), NOTHING)
        chosen = masked.gather(2, symbols.unsqueeze(2)).squeeze(2)
        return (chosen - masked.logsumexp(2)).sum(1)


class CrossEntropies(Sequences):
    """The loss of the grammar variational autoencoder in place of log p(x|z): minus the sum of the *binary*
    cross-entropies of all entries of the one-hot matrix x, the probabilities normalized over the allowed symbols.

    The authors take means: over all entries times the length, beside the mean of the rate over the latent dimensions.
    Up to a factor that is this sum beside the rate times symbols / latent, 0.48 for expressions and 1.36 for ZINC: the
    `beta` of `beta_vae`.

    Source: Kusner et al. 2017, `vae_loss` and `conditional` of the authors' code.
    """

    def _log_prob(
        self, symbols: Int[Tensor, "B length"], logits: Float[Tensor, "B length symbols"]
    ) -> Float[Tensor, " B"]:
        p = logits.masked_fill(~self.language.allowed(symbols), NOTHING).softmax(2).clamp(1e-7, 1 - 1e-7)
        on = p.gather(2, symbols.unsqueeze(2)).squeeze(2)
        return ((-p).log1p().sum(2) - (-on).log1p() + on.log()).sum(1)


def build(name: str, network: nn.Module, length: int) -> Sequences:
    """The likelihood `name`, one of `languages.likelihoods()`, over a network's scores.

    Raises:
        BadInput: an unknown name.
    """
    kind = CrossEntropies if languages.penalized(name) else Sequences
    return kind(network, languages.language(name, length))
