"""Decoders for tasks: trained once, kept, and refused where they do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lso import decoders
from lso.strings import StringSpace
from lso.tasks.branin import Branin
from lso.tasks.expression import Expression
from methods.core.errors import BadInput
from pipelines.sequences.generation import generate
from pipelines.sequences.languages import language
from pipelines.sequences.string_data import dataset


class Small(Expression):
    """Learns from a few generated expressions."""

    decoder_steps = 40

    def training(self, protocol, seed):
        rows = generate(language("expression_grammar"), 500, seed=seed)
        return "expressions", dataset("expression_grammar", *rows.split([400, 50, 50]))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path))


def test_a_default_decoder_is_trained_once_for_a_seed(monkeypatch):
    first = decoders.default(Small(), "tlbo", 0)
    monkeypatch.setattr(decoders, "Training", None)  # a second training would fail
    assert decoders.default(Small(), "tlbo", 0) == first


def test_seeds_have_decoders_of_their_own():
    assert decoders.default(Small(), "tlbo", 0) != decoders.default(Small(), "tlbo", 1)


def test_a_task_that_trains_no_decoder_says_how_to_name_one():
    with pytest.raises(BadInput, match="the task branin trains no decoder: give one with --decoder"):
        decoders.default(Branin(), "tlbo", 0)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "file"))
    with pytest.raises(BadInput, match="cannot keep the decoder in"):
        decoders.default(Small(), "tlbo", 0)


def test_a_decoder_of_images_is_refused(folder):
    with pytest.raises(BadInput, match=r"trained on 'digits' and writes bernoulli: the task expression needs"):
        decoders.load(folder, Expression())


@pytest.fixture
def space() -> StringSpace:
    return decoders.load(decoders.default(Small(), "tlbo", 0), Expression())


def test_every_code_decodes_into_an_expression_and_always_into_the_same(space):
    codes = space.prior(50, seed=0)
    strings = space.decode(codes)
    assert strings == space.decode(codes[::-1])[::-1]
    assert all(Expression().readable(text) for text in strings)


def test_codes_are_posterior_means_and_nan_for_what_the_language_has_not(space):
    codes = space.encode(["x + 1", "no expression", "x + 1"])
    assert np.isnan(codes[1]).all()
    x = torch.nn.functional.one_hot(torch.tensor([list(space.language.encode("x + 1"))]), 12).float()
    assert codes[0] == pytest.approx(space.space.method.posterior(x).mean[0].numpy(), abs=1e-6)
    assert (codes[0] == codes[2]).all()


def test_draws_of_the_prior_follow_the_seed(space):
    assert (space.prior(5, seed=1) == space.prior(5, seed=1)).all()
    assert (space.prior(5, seed=1) != space.prior(5, seed=2)).any()
