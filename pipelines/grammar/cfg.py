"""A context-free grammar as numbered rules, with what a decoder has to know of them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from methods.core.errors import BadInput

IMPOSSIBLE = 1 << 20
"""The cost of a rule that cannot be used: more rules than any derivation has."""


class Rule(NamedTuple):
    """lhs -> symbols; nonterminals are numbers and terminals are text."""

    lhs: int
    symbols: tuple[int | str, ...]

    @property
    def nonterminals(self) -> tuple[int, ...]:
        return tuple(symbol for symbol in self.symbols if isinstance(symbol, int))


@dataclass(frozen=True, eq=False)
class Grammar:
    """Rules in their written order. The last one is the padding, `Nothing -> None`, and rewrites to nothing.

    Attributes:
        rules: all of them.
        nonterminals: their names; the start symbol is number 0, the padding's is the last.
        separator: what stands between two terminals in a string.
    """

    rules: tuple[Rule, ...]
    nonterminals: tuple[str, ...]
    separator: str = ""

    @property
    def padding(self) -> int:
        """Number of the rule that fills sequences up once a derivation is complete."""
        return len(self.rules) - 1

    @functools.cached_property
    def shortest(self) -> tuple[float, ...]:
        """Rules in the shortest derivation from each nonterminal; infinite where there is none."""
        found = [math.inf] * len(self.nonterminals)
        for _ in self.nonterminals:
            for rule in self.rules:
                found[rule.lhs] = min(found[rule.lhs], 1 + sum(found[symbol] for symbol in rule.nonterminals))
        return tuple(found)

    @functools.cached_property
    def dead(self) -> tuple[int, ...]:
        """Rules that stand in no derivation: never reached from the start, or never finished."""
        reached, waiting = {0, len(self.nonterminals) - 1}, [0]
        while waiting:
            lhs = waiting.pop()
            for rule in self.rules:
                if rule.lhs == lhs and self._finishes(rule):
                    waiting.extend(set(rule.nonterminals) - reached)
                    reached.update(rule.nonterminals)
        return tuple(
            number for number, rule in enumerate(self.rules) if rule.lhs not in reached or not self._finishes(rule)
        )

    def written(self, number: int) -> str:
        """A rule as it stands in the definition."""
        rule = self.rules[number]
        symbols = [repr(symbol) if isinstance(symbol, str) else self.nonterminals[symbol] for symbol in rule.symbols]
        return f"{self.nonterminals[rule.lhs]} -> {' '.join(symbols) or 'None'}"

    def _finishes(self, rule: Rule) -> bool:
        return all(math.isfinite(self.shortest[symbol]) for symbol in rule.nonterminals)


class Tables(NamedTuple):
    """A grammar as integer tensors, for arithmetic on whole batches.

    Attributes:
        lhs: (rules,) the nonterminal that a rule rewrites.
        cost: (nonterminals, rules) rules in the shortest completion after a rule was applied to a nonterminal;
            `IMPOSSIBLE` where it does not apply or stands in no derivation.
        pushed: (rules, width) the nonterminals of a rule's right-hand side, the first one last; the rest is 0.
        pushes: (rules,) how many of them there are.
        shortest: (nonterminals,) rules in the shortest derivation; 0 for the padding, which completes nothing.
    """

    lhs: Int[Tensor, " rules"]
    cost: Int[Tensor, "nonterminals rules"]
    pushed: Int[Tensor, "rules width"]
    pushes: Int[Tensor, " rules"]
    shortest: Int[Tensor, " nonterminals"]


def tables(grammar: Grammar) -> Tables:
    """The grammar's tables, on the CPU."""
    rules = grammar.rules
    width = max(1, max(len(rule.nonterminals) for rule in rules))
    cost = torch.full((len(grammar.nonterminals), len(rules)), IMPOSSIBLE)
    pushed = torch.zeros(len(rules), width, dtype=torch.long)
    for number, rule in enumerate(rules):
        if number not in grammar.dead:
            cost[rule.lhs, number] = int(sum(grammar.shortest[symbol] for symbol in rule.nonterminals))
        pushed[number, : len(rule.nonterminals)] = torch.tensor(rule.nonterminals[::-1], dtype=torch.long)
    shortest = torch.tensor([int(n) if math.isfinite(n) else IMPOSSIBLE for n in grammar.shortest])
    shortest[-1] = 0
    return Tables(
        torch.tensor([rule.lhs for rule in rules]),
        cost,
        pushed,
        torch.tensor([len(rule.nonterminals) for rule in rules]),
        shortest,
    )


def read(text: str, *, separator: str = "") -> Grammar:
    """The grammar that `text` defines in nltk's notation, one rule a line; the first rule's left side is the start.

    The padding's rule is added if it is missing. A nonterminal without rules makes the rules that use it dead.

    Raises:
        BadInput: not a grammar in this notation, empty rules, or nothing can be derived from the start.
    """
    from nltk import CFG, Nonterminal

    try:
        productions = CFG.fromstring(text).productions()
    except ValueError as error:
        raise BadInput(f"cannot read the grammar: {' '.join(str(error).split())}") from error
    lines = [(str(p.lhs()), p.rhs()) for p in productions if str(p.lhs()) != "Nothing"]
    if not lines:
        raise BadInput("the grammar has no rules: write at least one, such as S -> 'x'")
    used = [str(symbol) for _, symbols in lines for symbol in symbols if isinstance(symbol, Nonterminal)]
    # Left-hand sides in written order come first, as the masks of the original number them.
    names = (*dict.fromkeys([lhs for lhs, _ in lines] + used), "Nothing")
    number = {name: place for place, name in enumerate(names)}
    rules = [
        Rule(number[lhs], tuple(number[str(s)] if isinstance(s, Nonterminal) else str(s) for s in symbols))
        for lhs, symbols in lines
    ]
    if any(not rule.symbols for rule in rules):
        raise BadInput("the grammar has a rule with an empty right-hand side: rewrite it without one")
    grammar = Grammar((*rules, Rule(len(names) - 1, ())), names, separator)
    if math.isinf(grammar.shortest[0]):
        raise BadInput(f"nothing can be derived from {names[0]}: every one of its rules needs itself or has no end")
    return grammar
