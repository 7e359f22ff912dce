"""Molecules while their SELFIES are being read: which atoms there are, how far apart, and what is still open."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int, Int16, UInt8
from torch import Tensor
from torch.nn import functional as F

from pipelines.sequences.selfies_spelling import ATOM, BRANCH, RING, Spelling

BACK = 24
"""The atoms before the current one whose distance to it is known."""

FAR = 10
"""Sizes of rings from here on are one."""

SIZES = (FAR + 1,) * BACK + (7, 2, 8, 16, 4)
"""How many values each of the numbers in `Growth.features` can have."""

_ATOMS = 42
_DEPTH = 10
_APART = 99
_BASE = 16  # of the numbers that SELFIES write with tokens
_MOST_BONDS, _MOST_PENDING, _MOST_LEFT, _MOST_DEPTH = 6, 7, 15, 3


class Growth:
    """A batch of molecules that grow with every token, by the rules of derivation of SELFIES.

    A ring is closed once it is written, if both atoms have a bond left; SELFIES close it in the end, if they have one
    by then. Atoms beyond the 42nd share one place.

    Args:
        batch: how many molecules.
        facts: of `spelling`.

    Attributes:
        apart: bonds on the shortest way between every two atoms, 99 where there is none.
        atoms: how many there are.
        current: the atom that the next one is bound to, -1 before the first.
        largest: atoms in the largest ring, each counted when it was closed: the shortest way round.
        lost: rings that were written and that SELFIES will not close, for want of a bond.

    Source: M. Krenn et al. 2020; `selfies.decoder` of version 2.
    """

    def __init__(self, batch: int, facts: Int[Tensor, "5 tokens"]) -> None:
        self._facts = facts
        none = facts.new_zeros(batch)
        self.apart: Int16[Tensor, "B atoms atoms"]
        self.apart = torch.full((batch, _ATOMS, _ATOMS), _APART, dtype=torch.int16, device=facts.device)
        self.atoms, self.current = none, none - 1
        self.largest, self.lost = none, none
        self._bonds, self._grows = none, none == 0
        self._read, self._pending, self._number, self._order = none, none, none, none
        self._is_ring, self._depth = none > 0, none
        self._free = facts.new_zeros(batch, _ATOMS)
        self._ends, self._roots, self._left = (facts.new_zeros(batch, _DEPTH) for _ in range(3))
        self._slots = torch.arange(_DEPTH, device=facts.device)
        self._before = torch.arange(1, BACK + 1, device=facts.device)

    def of(self, rows: Int[Tensor, " N"]) -> Growth:
        """Some of the molecules, to go on with apart from the others."""
        found = Growth(0, self._facts)
        for name in self._own():
            setattr(found, name, getattr(self, name)[rows])
        return found

    def put(self, rows: Int[Tensor, " N"], others: Growth) -> None:
        """Others in place of the molecules at `rows`."""
        for name in self._own():
            setattr(self, name, getattr(self, name).index_put((rows,), getattr(others, name)))

    @property
    def reading(self) -> Bool[Tensor, " B"]:
        """Is the number of a ring or a branch not complete?"""
        return self._pending > 0

    def nearest(self) -> Int[Tensor, " B"]:
        """Atoms in the smallest ring that the number can still mean, where all of its digits but the last are read.

        1 where no such number is being read.
        """
        rows = torch.arange(len(self.current), device=self.current.device).unsqueeze(1)
        digits = torch.arange(_BASE, device=self.current.device)
        others = self.current.unsqueeze(1) - 1 - _BASE * self._number.unsqueeze(1) - digits
        sizes = self.apart[rows, self.current.clamp_min(0).unsqueeze(1), others.clamp_min(0)].long() + 1
        return sizes.amin(1).masked_fill((self._pending != 1) | ~self._is_ring, 1)

    def _own(self) -> list[str]:
        """Names of what there is for every molecule."""
        return [name for name in vars(self) if name not in ("_facts", "_slots", "_before")]

    def read(self, token: Int[Tensor, " B"]) -> None:
        """One more token of every molecule; -1 for none."""
        kind, order, most, digits, digit = self._facts[:, token.clamp_min(0)]
        is_token = token >= 0
        is_digit = is_token & (self._pending > 0)
        speaks = is_token & ~is_digit & self._grows
        self._read = self._read + is_token
        self._number = torch.where(is_digit, self._number * _BASE + digit, self._number)
        self._pending = self._pending - is_digit.long()
        complete = is_digit & (self._pending == 0)
        self._add_atoms(speaks & (kind == ATOM), order, most)
        self._open(speaks & (kind == RING) & (self._bonds > 0), order, digits, ring=True)
        self._open(speaks & (kind == BRANCH) & (self._bonds > 1), order, digits, ring=False)
        self._close_rings((complete & self._is_ring).nonzero().squeeze(1))
        self._enter_branches((complete & ~self._is_ring).nonzero().squeeze(1))
        self._leave_branches(is_token & (self._pending == 0))

    def features(self) -> UInt8[Tensor, "B features"]:
        """What the next symbol may want to know, as `SIZES` numbers from 0:

        for each of the `BACK` atoms before the current one, the size of the ring that a bond with it would close (2 for
        a neighbor, 0 where there is no such atom); bonds that the current atom has left; whether anything can follow;
        what number is being read; tokens left in the innermost branch; how many branches are open.
        """
        rows = torch.arange(len(self.current), device=self.current.device)
        other = self.current.unsqueeze(1) - self._before
        apart = self.apart[rows, self.current.clamp_min(0)].gather(1, other.clamp_min(0)).long()
        sizes = (apart + 1).clamp_max(FAR).masked_fill(other < 0, 0)
        innermost = self._ends.gather(1, (self._depth - 1).clamp_min(0).unsqueeze(1)).squeeze(1)
        left = (innermost - self._read).clamp(0, _MOST_LEFT).masked_fill(self._depth == 0, 0)
        pending = (2 * self._pending + (self._is_ring & (self._pending > 0))).clamp_max(_MOST_PENDING)
        own = (self._bonds.clamp_max(_MOST_BONDS), self._grows.long(), pending, left)
        known = torch.stack([*own, self._depth.clamp_max(_MOST_DEPTH)], 1)
        return torch.cat([sizes, known], 1).to(torch.uint8)

    def _add_atoms(self, which: Bool[Tensor, " B"], order: Int[Tensor, " B"], most: Int[Tensor, " B"]) -> None:
        bond = torch.minimum(torch.minimum(order, self._bonds), most)
        rows = which.nonzero().squeeze(1)
        new, parent = self.atoms[rows].clamp_max(_ATOMS - 1), self.current[rows]
        apart = (self.apart[rows, parent.clamp_min(0)] + 1).masked_fill((bond[rows] == 0).unsqueeze(1), _APART)
        apart = apart.clamp_max(_APART).scatter(1, new.unsqueeze(1), 0)
        self.apart[rows, new] = apart
        self.apart[rows, :, new] = apart
        left = self._free[rows, parent.clamp_min(0)] - bond[rows]
        self.lost = self.lost.index_put(
            (rows,), self.lost[rows] + (left < 0)
        )  # bonds of chains go before those of rings
        self._free[rows, parent.clamp_min(0)] = left
        self._free[rows, new] = (most - bond)[rows]
        self.current = self.current.index_put((rows,), new)
        self.atoms = self.atoms + which
        self._bonds = torch.where(which, most - bond, self._bonds)
        self._grows = self._grows & ~(which & (most == bond))

    def _open(
        self, which: Bool[Tensor, " B"], order: Int[Tensor, " B"], digits: Int[Tensor, " B"], *, ring: bool
    ) -> None:
        """Begin to read the number of a ring, or of a branch."""
        self._pending = torch.where(which, digits, self._pending)
        self._order = torch.where(which, order, self._order)
        self._number = self._number.masked_fill(which, 0)
        self._is_ring = self._is_ring.masked_fill(which, ring)

    def _close_rings(self, rows: Int[Tensor, " N"]) -> None:
        """Bind the current atom to the one that the number says, and find the ways that became shorter."""
        if not len(rows):
            return
        here = self.current[rows]
        there = (here - self._number[rows] - 1).clamp_min(0)
        order = torch.minimum(self._order[rows], torch.minimum(self._free[rows, here], self._free[rows, there]))
        made = (order > 0) & (here != there)
        self.lost = self.lost.index_put((rows,), self.lost[rows] + ((order <= 0) & (here != there)))
        self._free[rows, here] -= order * made
        self._free[rows, there] -= order * made
        apart, every = self.apart[rows], torch.arange(len(rows), device=rows.device)
        size = (apart[every, here, there].long() + 1) * made
        self.largest = self.largest.index_put((rows,), self.largest[rows].maximum(size))
        way = apart[every, here].unsqueeze(2) + apart[every, there].unsqueeze(1) + 1
        way = torch.minimum(way, way.transpose(1, 2)).masked_fill(~made.view(-1, 1, 1), _APART)
        self.apart[rows] = torch.minimum(apart, way)
        bonds = self._bonds[rows] - torch.minimum(self._order[rows], self._bonds[rows])
        self._bonds = self._bonds.index_put((rows,), bonds)
        self._grows = self._grows.index_put((rows,), bonds > 0)

    def _enter_branches(self, rows: Int[Tensor, " N"]) -> None:
        if not len(rows):
            return
        own = torch.minimum(self._bonds[rows] - 1, self._order[rows])
        depth = self._depth[rows].clamp_max(_DEPTH - 1)
        end = self._read[rows] + self._number[rows] + 1
        # a branch ends no earlier than one inside it
        outer = self._slots < depth.unsqueeze(1)
        ends = torch.where(outer, self._ends[rows].maximum(end.unsqueeze(1)), self._ends[rows])
        self._ends[rows] = ends.scatter(1, depth.unsqueeze(1), end.unsqueeze(1))
        self._roots[rows, depth] = self.current[rows]
        self._left[rows, depth] = self._bonds[rows] - own
        self._depth = self._depth.index_put((rows,), depth + 1)
        self._bonds = self._bonds.index_put((rows,), own)

    def _leave_branches(self, which: Bool[Tensor, " B"]) -> None:
        """Go back to the atom where the outermost of the branches that have ended began."""
        still = (self._slots < self._depth.unsqueeze(1)) & (self._ends > self._read.unsqueeze(1))
        depth = still.sum(1)
        rows = (which & (depth < self._depth)).nonzero().squeeze(1)
        if not len(rows):
            return
        outermost = depth[rows]
        bonds = self._left[rows, outermost]
        self.current = self.current.index_put((rows,), self._roots[rows, outermost])
        self._bonds = self._bonds.index_put((rows,), bonds)
        self._grows = self._grows.index_put((rows,), bonds > 0)
        self._depth = self._depth.index_put((rows,), outermost)


def features_before(symbols: Int[Tensor, "B length"], language: Spelling) -> UInt8[Tensor, "B length features"]:
    """`Growth.features` before every symbol of given sequences."""
    parts = language.parts[symbols]
    widths = (parts >= 0).sum(2)
    tokens = _leftmost(parts.flatten(1))
    growth = Growth(len(symbols), language.facts)
    found = [growth.features()]
    for token in tokens.unbind(1):
        growth.read(token)
        found.append(growth.features())
    read_before = F.pad(widths.cumsum(1)[:, :-1], (1, 0))
    rows = torch.arange(len(symbols), device=symbols.device).unsqueeze(1)
    return torch.stack(found, 1)[rows, read_before]


def _leftmost(parts: Int[Tensor, "B places"]) -> Int[Tensor, "B tokens"]:
    """The tokens of every row one after the other, then -1."""
    own = parts >= 0
    order = (~own).long().argsort(dim=1, stable=True)
    return parts.gather(1, order)[:, : int(own.sum(1).max())]
