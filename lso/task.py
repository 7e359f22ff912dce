"""What an optimization task is: strings with scores, what is known of them before, and what may be known besides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lso.breeding import Breeder, Breeds
from lso.codes import Space
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.sequences.language import Language

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Start:
    """What a search knows before its first call.

    Attributes:
        strings: objects whose scores are known.
        scores: these.
    """

    strings: Sequence[str]
    scores: Values


@dataclass(frozen=True)
class Published:
    """A result that others report, drawn as a line.

    Attributes:
        name: of the method.
        score: mean of its best scores.
        calls: after how many calls of the objective.
    """

    name: str
    score: float
    calls: int


class Task(ABC):
    """An objective over strings. Adding one is one subclass, in a file here or `--task module:Class`.

    Attributes:
        name: for files and titles.
        maximize: whether high scores are good.
        reads: how the names of the languages begin that decoders for this task may write.
        solved: a score at which a run ends, since nothing is better; None where there is none.
        decoder_settings: of the trial that trains a decoder where none is given, without its data and its epochs.
        decoder_steps: optimizer steps of that training, however many strings there are.
        counts: whether descriptors are counts, compared by what two objects share, or points, by their distance.
    """

    name: ClassVar[str]
    maximize: ClassVar[bool] = False
    reads: ClassVar[str] = ""
    solved: float | None = None
    decoder_settings: ClassVar[Mapping[str, Any]] = {}
    decoder_steps: ClassVar[int] = 2000
    counts: ClassVar[bool] = False

    @abstractmethod
    def readable(self, string: str) -> str | None:
        """The string as the task writes it; None where it means nothing and cannot be scored."""

    @abstractmethod
    def score(self, strings: Sequence[str]) -> Sequence[float]:
        """The objective: one finite number for every readable string. Every string is one call."""

    @abstractmethod
    def start(self, protocol: str, seed: int) -> Start:
        """What a search may know before, by the start protocol of this name.

        Raises:
            BadInput: an unknown protocol.
        """

    def canonical(self, string: str) -> str | None:
        """What all strings that mean the same as this readable one share."""
        return self.readable(string)

    def descriptor(self, strings: Sequence[str]) -> Values | None:
        """Features (N, F) of readable strings that tell more than the letters do; None where there are none."""
        del strings
        return None

    def flattened(self, costs: Values) -> Values:
        """Costs, of which the least is the best, on a scale that a smooth model can follow."""
        return costs

    def training(self, protocol: str, seed: int) -> tuple[str, Dataset]:
        """What a decoder may be trained on, and the name of the data set that it is a part of.

        Raises:
            BadInput: nothing: the task trains no decoder.
        """
        raise BadInput(f"the task {self.name} trains no decoder: give one with --decoder")

    def space(self) -> Space | None:
        """Codes of strings without a decoder, for tasks that need none; None for those that do."""
        return None

    def breeding(self) -> Language | None:
        """The language in which a genetic algorithm changes strings; None where there is none."""
        return None

    def breeders(self) -> Mapping[str, Breeds]:
        """Ways to make children of strings beside the latent space, by names for the record."""
        language = self.breeding()
        return {} if language is None else {"bred": Breeder(language)}

    def published(self, protocol: str) -> Sequence[Published]:
        """Results of others with this start."""
        del protocol
        return ()

    def settings(self) -> Mapping[str, Any]:
        """What this task was built with, for the record."""
        return {}

    def properties(self, string: str) -> Mapping[str, Any]:
        """Of a readable string, to be shown beside the best ones."""
        del string
        return {}

    def doubt(self, string: str) -> str | None:
        """Why this readable string is no sensible answer whatever it scores, in a few words; None where it may be."""
        del string
        return None

    def figure(self, best: Sequence[tuple[str, float]]) -> Figure | None:
        """The best strings with their scores, drawn; None where there is nothing to see."""
        del best
        return None
