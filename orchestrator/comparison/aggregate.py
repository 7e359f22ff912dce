"""What can be said of methods over several data sets: interquartile mean, probability of improvement, rank test.

The definitions are those of rliable (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
precipice"), with data sets for its tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy import stats

Scores = Sequence[Sequence[float]]
"""A method's values: one list a data set, of one value a seed. Higher is better; all are finite."""

_DRAWS = 2000


def normalized(samples: Mapping[str, Scores], *, higher_is_better: bool) -> dict[str, Scores]:
    """Every data set's values on a scale on which the worst method's mean is 0 and the best one's is 1.

    Where all methods are equal, their values keep their distances from the mean.
    """
    sign = 1.0 if higher_is_better else -1.0
    means = {name: [sign * float(np.mean(values)) for values in scores] for name, scores in samples.items()}
    lows = [min(column) for column in zip(*means.values(), strict=True)]
    spans = [max(column) - min(column) or 1.0 for column in zip(*means.values(), strict=True)]
    return {
        name: [
            [(sign * value - low) / span for value in values]
            for values, low, span in zip(scores, lows, spans, strict=True)
        ]
        for name, scores in samples.items()
    }


def interquartile_mean(scores: Scores) -> float:
    """Mean of the middle half of all values of all data sets: without the lowest and the highest quarter of them."""
    return float(stats.trim_mean(np.concatenate([np.asarray(values) for values in scores]), 0.25))


def interquartile_interval(scores: Scores) -> tuple[float, float]:
    """95% interval of the interquartile mean, by a bootstrap over seeds within every data set."""
    random = np.random.default_rng(0)
    drawn = [random.choice(np.asarray(values), (_DRAWS, len(values))) for values in scores]
    return _interval(np.asarray(stats.trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1)))


def probability_of_improvement(better: Scores, worse: Scores) -> float:
    """Probability that a random run of one method is better than one of another, mean over data sets; ties count half.

    It is the statistic of Mann and Whitney over the number of pairs.
    """
    pairs = zip(better, worse, strict=True)
    return float(np.mean([stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)) for a, b in pairs]))


def mean_ranks(samples: Mapping[str, Scores]) -> dict[str, float]:
    """Each method's rank by its mean, 1 the best, averaged over data sets; ties share their ranks."""
    ranks = stats.rankdata(-_means(samples), axis=0)
    return dict(zip(samples, map(float, ranks.mean(axis=1)), strict=True))


def rank_test(samples: Mapping[str, Scores]) -> tuple[str, float]:
    """Whether methods differ over data sets: the test's name and its p-value.

    Friedman's test of the mean over seeds; with two methods Wilcoxon's signed ranks. With two data sets or fewer no
    such test can find anything, and the p-value is 1.
    """
    means = _means(samples)
    name = "Friedman's test" if len(means) > 2 else "Wilcoxon's signed-rank test"
    if means.shape[1] < 3 or np.ptp(means, axis=0).max() == 0:
        return name, 1.0
    found = stats.friedmanchisquare(*means) if len(means) > 2 else stats.wilcoxon(*means)
    return name, float(found.pvalue)


def _means(samples: Mapping[str, Scores]) -> Float[np.ndarray, "methods data"]:
    return np.array([[np.mean(values) for values in scores] for scores in samples.values()])


def _interval(draws: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(low), float(high)
