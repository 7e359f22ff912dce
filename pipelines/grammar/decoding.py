"""Scores of rules to rule sequences, a whole batch at a time, on any device. Every derivation finishes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.grammar.cfg import Tables

Step = Callable[[int, Int[Tensor, " B"] | None], Float[Tensor, "B symbols"]]
"""Scores of the symbols at a place, from its number and the symbols before it, which are None at the first place."""


def greedy(logits: Float[Tensor, "B length rules"], tables: Tables) -> UInt8[Tensor, "B length"]:
    """`unrolled`, where the scores of all steps are known in advance."""
    batch, length, _ = logits.shape
    return unrolled(lambda step, previous: logits[:, step], tables, batch, length)


@torch.no_grad()
def unrolled(scores: Step, tables: Tables, batch: int, length: int) -> UInt8[Tensor, "B length"]:
    """At every step the best rule among those that apply to the left-most nonterminal and can still be finished.

    One stack of nonterminals a row; a rule is dropped where its shortest completion, with that of everything below it
    on the stack, no longer fits into the length. Once the stack is empty, padding follows. Codes of one batch do not
    influence each other.

    Source: Kusner et al. 2017, section 3.2 and `_sample_using_masks` of their code, where derivations may stop short.

    Raises:
        BadInput: not even the shortest sentence of the grammar fits.
    """
    if not tables.shortest.is_cuda:  # a GPU would have to be waited for
        check_length(tables, length)
    width = tables.pushed.shape[1]
    stack = tables.lhs.new_zeros(batch, length + width)
    padding = len(tables.shortest) - 1
    height = tables.lhs.new_ones(batch)
    needed = tables.shortest[0].expand(batch)
    slots = torch.arange(width, device=stack.device)
    chosen: list[Tensor] = []
    rule = None
    for step in range(length):
        own = scores(step, rule)
        below = (height - 1).clamp_min(0)
        top = stack.gather(1, below.unsqueeze(1)).squeeze(1).masked_fill(height == 0, padding)
        waiting = needed - tables.shortest[top]
        cost = tables.cost[top]
        fits = cost <= (length - step - 1 - waiting).unsqueeze(1)
        finite = own.clamp(min=torch.finfo(own.dtype).min)  # so that no rule which may be used is -inf
        rule = finite.masked_fill(~fits, -torch.inf).argmax(1)
        stack.scatter_(1, below.unsqueeze(1) + slots, tables.pushed[rule])
        height = below + tables.pushes[rule]
        needed = waiting + cost.gather(1, rule.unsqueeze(1)).squeeze(1)
        chosen.append(rule.to(torch.uint8))
    return torch.stack(chosen, 1)


def sample(
    logits: Float[Tensor, "B length rules"], tables: Tables, *, generator: torch.Generator | None = None
) -> UInt8[Tensor, "B length"]:
    """A draw of every rule from the softmax over those that `greedy` chooses from."""
    return greedy(perturbed(logits, generator=generator), tables)


def perturbed(
    logits: Float[Tensor, "*B symbols"], *, generator: torch.Generator | None = None
) -> Float[Tensor, "*B symbols"]:
    """Logits with Gumbel noise: the largest of any set of them is a draw from the softmax over that set."""
    uniform = torch.empty_like(logits, requires_grad=False).uniform_(generator=generator)
    return logits.detach() - torch.log(-torch.log(uniform.clamp_(1e-20, 1 - 1e-7)))


def allowed(sequences: Int[Tensor, "B length"], tables: Tables) -> Bool[Tensor, "B length rules"]:
    """The rules that `greedy` could have chosen from at every step of complete derivations."""
    lhs = tables.lhs[sequences]
    own = _own_costs(tables)
    change = own[sequences] - tables.shortest[lhs]
    needed_after = tables.shortest[0] + change.cumsum(1)
    waiting = needed_after - own[sequences]
    length = sequences.shape[1]
    left = length - 1 - torch.arange(length, device=sequences.device)
    return tables.cost[lhs] <= (left - waiting).unsqueeze(-1)


def check_length(tables: Tables, length: int) -> None:
    """Refuse a length that no sentence fits into."""
    if length < tables.shortest[0]:
        least = int(tables.shortest[0])
        raise BadInput(f"the shortest sentence needs {least} rules: a length of {length} is too short")


def _own_costs(tables: Tables) -> Int[Tensor, " rules"]:
    """Of every rule, applied to the nonterminal it rewrites."""
    return tables.cost.gather(0, tables.lhs.unsqueeze(0)).squeeze(0)
