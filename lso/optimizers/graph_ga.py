"""A genetic algorithm on the graphs of molecules: the baseline that models of molecules most often lose to.

Source: Jensen 2019, Chemical Science 10, 3567, for crossover and mutations; parents are drawn by rank, as in `ga`.
"""

from __future__ import annotations

from lso.graph_breeding import GraphBreeder
from lso.optimizers.ga import evolve
from lso.search import Search
from methods.core.errors import BadInput


def optimize(search: Search) -> None:
    """Score children of the 100 best molecules, the better ones being parents more often."""
    if search.task.reads != "smiles":
        raise BadInput(f"graph_ga breeds molecules, which the strings of the task {search.task.name} are not: use ga")
    evolve(search, GraphBreeder(), children=5)
