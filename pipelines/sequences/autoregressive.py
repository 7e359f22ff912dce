"""p(x | z) of networks that see the symbols before the one they score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.grammar.decoding import Step, perturbed
from pipelines.sequences.language import Language
from pipelines.sequences.likelihood import NOTHING, Sequences


class Writer(nn.Module, ABC):
    """A network that scores a symbol from the code and symbols before it."""

    @abstractmethod
    def forward(
        self, z: Float[Tensor, "B code"], symbols: Int[Tensor, "B length"], places: Int[Tensor, " N"] | None = None
    ) -> Float[Tensor, "*places symbols"]:
        """Scores at places of given sequences, each after the true symbols before it.

        Args:
            places: numbers of places, row * length + place: the scores are (N, symbols). By default all places:
                (B, length, symbols).
        """

    @abstractmethod
    def steps(self, z: Float[Tensor, "B code"]) -> Step:
        """The same place after place, each after the symbol that was chosen last. To be called in order, once each."""


class Autoregressive(Sequences):
    """log p(x|z) = sum_t log softmax(scores(z, x_1 .. x_(t-1)) over the symbols allowed after these)[x_t].

    Greedy strings and draws are written one symbol after the other.

    Args:
        network: a `Writer`.
        language: of the sequences.
    """

    network: Writer

    def __init__(self, network: Writer, language: Language) -> None:
        super().__init__(network, language)

    def log_prob(self, x: Float[Tensor, "B length symbols"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        symbols = x.argmax(-1)
        places = _open(symbols, self.language.padding)
        scores = self.network(z, symbols, places)
        masked = scores.masked_fill(~self.language.allowed(symbols).flatten(0, 1)[places], NOTHING)
        chosen = masked.gather(1, symbols.flatten()[places].unsqueeze(1)).squeeze(1)
        return z.new_zeros(len(z)).index_add(0, places // symbols.shape[1], chosen - masked.logsumexp(1))

    def log_prob_of_each(
        self, x: Float[Tensor, "B k length symbols"], z: Float[Tensor, "B code"]
    ) -> Float[Tensor, "B k"]:
        return self.log_prob(x.flatten(0, 1), z.repeat_interleave(x.shape[1], 0)).unflatten(0, (-1, x.shape[1]))

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B length symbols"]:
        """Probabilities of the symbols at every place, after the symbols of the greedy string before it.

        Differentiable in z while the string stays.
        """
        return self._probabilities(self.greedy(z.detach()).long(), z)

    def mean_given(
        self, x: Float[Tensor, "B length symbols"], z: Float[Tensor, "B code"]
    ) -> Float[Tensor, "B length symbols"]:
        return self._probabilities(x.argmax(-1), z)

    @torch.no_grad()
    def greedy(self, z: Float[Tensor, "B code"]) -> UInt8[Tensor, "B length"]:
        return self.language.unrolled(self.network.steps(z), len(z))

    @torch.no_grad()
    def draws(
        self, z: Float[Tensor, "B code"], count: int, *, generator: torch.Generator | None = None
    ) -> Iterator[UInt8[Tensor, "B length"]]:
        for _ in range(count):
            scores = self.network.steps(z)
            yield self.language.unrolled(_noisy(scores, generator), len(z))

    def _probabilities(
        self, symbols: Int[Tensor, "B length"], z: Float[Tensor, "B code"]
    ) -> Float[Tensor, "B length symbols"]:
        return self.network(z, symbols).masked_fill(~self.language.allowed(symbols), NOTHING).softmax(-1)


class WithMemory(Writer):
    """A plan of all places from the code, and a recurrent layer that follows it and sees the symbol before.

    The plan, a network of two hidden layers, knows roughly what stands where; the recurrent layer writes it down so
    that every symbol fits those before it. Its first state is a function of the code.

    Args:
        code: size of a code.
        hidden: units of the recurrent layer.
        length: of a sequence.
        symbols: how many there are.
        units: of the plan's hidden layers.
        features: of a place in the plan.
        embedded: size of the vector of a symbol.
    """

    def __init__(
        self,
        code: int,
        hidden: int,
        *,
        length: int,
        symbols: int,
        units: int,
        features: int,
        embedded: int,
    ) -> None:
        super().__init__()
        self.symbols = symbols
        self.plan = nn.Sequential(
            nn.Linear(code, units),
            nn.ReLU(),
            nn.Linear(units, units),
            nn.ReLU(),
            nn.Linear(units, length * features),
            nn.Unflatten(1, (length, features)),
        )
        self.first = nn.Linear(code, hidden)
        self.embedding = nn.Embedding(symbols + 1, embedded)  # the last one stands before all others
        self.memory = nn.GRU(features + embedded, hidden, batch_first=True)
        self.scores = nn.Linear(hidden + features, symbols)

    def forward(
        self, z: Float[Tensor, "B code"], symbols: Int[Tensor, "B length"], places: Int[Tensor, " N"] | None = None
    ) -> Float[Tensor, "*places symbols"]:
        plan = self.plan(z)
        before = self.embedding(F.pad(symbols[:, :-1], (1, 0), value=self.symbols))
        hidden, _ = self.memory(torch.cat([plan, before], 2), self._start(z))
        known = torch.cat([hidden, plan], 2)
        return self.scores(known if places is None else known.flatten(0, 1)[places])

    def steps(self, z: Float[Tensor, "B code"]) -> Step:
        plan, state = self.plan(z), self._start(z)
        start = torch.full((len(z),), self.symbols, device=z.device)

        def scores(place: int, previous: Int[Tensor, " B"] | None) -> Float[Tensor, "B symbols"]:
            nonlocal state
            before = self.embedding(start if previous is None else previous)
            here = plan[:, place]
            hidden, state = self.memory(torch.cat([here, before], 1).unsqueeze(1), state)
            return self.scores(torch.cat([hidden.squeeze(1), here], 1))

        return scores

    def _start(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "1 B hidden"]:
        return self.first(z).tanh().unsqueeze(0)


def _noisy(scores: Step, generator: torch.Generator | None) -> Step:
    """Scores whose largest is a draw from their softmax."""
    return lambda place, previous: perturbed(scores(place, previous), generator=generator)


def _open(symbols: Int[Tensor, "B length"], padding: int) -> Int[Tensor, " N"]:
    """Numbers of the places where something is to be said: after the first padding only padding can follow.

    On a GPU all places, for it would have to be waited for.
    """
    if symbols.is_cuda:
        return torch.arange(symbols.numel(), device=symbols.device)
    is_padding = symbols == padding
    return (is_padding.cumsum(1) <= is_padding.long()).flatten().nonzero().squeeze(1)
