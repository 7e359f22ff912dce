"""A decoder that sees the code and the last twelve symbols, with no memory: all places are trained on at once."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.grammar.decoding import Step
from pipelines.sequences.autoregressive import Writer
from pipelines.sequences.residual import residual


class WithWindow(Writer):
    """A plan of all places from the code, and two layers that see a place of it and the last `WINDOW` symbols.

    The plan knows what stands where; the layers see to it that neighbors fit. Their work on a place does not wait for
    the place before, as that of a recurrent layer does, so a step of training is a few large products of matrices.

    Args:
        code: size of a code.
        length: of a sequence.
        symbols: how many there are.
        units: of the plan's layers.
        features: of a place in the plan.
        hidden: units of the second layer; the first has twice as many.
        embedded: size of the vector of a symbol.
    """

    WINDOW = 12

    def __init__(
        self, code: int, *, length: int, symbols: int, units: int, features: int, hidden: int, embedded: int
    ) -> None:
        super().__init__()
        self.symbols = symbols
        self.plan = nn.Sequential(residual(code, units, length * features), nn.Unflatten(1, (length, features)))
        self.embedding = nn.Embedding(symbols + 1, embedded)  # the last one stands before all others
        self.fit = nn.Sequential(
            nn.Linear(features + self.WINDOW * embedded, 2 * hidden),
            nn.ReLU(),
            nn.Linear(2 * hidden, hidden),
            nn.ReLU(),
        )
        self.scores = nn.Linear(hidden + features, symbols)

    def forward(
        self, z: Float[Tensor, "B code"], symbols: Int[Tensor, "B length"], places: Int[Tensor, " N"] | None = None
    ) -> Float[Tensor, "*places symbols"]:
        length = symbols.shape[1]
        before = F.pad(symbols[:, :-1], (self.WINDOW, 0), value=self.symbols).unfold(1, self.WINDOW, 1)
        plan = self.plan(z)[:, :length]
        if places is None:
            return self._scores(plan, before)
        return self._scores(plan.flatten(0, 1).index_select(0, places), before.flatten(0, 1)[places])

    def steps(self, z: Float[Tensor, "B code"]) -> Step:
        plan = self.plan(z)
        window = torch.full((len(z), self.WINDOW), self.symbols, device=z.device)

        def scores(place: int, previous: Int[Tensor, " B"] | None) -> Float[Tensor, "B symbols"]:
            nonlocal window
            if previous is not None:
                window = torch.cat([window[:, 1:], previous.long().unsqueeze(1)], 1)
            return self._scores(plan[:, place], window)

        return scores

    def _scores(
        self, plan: Float[Tensor, "*places features"], before: Int[Tensor, "*places window"]
    ) -> Float[Tensor, "*places symbols"]:
        fitting = self.fit(torch.cat([plan, self.embedding(before).flatten(-2)], -1))
        return self.scores(torch.cat([fitting, plan], -1))
