from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import methods
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.metrics import registry
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.metrics.strings import greedy, reconstruction_of_each, string_metrics
from pipelines.metrics.subject import NotMeasurable, Settings, Subject
from pipelines.networks.mlp import MLP
from pipelines.sequences.languages import language
from pipelines.sequences.networks import mlp as sequences
from pipelines.sequences.string_data import dataset

TEXTS = ["x + 1", "sin( x )", "x * x / 3", "exp( 2 ) + x", "1", "( x )"]


def data(name: str = "expression_grammar", *, train: list[str] = TEXTS, test: list[str] = TEXTS) -> Dataset:
    own = language(name)
    parts = [torch.tensor([list(own.encode(text)) for text in part], dtype=torch.uint8) for part in (train, test)]
    return dataset(name, parts[0], parts[0], parts[1])


class Constant(nn.Module):
    """The same scores for every code: those of one string, or half of it where they are to be uncertain."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        own = language(name)
        row = torch.tensor(list(own.encode(text)))
        self.scores = nn.Parameter(30 * nn.functional.one_hot(row, own.symbols).float())

    def forward(self, z: Tensor) -> Tensor:
        return self.scores.expand(len(z), -1, -1)


def method_that_writes(text: str, name: str = "expression_grammar", method: str = "vae") -> Method:
    own = language(name)
    built = methods.build(method, sequences.MLP((own.length, own.symbols), 6, 0, name), 3)
    built.decoder.network = Constant(text, name)
    return built


def test_a_decoder_of_one_string_gets_back_that_one_alone() -> None:
    found = string_metrics(method_that_writes("x + 1"), data().data)
    assert found["exact_reconstruction"] == 1 / 6
    assert found["uniqueness"] == 1 / 1000
    assert found["novelty"] == 0


def test_token_accuracy_counts_symbols_that_are_no_padding() -> None:
    """`x + 1` is S+, S, x, 1 in rules; `x + 2` differs in the last of the four."""
    found = string_metrics(method_that_writes("x + 1"), data(test=["x + 2"]).data)
    assert found["token_accuracy"] == 3 / 4
    assert found["exact_reconstruction"] == 0


def test_a_string_that_is_not_in_the_training_data_is_novel() -> None:
    assert string_metrics(method_that_writes("x + 2"), data().data)["novelty"] == 1


def test_rules_write_valid_strings_whatever_the_scores() -> None:
    found = string_metrics(methods.build("vae", sequences.MLP((15, 12), 6, 0, "expression_grammar"), 3), data().data)
    assert {found[name] for name in found if "validity" in name} == {1.0}


def test_characters_need_not_be_valid_and_then_there_is_nothing_to_count() -> None:
    name = "expression_characters"
    found = string_metrics(method_that_writes("x + + 1", name), data(name).data)
    assert found["validity_greedy"] == found["validity_sampled"] == found["prior_validity"] == 0
    assert math.isnan(found["uniqueness"])
    assert math.isnan(found["novelty"])


def test_the_three_validities_are_those_of_the_scores() -> None:
    """The last of three characters is ( or 1 with the odds 0.55 to 0.45: valid are 0, 0.45, and 1 - 0.55^attempts."""
    name, rows = "expression_characters", 6
    method = method_that_writes("x + (", name)
    numbers = language(name).encode("x(1")
    with torch.no_grad():
        method.decoder.network.scores[2] = -1e4
        method.decoder.network.scores[2, numbers[1]] = math.log(0.55)
        method.decoder.network.scores[2, numbers[2]] = math.log(0.45)
    repeated = data(name, test=TEXTS[:1] * 4000)
    found = string_metrics(method, repeated.data, rows=4000, attempts=3)
    assert found["validity_greedy"] == 0
    # five standard errors of a share of 4000
    assert abs(found["validity_sampled"] - 0.45) < 5 * math.sqrt(0.45 * 0.55 / 4000)
    expected = 1 - 0.55**3
    assert abs(found["validity_attempts"] - expected) < 5 * math.sqrt(expected * (1 - expected) / 4000)
    assert rows < 4000


def test_molecules_are_valid_if_their_valences_are() -> None:
    pytest.importorskip("rdkit")
    molecules = ["CCO", "c1ccccc1", "CC(=O)N"]
    good, bad = (method_that_writes(text, "smiles_grammar") for text in ("OCC", "C(F)(F)(F)(F)F"))
    own = data("smiles_grammar", train=molecules, test=molecules)
    found = string_metrics(good, own.data, rows=20, attempts=2)
    assert found["prior_validity"] == 1
    assert found["novelty"] == 0  # OCC is another way to write CCO
    assert string_metrics(bad, own.data, rows=20, attempts=2)["prior_validity"] == 0


def test_the_greedy_string_is_that_of_the_scores() -> None:
    method = methods.build("vae", sequences.MLP((15, 12), 6, 0, "expression_grammar"), 3)
    z = torch.randn(40, 3)
    found = greedy(method, z)
    assert torch.equal(found, method.decoder.language.greedy(method.decoder.network(z)))
    assert torch.equal(method.decode(z).argmax(-1), found.long())  # the decoder is as it was before


def test_evaluate_has_what_comes_back_in_place_of_distances_between_pictures() -> None:
    method, split = method_that_writes("x + 1"), data().data.test
    found = evaluate(method, split)
    expected = string_metrics(method, data().data, attempts=1)
    for name in ("exact_reconstruction", "token_accuracy", "validity_greedy"):
        assert found[name] == pytest.approx(expected[name]) == pytest.approx(monitor(method, split)[name])
    assert not {"bce", "mse", "bce_mean", "mse_mean"} & set(found)


def test_of_every_string_the_three_are_counted_by_hand() -> None:
    """`x + 1` is S+, S, x, 1 in rules, `x * 1` differs in the first of the four, and `1` is S, 1."""
    method, own = method_that_writes("x + 1"), language("expression_grammar")
    rows = torch.tensor([list(own.encode(text)) for text in ("x + 1", "x * 1", "1")])
    found = reconstruction_of_each(method, rows, torch.zeros(3, 3))
    assert found["exact_reconstruction"].tolist() == [1, 0, 0]
    assert found["token_accuracy"].tolist() == pytest.approx([1, 3 / 4, 0])
    assert found["validity_greedy"].tolist() == [1, 1, 1]


def test_the_group_of_strings_has_the_numbers_of_string_metrics() -> None:
    method, own = method_that_writes("x + 1"), data().data
    found = registry.measure(Subject(method, own, Settings(rows=20, attempts=3)), "strings")
    expected = string_metrics(method, own, rows=20, attempts=3)
    assert found.values == {name: expected[name] for name in found.values}
    assert set(found.values) == {"validity_sampled", "validity_attempts", "prior_validity", "uniqueness", "novelty"}


def test_where_no_draw_is_valid_nothing_is_unique_and_that_is_said() -> None:
    name = "expression_characters"
    found = registry.measure(Subject(method_that_writes("x + + 1", name), data(name).data, Settings(rows=5)), "strings")
    assert found.values["prior_validity"] == 0
    assert found.missing == dict.fromkeys(["uniqueness", "novelty"], "no draw of the prior is valid")


def test_every_group_measures_strings_or_says_why_not() -> None:
    subject = Subject(method_that_writes("x + 1"), data().data, Settings(rows=4, samples=3))
    for group in ("standard", "reencoding", "prior_mismatch", "log_likelihood"):
        found = registry.measure(subject, group)
        assert all(math.isfinite(value) for value in found.values.values())
    assert registry.measure(subject, "standard").missing["bce"] == "the data are strings"
    for group in ("frechet_classifier", "frechet_inception"):
        with pytest.raises(NotMeasurable):
            registry.measure(subject, group)


def test_measuring_leaves_the_random_numbers_and_modes_alone() -> None:
    method = method_that_writes("x").train()
    state = torch.get_rng_state()
    string_metrics(method, data().data)
    assert torch.equal(torch.get_rng_state(), state)
    assert method.training


@pytest.mark.parametrize(("settings", "words"), [({"rows": 0}, "rows and attempts"), ({"attempts": 0}, "at least 1")])
def test_nothing_to_measure_is_refused(settings: dict[str, int], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        string_metrics(method_that_writes("x"), data().data, **settings)


def test_a_decoder_of_pictures_is_refused() -> None:
    with pytest.raises(BadInput, match="decodes into something else"):
        string_metrics(methods.build("vae", MLP((1, 8, 8), 6, 0), 3), data().data)
