"""Which settings may change in the middle of training, against what methods are known to build."""

from __future__ import annotations

import pytest
import torch

from pipelines.changeable import carries_over, changeable
from pipelines.trial import trial

OF_STEPS = ["batch_size", "clip", "learning_rate", "weight_decay"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("vae", []),
        ("beta_vae", ["beta"]),
        ("gmm_dae", ["cv_weight", "ks_weight", "reconstruction_weight"]),  # its centers are fixed at the start
        ("factor_vae", ["gamma"]),  # its critic has a size
        ("wae_mmd", ["mmd_weight", "pixel_noise"]),
    ],
)
def test_weights_of_terms_may_change_and_sizes_may_not(method: str, expected: list[str]) -> None:
    assert changeable(trial({"data": "digits", "method": method})) == sorted([*OF_STEPS, *expected])


def test_a_variance_that_is_learned_or_not_does_not_carry_over() -> None:
    fixed, learned = (
        trial({"data": "digits", "method": "exemplar_vae", "learn_variance": value}) for value in (False, True)
    )
    assert not carries_over(fixed, learned)


@pytest.mark.parametrize("name", ["latent", "seed"])
def test_what_a_run_began_with_does_not_change(name: str) -> None:
    before = trial({"data": "digits", "method": "vae"})
    assert not carries_over(before, before.altered({name: 7}))


def test_asking_leaves_the_random_numbers_alone() -> None:
    state = torch.get_rng_state()
    changeable(trial({"data": "digits", "method": "beta_vae", "beta": 5.125}))
    assert torch.equal(state, torch.get_rng_state())
