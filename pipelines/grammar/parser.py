"""Strings to rule sequences, by a bottom-up parser with two terminals of lookahead.

Tables are made from the grammar once: the LR(0) automaton, its reductions decided by the pairs of terminals that can
follow a nonterminal (SLR(2), after DeRemer 1971, with exact lookahead for the rules that begin in a state). Two are
needed by SMILES, where a bond before a digit closes a ring and a bond before an atom continues the chain. A parse takes
time linear in the string, where chart parsers are cubic.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from typing import NamedTuple

from methods.core.errors import BadInput
from pipelines.grammar.cfg import Grammar

_END = 0  # the terminal after the last one
_ACCEPT = 1 << 30
_KEPT = 1 << 15  # parses: a search asks for a string's several times in a row

_Pairs = set[tuple[int, ...]]
_Item = tuple[int, int]  # a rule, and how many of its symbols were seen
_Numbered = tuple[int, tuple[int, ...]]  # a rule with terminals as negative numbers


class Refused(ValueError):
    """A string that has no rule sequence.

    Attributes:
        reason: in words that are the same for all strings with this fault, so that they can be counted.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class _Reduction(NamedTuple):
    """What to do when a rule is complete: `popped` states and the sequences of `joined` nonterminals make one."""

    head: bytes
    lhs: int
    popped: int
    joined: int


class Parser:
    """Rule sequences of strings, in pre-order: the left-most derivation.

    Raises:
        BadInput: two terminals do not decide what to do, as in every ambiguous grammar; the message names a rule.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        terminals = {symbol for rule in grammar.rules for symbol in rule.symbols if isinstance(symbol, str)}
        longest_first = sorted(terminals, key=lambda terminal: (-len(terminal), terminal))
        self._ids = {terminal: number for number, terminal in enumerate(longest_first, 1)}
        self._base = len(self._ids) + 1
        self._lexer = re.compile("|".join(re.escape(terminal) for terminal in longest_first))
        self._actions, self._goto = _automaton(grammar, self._ids, self._base)
        self._reductions = [
            _Reduction(bytes([number]), rule.lhs, len(rule.symbols), len(rule.nonterminals))
            for number, rule in enumerate(grammar.rules)
        ]
        self._remembered = functools.lru_cache(maxsize=_KEPT)(self._parse)

    def parse(self, text: str) -> bytes:
        """The numbers of the rules that derive `text`, without padding.

        Raises:
            Refused: the string is empty, holds what is no terminal, or is no sentence of the grammar.
        """
        return self._remembered(text)

    def _parse(self, text: str) -> bytes:
        terminals = self._terminals(text)
        if not terminals:
            raise Refused("empty")
        pairs = [a * self._base + b for a, b in zip(terminals, [*terminals[1:], _END], strict=True)]
        pairs.append(_END)
        states, place = [0], 0
        found: list[bytes] = []
        actions, goto, reductions = self._actions, self._goto, self._reductions
        while True:
            action = actions[states[-1]].get(pairs[place])
            if action is None:
                raise Refused("not in the grammar", f"{text!r} stops making sense at terminal {place + 1}")
            if action >= 0:
                if action == _ACCEPT:
                    return found[0]
                states.append(action)
                place += 1
                continue
            head, lhs, popped, joined = reductions[~action]
            del states[-popped:]
            states.append(goto[states[-1]][lhs])
            if joined == 1:
                found[-1] = head + found[-1]
            elif joined == 0:
                found.append(head)
            else:
                found[-joined:] = [head + b"".join(found[-joined:])]

    def _terminals(self, text: str) -> list[int]:
        found = self._lexer.findall(text)
        separator = self.grammar.separator
        if separator.join(found) != text:
            self._explain(text)
        return [self._ids[terminal] for terminal in found]

    def _explain(self, text: str) -> None:
        """Accept other spacing where terminals are separated by spaces, and name what else is wrong."""
        rest = self._lexer.sub("", text)
        if self.grammar.separator.isspace():
            rest = "".join(rest.split())
        if rest:
            raise Refused("unknown token", f"{text!r} holds {rest[0]!r}, which the grammar has not")


def _automaton(grammar: Grammar, ids: dict[str, int], base: int) -> tuple[list[dict[int, int]], list[dict[int, int]]]:
    """Actions by state and pair of terminals, and the next states by state and nonterminal.

    An action is a state to shift to, the complement of a rule to reduce by, or `_ACCEPT`.
    """
    rules = [
        (rule.lhs, tuple(symbol if isinstance(symbol, int) else -ids[symbol] for symbol in rule.symbols))
        for rule in grammar.rules
    ]
    alive = [number for number in range(grammar.padding) if number not in grammar.dead]
    rules.append((-1, (0,)))  # the whole string is one start symbol
    firsts = _firsts(rules, alive)
    follows = _follows(rules, alive, firsts)
    kernels: dict[frozenset[_Item], int] = {frozenset({(len(rules) - 1, 0)}): 0}
    waiting = list(kernels)
    actions: list[dict[int, int]] = []
    goto: list[dict[int, int]] = []
    for kernel in waiting:  # grows while it is read
        items = _closure(kernel, rules, alive, firsts, follows)
        moved = defaultdict(set)
        for rule, dot in items:
            if dot < len(rules[rule][1]):
                moved[rules[rule][1][dot]].add((rule, dot + 1))
        targets = {}
        for symbol, items_after in moved.items():
            after = frozenset(items_after)
            if after not in kernels:
                kernels[after] = len(waiting)
                waiting.append(after)
            targets[symbol] = kernels[after]
        goto.append({symbol: state for symbol, state in targets.items() if symbol >= 0})
        actions.append(_decided(grammar, rules, items, targets, firsts, base))
    return actions, goto


def _decided(
    grammar: Grammar,
    rules: list[_Numbered],
    items: dict[_Item, _Pairs],
    targets: dict[int, int],
    firsts: dict[int, _Pairs],
    base: int,
) -> dict[int, int]:
    """What to do in a state, by the next two terminals."""
    decided: dict[int, int] = {}
    for (rule, dot), after in items.items():
        lhs, symbols = rules[rule]
        if dot == len(symbols):
            action, pairs = (_ACCEPT if lhs == -1 else ~rule), after
        elif symbols[dot] < 0:
            action, pairs = targets[symbols[dot]], _joined(symbols[dot:], firsts, after)
        else:
            continue
        for pair in pairs:
            if decided.setdefault(pair[0] * base + pair[1], action) != action:
                raise BadInput(
                    "the grammar cannot be parsed with two terminals of lookahead, perhaps because it is ambiguous: "
                    f"see the rule {grammar.written(rule)}"
                )
    return decided


def _closure(
    kernel: frozenset[_Item],
    rules: list[_Numbered],
    alive: list[int],
    firsts: dict[int, _Pairs],
    follows: dict[int, _Pairs],
) -> dict[_Item, _Pairs]:
    """The items of a state, and the pairs of terminals that can come after each of their rules.

    For rules begun earlier that is all that can follow their nonterminal anywhere; for those begun in this state, only
    what can here. Without the difference, a bond after an atom could not be told from one that closes a ring.
    """
    items = {item: set(follows[rules[item[0]][0]]) for item in kernel}
    waiting = list(kernel)
    while waiting:
        rule, dot = waiting.pop()
        symbols = rules[rule][1]
        if dot == len(symbols) or symbols[dot] < 0:
            continue
        after = _joined(symbols[dot + 1 :], firsts, items[rule, dot])
        for other in alive:
            if rules[other][0] == symbols[dot] and not after <= items.get((other, 0), set()):
                items[other, 0] = items.get((other, 0), set()) | after
                waiting.append((other, 0))
    return items


def _firsts(rules: list[_Numbered], alive: list[int]) -> dict[int, _Pairs]:
    """The first two terminals, or the only one, of what every nonterminal derives."""
    firsts: dict[int, _Pairs] = defaultdict(set)
    changed = True
    while changed:
        changed = False
        for number in alive:
            lhs, symbols = rules[number]
            new = _joined(symbols, firsts, {()}) - firsts[lhs]
            firsts[lhs] |= new
            changed = changed or bool(new)
    return firsts


def _follows(rules: list[_Numbered], alive: list[int], firsts: dict[int, _Pairs]) -> dict[int, _Pairs]:
    """The pairs of terminals that can stand after every nonterminal."""
    follows: dict[int, _Pairs] = defaultdict(set, {-1: {(_END, _END)}, 0: {(_END, _END)}})
    changed = True
    while changed:
        changed = False
        for number in alive:
            lhs, symbols = rules[number]
            for place, symbol in enumerate(symbols):
                if symbol >= 0:
                    new = _joined(symbols[place + 1 :], firsts, follows[lhs]) - follows[symbol]
                    follows[symbol] |= new
                    changed = changed or bool(new)
    return follows


def _joined(symbols: tuple[int, ...], firsts: dict[int, _Pairs], after: _Pairs) -> _Pairs:
    """The first two terminals of `symbols` with `after` behind them; fewer where all there is is shorter."""
    found: _Pairs = {()}
    for symbol in symbols:
        if all(len(start) == 2 for start in found):
            return found
        own = {(-symbol,)} if symbol < 0 else firsts[symbol]
        found = {(start + more)[:2] for start in found for more in own}
    if all(len(start) == 2 for start in found):
        return found
    return {(start + more)[:2] for start in found for more in after}
