"""What proposes a branch's configurations: Optuna's samplers, made anew for every draw.

A sampler keeps nothing between draws, and its seed follows from how many configurations are known: so a second start of
a study draws what the first would have drawn.

Population-based training is not among them, since its settings change while trials train; see `population`.
"""

from __future__ import annotations

import hashlib
import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from orchestrator.definition.study import Study


def sampler(study: Study, branch: str, known: int, attempt: int) -> BaseSampler:
    """The sampler of one draw: `gp` a Gaussian process, `nsga2` a genetic search, `tpe` Parzen estimators, all of them
    for one objective and for several, and `random`. A draw that had to be repeated is always random.

    Args:
        study: says which sampler, and the seed.
        branch: of the study.
        known: configurations that there are.
        attempt: how many draws came to known configurations before this one.
    """
    digest = hashlib.sha256(f"{study.seed} {branch} {known} {attempt}".encode()).digest()
    seed = int.from_bytes(digest[:4], "big")
    first = min(10, max(2, study.trials // 3))  # by chance, for a model to begin with
    if attempt == 0 and study.search == "tpe":
        return TPESampler(seed=seed, n_startup_trials=first)
    if attempt == 0 and study.search == "gp":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return GPSampler(seed=seed, n_startup_trials=first)
    if attempt == 0 and study.search == "nsga2":
        return NSGAIISampler(seed=seed, population_size=_population(study))
    return RandomSampler(seed=seed)


def recall(study: Study, known: optuna.Study, draw: optuna.trial.Trial) -> None:
    """Tell the genetic search of a configuration that it did not draw itself: to which generation that belongs. The
    other samplers know it by its values.

    Args:
        study: says which sampler.
        known: Optuna's side of the branch.
        draw: the configuration, one of `known`.
    """
    if study.search == "nsga2":
        genetic = NSGAIISampler(population_size=_population(study))
        generation = genetic.get_trial_generation(known, known.get_trials(deepcopy=False)[draw.number])
        genetic.get_parent_population(known, generation)  # the first draw of a generation settles its parents


def _population(study: Study) -> int:
    """Configurations of a generation: four generations at least, where there are enough for them."""
    return min(50, max(4, study.trials // 4))
