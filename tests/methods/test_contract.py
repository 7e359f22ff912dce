"""What every method promises, on every kind of data. A new file in `methods/` is held to it without a line here."""

from __future__ import annotations

import copy
import functools
import inspect
import io
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import methods
from methods.core.base import Batch, Data, Domain, Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from methods.core.losses import has_rate
from methods.core.ranges import Hyperparameter, Integer, OneOf, Real, declared
from pipelines import artifact, datasets
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate
from pipelines.networks.conv import Conv
from pipelines.networks.gated_mlp import GatedMLP
from pipelines.networks.mlp import MLP
from pipelines.training import Training
from pipelines.trial import Trial, searchable
from pipelines.trial import trial as checked

NAMES = methods.names()
EPOCHS = 20  # within which the codes must have come to say something


@dataclass(frozen=True)
class Kind:
    """Data, and networks that suit them."""

    dataset: Dataset
    domain: Domain
    latent: int


@dataclass(frozen=True, kw_only=True)
class Run(Trial):
    """A trial with networks of its own instead of a family's."""

    domain: Domain

    def build(self, domain: Domain) -> Method:
        return methods.build(self.method, self.domain, self.latent, **self.hyper)


def _digits(size: int = 8) -> Dataset:
    whole = datasets.load_once("digits").data

    def part(split: Split, rows: int) -> Split:
        pixels = split.x[:rows].repeat_interleave(size // 8, 2).repeat_interleave(size // 8, 3)
        x = F.pad(pixels, [size % 8 // 2] * 4)
        assert split.y is not None
        return Split(x, x, split.y[:rows])

    return Dataset(Data(part(whole.train, 200), part(whole.valid, 50), part(whole.test, 50)), classes=10)


def _vectors() -> Dataset:
    """Sigmoids of twelve linear functions of three Gaussian variables, in 256 levels, without labels."""
    generator = torch.Generator().manual_seed(0)
    mixing = 2 * torch.randn(3, 12, generator=generator)

    def part(rows: int) -> Split:
        values = (torch.randn(rows, 3, generator=generator) @ mixing).sigmoid().view(-1, 1, 1, 12)
        x = ((values * 256).floor().clamp(max=255) + 0.5) / 256
        return Split(x, x)

    return Dataset(Data(part(200), part(50), part(50)), classes=0, likelihood="logistic256")


@functools.cache
def kind_of(kind: str) -> Kind:
    match kind:
        case "digits and mlp":
            return Kind(_digits(), MLP((1, 8, 8), 200, 10), latent=12)
        case "digits and gated mlp":
            return Kind(_digits(16), GatedMLP((1, 16, 16), 200, 10, "gaussian"), latent=12)
        case "large digits and conv":
            return Kind(_digits(28), Conv((1, 28, 28), 200, 10, width=2), latent=12)
    return Kind(_vectors(), MLP((1, 1, 12), 200, 0, "logistic256"), latent=4)


LABELED = "digits and mlp"
UNLABELED = "unlabeled vectors and mlp"
KINDS = [LABELED, "digits and gated mlp", "large digits and conv", UNLABELED]


def build(name: str, kind: str, **hyper: object) -> Method:
    return methods.build(name, kind_of(kind).domain, kind_of(kind).latent, **hyper)


def start(name: str, kind: str, **settings: Any) -> Training:
    trial = checked({"data": "digits", "method": name, "latent": kind_of(kind).latent} | settings)
    own = {entry.name: getattr(trial, entry.name) for entry in fields(trial)}
    return Training(Run(**own, domain=kind_of(kind).domain), kind_of(kind).dataset, torch.device("cpu"))


@functools.cache
def _trained(name: str, kind: str) -> Method:
    """Trained until it has learned what is asked of it below, or to the end."""
    training = start(name, kind, epochs=EPOCHS, learning_rate=5e-3, batch_size=20)
    untrained = copy.deepcopy(training.method)
    while not training.done and (_unmoved(untrained, training.method) or significance(training.method, kind) < 8):
        training.epoch()
    training.finish()
    return training.method


def _unmoved(before: Method, after: Method) -> set[str]:
    """Parameters that are still what they were."""
    return {name for name, _ in before.named_parameters()} - _differing(before, after)


def significance(method: Method, kind: str) -> float:
    """How much closer a training row is to what its code decodes to than to what the mean code does.

    The difference of squared distances, averaged over rows, in standard errors of that average.
    """
    train = kind_of(kind).dataset.data.train
    method.eval()
    codes = encode(method, train)
    with torch.no_grad():
        decoded = [method.decode(z, train.y) for z in (codes.mean(0).expand_as(codes), codes)]
    common, own = ((train.x - x).square().flatten(1).sum(1) for x in decoded)
    gain = (common - own).double()
    return (gain.mean() / gain.std() * math.sqrt(len(gain))).item()


def trained(name: str, kind: str) -> Method:
    """The method after a short training, in evaluation mode; a copy, to be changed at will."""
    return copy.deepcopy(_trained(name, kind)).eval()


def held_out(kind: str) -> Split:
    return kind_of(kind).dataset.data.test


def a_batch(kind: str, rows: int = 20) -> Batch:
    return kind_of(kind).dataset.data.train[torch.arange(rows)]


def started(method: Method, kind: str) -> Method:
    """Ready for its first batch."""
    with torch.no_grad():
        method.eval().start_epoch(0, kind_of(kind).dataset.data)
    return method.train()


def refuses_unlabeled(name: str) -> bool:
    try:
        build(name, UNLABELED)
    except BadInput:
        return True
    return False


PAIRS = [(name, kind) for name in NAMES for kind in KINDS if kind != UNLABELED or not refuses_unlabeled(name)]
every_method = pytest.mark.parametrize("name", NAMES)
everywhere = pytest.mark.parametrize(("name", "kind"), PAIRS)


# --- what is written about it -----------------------------------------------------------------------------------------


@every_method
def test_every_keyword_of_the_constructor_is_a_hyperparameter_with_a_range(name: str) -> None:
    constructor = vars(methods.get(name)).get("__init__")
    parameters = list(inspect.signature(constructor).parameters.values()) if constructor else []
    keywords = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    assert list(declared(methods.get(name).__init__)) == keywords


@every_method
def test_every_default_lies_in_the_range_that_is_searched(name: str) -> None:
    for hyper, entry in declared(methods.get(name).__init__).items():
        if not isinstance(entry.range, OneOf):
            assert entry.range.low <= entry.default <= entry.range.high, hyper
        assert entry.range.check(hyper, entry.default) == entry.default


@every_method
def test_no_hyperparameter_is_named_like_a_setting_of_a_trial(name: str) -> None:
    assert {entry.name for entry in fields(Trial)}.isdisjoint(declared(methods.get(name).__init__))


@every_method
def test_the_docstring_explains_every_hyperparameter_and_names_the_source(name: str) -> None:
    text = inspect.getdoc(methods.get(name)) or ""
    assert "Source:" in text
    assert all(f"\n    {hyper}: " in text for hyper in declared(methods.get(name).__init__))


@every_method
def test_hyperparameters_are_settings_of_its_trials(name: str) -> None:
    assert set(declared(methods.get(name).__init__)) <= set(searchable(name))
    assert set(searchable(name)) <= set(checked({"data": "digits", "method": name}).settings())


# --- its construction -------------------------------------------------------------------------------------------------


@every_method
def test_both_ends_of_every_range_give_a_finite_objective(name: str) -> None:
    for hyper, entry in declared(methods.get(name).__init__).items():
        for value in _ends(entry):
            method = started(build(name, LABELED, **{hyper: value}), LABELED)
            assert all(term.isfinite() for term in method.loss(a_batch(LABELED)).values()), (hyper, value)


def _ends(entry: Hyperparameter) -> tuple[Any, ...]:
    span = entry.range
    return (span.low, span.high) if isinstance(span, Real | Integer) else span.choices


@everywhere
def test_equal_seeds_give_equal_parameters_and_other_seeds_others(name: str, kind: str) -> None:
    first, second, third = (_seeded(seed, name, kind) for seed in (1, 1, 2))
    assert _differing(first, second) == set()
    assert _differing(first, third) != set()


def _seeded(seed: int, name: str, kind: str) -> Method:
    torch.manual_seed(seed)
    return build(name, kind)


@every_method
def test_data_without_labels_are_learned_from_or_refused_in_one_sentence(name: str) -> None:
    if refuses_unlabeled(name):
        with pytest.raises(BadInput, match=rf"^{name} .*labels.*") as caught:
            build(name, UNLABELED)
        assert "\n" not in str(caught.value)
    else:
        batch = a_batch(UNLABELED)
        assert batch.y is None
        assert all(term.isfinite() for term in started(build(name, UNLABELED), UNLABELED).loss(batch).values())


# --- its objective ----------------------------------------------------------------------------------------------------


@everywhere
def test_terms_are_named_finite_scalars(name: str, kind: str) -> None:
    training = start(name, kind)
    method = started(training.method, kind)
    for terms, parts in method.updates(a_batch(kind)):
        assert terms
        assert all(term.isidentifier() and value.shape == () and value.isfinite() for term, value in terms.items())
        training.optimizers.step(torch.stack(list(terms.values())).sum(), parts)


@everywhere
def test_the_reconstruction_is_a_mean_over_rows_and_no_sum(name: str, kind: str) -> None:
    method, rows = trained(name, kind), torch.arange(30)
    train = kind_of(kind).dataset.data.train
    few, many = (method.loss(train[index])["reconstruction"].item() for index in (rows, rows.repeat(3)))
    # The rows are the same, so only the noise of the codes differs: a few percent, where a sum would be threefold.
    assert many == pytest.approx(few, rel=0.3)


@everywhere
def test_the_reconstruction_teaches_every_output_of_the_encoder(name: str, kind: str) -> None:
    method = started(build(name, kind), kind)
    outputs: list[Tensor] = []
    method.encoder.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    reconstruction = method.loss(a_batch(kind))["reconstruction"]
    gradients = torch.autograd.grad(reconstruction, outputs, allow_unused=True, materialize_grads=True)
    assert torch.cat(gradients).ne(0).any(0).all()


@everywhere
@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_one_has_a_finite_objective(name: str, kind: str, training: bool) -> None:
    method = trained(name, kind).train(training)
    assert all(term.isfinite() for term in method.loss(a_batch(kind, rows=1)).values())


# --- what training does -----------------------------------------------------------------------------------------------


@everywhere
def test_training_reaches_every_parameter(name: str, kind: str) -> None:
    assert _unmoved(start(name, kind).method, trained(name, kind)) == set()


@everywhere
def test_training_leaves_everything_finite(name: str, kind: str) -> None:
    assert all(tensor.isfinite().all() for tensor in trained(name, kind).state_dict().values())


@everywhere
def test_a_code_says_more_than_the_mean_code(name: str, kind: str) -> None:
    method = trained(name, kind)
    assert encode(method, kind_of(kind).dataset.data.train).var(0).max() > 0
    assert significance(method, kind) > 5  # a false alarm in fewer than one of a million


@everywhere
def test_resuming_after_an_epoch_equals_no_interruption(name: str, kind: str) -> None:
    whole = start(name, kind, epochs=2)
    expected = [_terms(whole) for _ in range(2)]
    whole.finish()
    interrupted = start(name, kind, epochs=2)
    found = [_terms(interrupted)]
    file = io.BytesIO()
    torch.save(interrupted.state_dict(), file)
    resumed = start(name, kind, epochs=2)
    resumed.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    found.append(_terms(resumed))
    resumed.finish()
    assert found == expected
    assert resumed.done
    assert _differing(whole.method, resumed.method) == set()


def _terms(training: Training) -> dict[str, float]:
    return {name: value for name, value in training.epoch().items() if name != "seconds"}


# --- codes and prior --------------------------------------------------------------------------------------------------


@everywhere
def test_codes_reconstructions_and_draws_have_their_shapes(name: str, kind: str) -> None:
    method, batch, latent = trained(name, kind), a_batch(kind), kind_of(kind).latent
    posterior = method.posterior(batch.grey, batch.y)
    draws = method.prior().sample(torch.Size([20]))
    assert posterior.mean.shape == posterior.rsample().shape == (20, latent)
    assert draws.shape == (20, latent)
    assert method.decode(draws, batch.y).shape == batch.x.shape
    assert method.log_likelihood(batch.x, draws, batch.y).shape == (20,)
    if has_rate(method.prior()):
        assert method.prior().log_prob(draws).shape == (20,)


@everywhere
def test_a_reconstruction_is_differentiable_in_the_code(name: str, kind: str) -> None:
    method, batch = trained(name, kind), a_batch(kind)
    z = method.posterior(batch.grey, batch.y).mean.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(method.decode(z, batch.y).sum(), z)
    assert gradient.ne(0).any(0).all()


@everywhere
def test_the_code_of_a_row_does_not_depend_on_the_other_rows(name: str, kind: str) -> None:
    method, split = trained(name, kind), held_out(kind)
    torch.testing.assert_close(encode(method, split, size=7), encode(method, split))


@everywhere
def test_the_method_can_be_measured(name: str, kind: str) -> None:
    assert all(math.isfinite(value) for value in evaluate(trained(name, kind), held_out(kind)).values())


# --- its state --------------------------------------------------------------------------------------------------------


@everywhere
def test_a_state_dict_brings_codes_and_reconstructions_back(name: str, kind: str) -> None:
    method, split = trained(name, kind), held_out(kind)
    again = _restored(method, name, kind)
    codes = encode(method, split)
    assert torch.equal(encode(again, split), codes)
    assert torch.equal(again.decode(codes, split.y), method.decode(codes, split.y))


@everywhere
def test_a_state_dict_brings_the_prior_back(name: str, kind: str) -> None:
    method = trained(name, kind)
    again = _restored(method, name, kind)
    draws = _drawn(method)
    assert torch.equal(_drawn(again), draws)
    if has_rate(method.prior()):
        assert torch.equal(again.prior().log_prob(draws), method.prior().log_prob(draws))


@everywhere
def test_a_state_dict_brings_the_objective_back(name: str, kind: str) -> None:
    method = trained(name, kind)
    again = _restored(method, name, kind)
    assert _objective(again, kind) == _objective(method, kind)


@everywhere
def test_converted_to_double_precision_all_of_the_method_is(name: str, kind: str) -> None:
    """What is neither parameter nor buffer stays behind, and on the CPU when the method moves to a GPU."""
    method, batch = trained(name, kind).double(), a_batch(kind)
    x = batch.x.double()
    terms = method.loss(Batch(x, x, batch.index, batch.y))
    tensors = [*terms.values(), method.posterior(x, batch.y).mean, method.prior().sample(torch.Size([1]))]
    assert {tensor.dtype for tensor in tensors} == {torch.double}
    assert [name for name, part in _loose_tensors(method)] == []


def _loose_tensors(method: nn.Module) -> list[tuple[str, Tensor]]:
    return [
        (f"{name}.{key}", value)
        for name, module in method.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, Tensor)
    ]


@every_method
def test_an_artifact_brings_codes_and_prior_back(name: str, tmp_path: Path, digits: Dataset) -> None:
    trial = checked({"data": "digits", "method": name, "network": "mlp", "latent": 10})
    training = Training(trial, digits, torch.device("cpu"))
    with torch.no_grad():
        training.method.eval().start_epoch(0, digits.data)
    training.finish()
    artifact.save(tmp_path / "method", trial, training.method, digits)
    saved = artifact.load(tmp_path / "method")
    assert torch.equal(encode(saved.method, digits.data.test), encode(training.method, digits.data.test))
    assert torch.equal(_drawn(saved.method), _drawn(training.method))
    assert saved.trial == trial


def _restored(method: Method, name: str, kind: str) -> Method:
    """A new method, from other random numbers, with the state of `method`."""
    torch.manual_seed(54321)
    again = build(name, kind)
    again.load_state_dict(method.state_dict())
    return again.eval()


def _drawn(method: Method) -> Tensor:
    torch.manual_seed(7)
    return method.prior().sample(torch.Size([50]))


def _objective(method: Method, kind: str) -> dict[str, float]:
    torch.manual_seed(7)
    return {name: term.item() for name, term in method.loss(a_batch(kind)).items()}


def _differing(first: nn.Module, second: nn.Module) -> set[str]:
    one, other = first.state_dict(), second.state_dict()
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}
