"""SELFIES whose decoding is reluctant to close large rings, or to write rings that come to nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from pipelines.grammar.decoding import Step
from pipelines.sequences import selfies_language
from pipelines.sequences.language import Tokens
from pipelines.sequences.selfies_growth import Growth
from pipelines.sequences.selfies_spelling import spelling

MOST = 6
"""Atoms in the largest ring that costs nothing."""

COST = 8.0
"""Nats by which the score of a symbol is reduced that closes a larger ring: others may be 3,000 times less probable."""


class SmallRings(Tokens):
    """`Tokens` of SELFIES, whose decoding takes `COST` off the scores of symbols that

    - close a ring of more than `MOST` atoms, by the shortest way round when it is closed, or leave no other choice;
    - make SELFIES drop a ring, for want of a bond: others would be larger without;
    - end the molecule within the number of a ring, which SELFIES then take for another one.

    What a code says clearly is written all the same, so molecules with large rings are not lost. It is a rule of
    decoding: log p(x|z) is that of the language without it.

    Args:
        tokens: SELFIES tokens, or sequences of them.
        length: of every sequence.
    """

    def __init__(self, tokens: Sequence[str], length: int) -> None:
        super().__init__(tokens, length, spell=selfies_language.written, unspell=selfies_language.read)
        self._spelling = spelling(tokens)

    def greedy(self, logits: Float[Tensor, "B length symbols"]) -> UInt8[Tensor, "B length"]:
        return self.unrolled(lambda place, previous: logits[:, place], len(logits))

    @torch.no_grad()
    def unrolled(self, scores: Step, batch: int) -> UInt8[Tensor, "B length"]:
        first = scores(0, None).detach().clone()
        first[:, self.padding] = -torch.inf  # no string is empty
        growth = Growth(batch, self._spelling.facts.to(first.device))
        chosen = [self._choose(first, growth)]
        for place in range(1, self.length):
            ended = chosen[-1] == self.padding
            best = torch.full_like(chosen[-1], self.padding)
            rows = (~ended).nonzero().squeeze(1)
            own = scores(place, chosen[-1]).detach()[rows]
            some = growth.of(rows)
            best[rows] = self._choose(own, some)
            growth.put(rows, some)
            chosen.append(best)
        return torch.stack(chosen, 1).to(torch.uint8)

    def _choose(self, scores: Float[Tensor, "B symbols"], growth: Growth) -> Int[Tensor, " B"]:
        """The best symbols, the cost taken off. The molecules grow by them. `scores` are changed."""
        parts = self._spelling.parts.to(scores.device)
        chosen = scores.argmax(1)
        charged = torch.zeros_like(scores, dtype=torch.bool)
        rows = torch.arange(len(scores), device=scores.device)
        grown = growth.of(rows)
        while len(rows):
            best = scores[rows].argmax(1)
            chosen[rows] = best
            tried = growth.of(rows)
            for token in parts[best].unbind(1):
                tried.read(token)
            grown.put(rows, tried)
            costs = self._is_costly(tried, growth.of(rows), best) & ~charged[rows, best]
            rows, best = rows[costs], best[costs]
            scores[rows, best] -= COST
            charged[rows, best] = True
        growth.put(torch.arange(len(scores), device=scores.device), grown)
        return chosen

    def _is_costly(self, after: Growth, before: Growth, symbol: Int[Tensor, " B"]) -> Bool[Tensor, " B"]:
        closes = (after.largest > MOST) & (after.largest > before.largest)
        loses = after.lost > before.lost
        will_close = after.nearest() > MOST
        return closes | will_close | loses | ((symbol == self.padding) & after.reading)
