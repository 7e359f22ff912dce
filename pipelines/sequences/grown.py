"""A decoder of molecules that sees the code, the symbols it wrote last, and the molecule that these have become."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.grammar.decoding import Step
from pipelines.sequences.autoregressive import Writer
from pipelines.sequences.residual import Residual, residual
from pipelines.sequences.selfies_growth import SIZES, Growth, features_before
from pipelines.sequences.selfies_spelling import Spelling


class WithMolecule(Writer):
    """A plan of all places from the code, and layers that see a place of it, the last `WINDOW` symbols, and `Growth`.

    A ring of SELFIES names the atom that it goes back to by counting, so symbols alone hardly tell how large it will
    be. Here every size is an input of its own.

    Args:
        code: size of a code.
        length: of a sequence.
        spelling: of the language's symbols.
        units: of the plan's layers.
        features: of a place in the plan.
        hidden: units of the layers that see the molecule.
        embedded: size of the vector of a symbol.
    """

    WINDOW = 8

    parts: Tensor
    facts: Tensor
    starts: Tensor

    def __init__(
        self, code: int, *, length: int, spelling: Spelling, units: int, features: int, hidden: int, embedded: int
    ) -> None:
        super().__init__()
        self.symbols = len(spelling.parts)
        self.register_buffer("parts", spelling.parts, persistent=False)
        self.register_buffer("facts", spelling.facts, persistent=False)
        self.register_buffer("starts", torch.tensor([0, *SIZES[:-1]]).cumsum(0), persistent=False)
        self.plan = nn.Sequential(residual(code, units, length * features), nn.Unflatten(1, (length, features)))
        self.embedding = nn.Embedding(self.symbols + 1, embedded)  # the last one stands before all others
        self.fit = nn.Sequential(
            nn.Linear(features + self.WINDOW * embedded + sum(SIZES), hidden),
            nn.LayerNorm(hidden),
            nn.ReLU(),
            Residual(hidden),
        )
        self.scores = nn.Linear(hidden + features, self.symbols)

    def forward(
        self, z: Float[Tensor, "B code"], symbols: Int[Tensor, "B length"], places: Int[Tensor, " N"] | None = None
    ) -> Float[Tensor, "*places symbols"]:
        before = F.pad(symbols[:, :-1], (self.WINDOW, 0), value=self.symbols).unfold(1, self.WINDOW, 1)
        grown = features_before(symbols, Spelling(self.parts, self.facts))
        plan = self.plan(z)[:, : symbols.shape[1]]
        if places is None:
            return self._scores(plan, before, grown)
        chosen = (part.flatten(0, 1).index_select(0, places) for part in (plan, before, grown))
        return self._scores(*chosen)

    def steps(self, z: Float[Tensor, "B code"]) -> Step:
        plan = self.plan(z)
        growth = Growth(len(z), self.facts)
        window = torch.full((len(z), self.WINDOW), self.symbols, device=z.device)

        def scores(place: int, previous: Int[Tensor, " B"] | None) -> Float[Tensor, "B symbols"]:
            nonlocal window
            if previous is not None:
                window = torch.cat([window[:, 1:], previous.long().unsqueeze(1)], 1)
                for token in self.parts[previous.long()].unbind(1):
                    growth.read(token)
            return self._scores(plan[:, place], window, growth.features())

        return scores

    def _scores(
        self,
        plan: Float[Tensor, "*places features"],
        before: Int[Tensor, "*places window"],
        grown: UInt8[Tensor, "*places numbers"],
    ) -> Float[Tensor, "*places symbols"]:
        written = self.embedding(before).flatten(-2)
        fitting = self.fit(torch.cat([plan, written, self._indicators(grown, plan)], -1))
        return self.scores(torch.cat([fitting, plan], -1))

    def _indicators(
        self, grown: UInt8[Tensor, "*places numbers"], like: Float[Tensor, "*places features"]
    ) -> Float[Tensor, "*places values"]:
        """The numbers one-hot, side by side."""
        zeros = like.new_zeros(*grown.shape[:-1], sum(SIZES))
        return zeros.scatter(-1, grown.long() + self.starts, 1.0)
