from __future__ import annotations

import dataclasses
import io

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import Independent, Normal

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from methods.gmvae import GMVAE
from pipelines import figures
from pipelines.datasets.dataset import Dataset
from pipelines.figures.conditional_samples import conditions
from pipelines.figures.sheet import tiles
from pipelines.figures.subject import Subject
from pipelines.training import domain
from pipelines.trial import trial

EVERYWHERE = {"activity", "hubs", "interpolations", "prior_samples", "reconstructions", "traversals"}


def build(dataset: Dataset, method: str, **hyper: object) -> Subject:
    """A method with its first weights, and with what it takes from the data."""
    run = trial({"method": method, "data": "digits", "network": "mlp", "latent": 12} | hyper)
    built = run.build(domain(run, dataset)).eval()
    with torch.no_grad():
        built.start_epoch(0, dataset.data)
        built.finish(dataset.data)
    return Subject(built, dataset, f"{method} on digits")


def picture(figure: Figure, place: int = 0) -> Tensor:
    return torch.from_numpy(figure.axes[place].images[0].get_array().data)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, metadata={"Software": None})
    return file.getvalue()


@pytest.mark.parametrize(
    ("method", "more", "less"),
    [
        ("vae", set(), set()),
        ("ae", set(), set()),
        ("lambda_hot_vae", {"conditional_samples"}, set()),
        ("kmeans_vae", {"conditional_samples"}, set()),
        ("gmm_dae", {"conditional_samples"}, set()),
        ("gmvae", {"conditional_samples"}, set()),
        ("joint_vae", {"conditional_samples"}, set()),
        ("conditional_vae", {"conditional_samples"}, set()),
        ("prototypical_vae", {"prototypes"}, set()),
        ("vamp_prior", {"prototypes"}, set()),
        ("exemplar_vae", {"exemplars"}, set()),
        ("hub_vae", {"exemplars"}, set()),
        ("vq_vae", set(), {"interpolations", "traversals"}),
    ],
)
def test_a_method_has_the_figures_that_suit_it(digits: Dataset, method: str, more: set[str], less: set[str]) -> None:
    subject = build(digits, method)
    drawn = figures.draw_all(subject, only=[name for name in figures.names() if name != "tsne"])
    assert set(drawn.figures) == (EVERYWHERE | more) - less
    assert set(drawn.figures) | set(drawn.skipped) | {"tsne"} == set(figures.names())
    assert "training_curves" in drawn.skipped


def test_reconstructions_are_decoded_from_the_mean_codes_of_the_images_above_them(digits: Dataset) -> None:
    subject = build(digits, "vae")
    batch = subject.rows(30)
    with torch.no_grad():
        decoded = subject.method.decode(subject.method.posterior(batch.x).mean)
    lines = [part for line in range(3) for part in (batch.x[10 * line :][:10], decoded[10 * line :][:10])]
    drawn = picture(figures.draw("reconstructions", subject))
    torch.testing.assert_close(drawn, torch.from_numpy(tiles(torch.stack(lines))))


def test_every_method_is_shown_on_the_same_rows(digits: Dataset) -> None:
    first, second = build(digits, "vae").rows(30), build(digits, "ae").rows(30)
    assert torch.equal(first.index, second.index)
    assert torch.equal(first.x, digits.data.test.x[first.index])


def test_a_density_takes_the_place_of_the_prior(digits: Dataset) -> None:
    subject = build(digits, "vae")
    place = torch.full((12,), 2.0)
    density = Independent(Normal(place, torch.full((12,), 1e-6)), 1)
    figure = figures.draw("prior_samples", dataclasses.replace(subject, density=density, density_name="narrow"))
    with torch.no_grad():
        expected = subject.method.decode(place.unsqueeze(0)).expand(100, 1, 8, 8).unflatten(0, (10, 10))
    torch.testing.assert_close(picture(figure), torch.from_numpy(tiles(expected)), atol=1e-4, rtol=0)
    assert figure.get_suptitle() == "Samples from the density narrow"


def test_a_figure_is_the_same_every_time_and_whatever_else_is_drawn(digits: Dataset) -> None:
    subject = build(digits, "gmm_dae")
    names = ["prior_samples", "conditional_samples"]
    together = figures.draw_all(subject, only=names).figures
    torch.manual_seed(5)
    assert all(png(together[name]) == png(figures.draw(name, subject)) for name in names)
    assert png(figures.draw("prior_samples", subject, seed=1)) != png(together["prior_samples"])


def test_drawing_leaves_no_trace_in_random_numbers_or_modes(digits: Dataset) -> None:
    subject = build(digits, "vae")
    subject.method.train()
    before = torch.get_rng_state()
    figures.draw("prior_samples", subject)
    assert torch.equal(torch.get_rng_state(), before)
    assert subject.method.training


def test_samples_of_a_class_scatter_around_its_mean(digits: Dataset) -> None:
    method = build(digits, "lambda_hot_vae", scale=7.0).method
    found = conditions(method, method.prior(), 4000, most=4)
    assert (found.kind, found.numbers.tolist(), found.total) == ("class", [0, 1, 2, 3], 10)
    # the mean of 4000 draws of unit variance deviates by 0.016: 6 times that is passed once in 10^7
    torch.testing.assert_close(found.codes.mean(1), 7 * torch.eye(4, 12), atol=0.1, rtol=0)


def test_the_clusters_that_are_shown_are_the_largest(digits: Dataset) -> None:
    method = build(digits, "kmeans_vae", clusters=8).method
    largest = sorted(method.frequencies.sort(descending=True).indices[:3].tolist())
    assert conditions(method, method.prior(), 2, most=3).numbers.tolist() == largest


def test_samples_of_a_bent_component_follow_its_means(digits: Dataset) -> None:
    method = build(digits, "gmvae", components=3).method
    assert isinstance(method, GMVAE)
    with torch.no_grad():
        method.prior_network[-1].bias.copy_(torch.arange(72.0) / 36)  # components far apart
        found = conditions(method, method.prior(), 4000, most=12)
        expected = method._mixture(method.draws).mean.mean(0)
    error = found.codes.std(1) / 4000**0.5
    assert ((found.codes.mean(1) - expected).abs() < 6 * error).all()


def test_a_column_of_a_conditional_method_is_one_code_in_every_class(digits: Dataset) -> None:
    method = build(digits, "conditional_vae").method
    found = conditions(method, method.prior(), 5, most=12)
    assert torch.equal(found.codes[0], found.codes[9])
    assert found.labels is not None
    assert found.labels.tolist() == list(range(10))


def test_a_column_of_categories_differs_in_the_category_alone(digits: Dataset) -> None:
    method = build(digits, "joint_vae", categories=4).method
    found = conditions(method, method.prior(), 5, most=12)
    assert torch.equal(found.codes[0, :, :8], found.codes[3, :, :8])
    assert torch.equal(found.codes[:, 0, 8:], torch.eye(4))


def test_traversals_leave_categories_alone(digits: Dataset) -> None:
    axes = figures.draw("traversals", build(digits, "joint_vae", categories=4)).axes[0]
    assert {label.get_text() for label in axes.get_yticklabels()} == {f"z{number}" for number in range(8)}


@pytest.mark.parametrize(("method", "reach"), [("vae", "3"), ("ne_vae", "10")])
def test_traversals_of_ne_vae_go_as_far_as_in_its_paper(digits: Dataset, method: str, reach: str) -> None:
    labels = [label.get_text() for label in figures.draw("traversals", build(digits, method)).axes[0].get_xticklabels()]
    assert (labels[0], labels[-1]) == (f"-{reach}", reach)


def test_a_traversal_reaches_the_values_that_its_columns_are_labeled_with(digits: Dataset) -> None:
    subject = build(digits, "vae")
    axes = figures.draw("traversals", subject).axes[0]
    batch = subject.rows(1)
    with torch.no_grad():
        code = subject.method.posterior(batch.x).mean[0]
        code[int(axes.get_yticklabels()[0].get_text()[1:])] = -3.0
        expected = subject.method.decode(code.unsqueeze(0))[0, 0]
    drawn = torch.from_numpy(axes.images[0].get_array().data)
    torch.testing.assert_close(drawn[1:9, 1:9], expected)  # after a gutter of one pixel


def test_exemplars_are_the_training_rows_that_the_components_were_encoded_from(digits: Dataset) -> None:
    subject = build(digits, "hub_vae", components=20)
    drawn = picture(figures.draw("exemplars", subject))
    train = digits.data.train.grey[subject.method.pool[: int(subject.method.pool_size)]]
    shown = torch.stack([drawn[1 + 9 * row :][:8, 1:9] for row in range(10)])
    assert all((train[:, 0] == image).all((1, 2)).any() for image in shown)


def test_pseudo_inputs_are_shown_as_the_encoder_sees_them(digits: Dataset) -> None:
    subject = build(digits, "vamp_prior", components=5)
    with torch.no_grad():
        subject.method.pseudo_inputs.mul_(40).sub_(1)  # beyond 0 and 1
        expected = subject.method._inputs()
    drawn = picture(figures.draw("prototypes", subject))
    assert torch.equal(torch.stack([drawn[1 + 9 * row :][:8, 1:9] for row in range(5)]), expected[:, 0])


def test_vectors_have_the_figures_of_codes_and_no_pictures() -> None:
    split = Split(x := torch.rand(50, 20), x)
    dataset = Dataset(Data(split, split, split), classes=0)
    drawn = figures.draw_all(build(dataset, "vae"))
    assert set(drawn.figures) == {"activity", "tsne"}
    for name in ("reconstructions", "prior_samples", "interpolations", "traversals"):
        assert drawn.skipped[name] == "pictures need images of shape (1 or 3, height, width), got data of shape (20,)"


def test_without_labels_no_hub_is_bad(digits: Dataset) -> None:
    parts = [dataclasses.replace(split, y=None) for split in (digits.data.train, digits.data.valid, digits.data.test)]
    with pytest.raises(BadInput, match="bad hubs are told by labels"):
        figures.draw("hubs", build(Dataset(Data(*parts), classes=0), "vae"))


def test_an_unknown_figure_is_answered_with_the_nearest(digits: Dataset) -> None:
    with pytest.raises(BadInput, match="did you mean 'traversals'"):
        figures.draw("traversal", build(digits, "vae"))
