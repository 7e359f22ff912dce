from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

import methods
from methods.core.base import Data, Method, Split
from methods.core.errors import BadInput
from pipelines import datasets, networks
from pipelines.metrics import classifier, image_quality, images, inception, registry
from pipelines.metrics.frechet import frechet_distance
from pipelines.metrics.inception_network import InceptionV3
from pipelines.metrics.metric import METRICS
from pipelines.metrics.subject import NotMeasurable, Settings, Subject

OURS = {name for name, metric in METRICS.items() if metric.group == "frechet_classifier"}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("cache")
    patch.setenv("LATENT_ORCHESTRA_CACHE", str(folder))
    patch.delenv("LATENT_ORCHESTRA_DATA", raising=False)
    patch.setattr(classifier, "_STEPS", 150)
    patch.setattr(image_quality, "_SUBSETS", 5)
    yield folder
    patch.undo()


def _method(name: str = "vae") -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1297, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, 10)


def _subject(name: str = "vae", **settings: int) -> Subject:
    dataset = datasets.load_once("digits")
    return Subject(_method(name), dataset.data, Settings(**settings), checksum=dataset.checksum)


@pytest.mark.parametrize("name", ["vae", "ae", "conditional_vae", "joint_vae"])
def test_methods_of_every_kind_have_all_distances_in_a_classifiers_features(name: str) -> None:
    found = registry.measure(_subject(name, images=300), "frechet_classifier")
    assert set(found.values) | set(found.missing) == OURS
    assert not found.missing
    assert all(math.isfinite(value) for value in found.values.values())


def test_the_record_says_what_was_compared_in_which_features() -> None:
    record = registry.measure(_subject(images=200), "frechet_classifier").record
    assert record["real"] == "test split, grey"
    assert (record["real_images"], record["generated"]["samples"]["images"]) == (200, 200)
    assert record["features"] == classifier.NAME
    assert len(record["weights"]) == 16
    assert record["classifier_accuracy"] > 0.8


def test_a_copy_of_the_data_is_nearer_than_samples_of_an_untrained_method() -> None:
    subject = _subject(images=400)
    network = classifier.trained(subject.data.train, subject.checksum)
    test, train = subject.split.grey[:400], subject.data.train.grey[:400]
    made = torch.cat(list(images.samples(subject)))
    real = network.features(test)
    assert frechet_distance(real, network.features(train)) < 0.1 * frechet_distance(real, network.features(made))


def test_features_have_variance_one_on_average() -> None:
    subject = _subject()
    network = classifier.trained(subject.data.train, subject.checksum)
    assert network.features(subject.data.train.grey).var(0).mean().item() == pytest.approx(1, rel=1e-4)


def test_the_classifier_is_trained_once_for_a_data_set(cache: Path) -> None:
    train = datasets.load_once("digits").data.train
    first = classifier.fingerprint(classifier.trained(train, "some-checksum"))
    kept = next((cache / "classifiers").glob("*some-checksum*"))
    written = kept.stat().st_mtime_ns
    assert classifier.fingerprint(classifier.trained(train, "some-checksum")) == first
    assert kept.stat().st_mtime_ns == written


def test_training_the_classifier_leaves_random_numbers_alone() -> None:
    state = torch.get_rng_state()
    classifier.trained(datasets.load_once("digits").data.train, "other-checksum")
    assert torch.equal(torch.get_rng_state(), state)


def test_data_without_labels_have_no_classifier() -> None:
    x = torch.rand(20, 1, 8, 8)
    split = Split(x, x)
    with pytest.raises(NotMeasurable, match="needs labels"):
        registry.measure(Subject(_method(), Data(split, split, split)), "frechet_classifier")


def test_data_that_are_no_images_have_no_image_distances() -> None:
    x = torch.rand(20, 15, 15)
    split = Split(x, x, torch.arange(20))
    for group in ("frechet_classifier", "frechet_inception"):
        with pytest.raises(NotMeasurable, match="no images"):
            registry.measure(Subject(_method(), Data(split, split, split)), group)


def test_the_spherical_midpoint_is_on_the_sphere_and_as_far_from_both() -> None:
    a, b = (5 * nn.functional.normalize(torch.randn(100, 4).double(), dim=1) for _ in range(2))
    middle = images.spherical_midpoint(a, b)
    assert torch.allclose(middle.norm(dim=1), torch.tensor(5.0).double())
    assert torch.allclose((middle - a).norm(dim=1), (middle - b).norm(dim=1))


def test_the_midpoint_of_a_code_and_itself_is_the_code_and_opposites_have_a_finite_one() -> None:
    a = torch.randn(10, 4)
    assert torch.allclose(images.spherical_midpoint(a, a), a, atol=1e-5)
    assert images.spherical_midpoint(a, -a).abs().max() < 1e-3


def test_missing_weights_are_named_with_path_and_checksum(cache: Path) -> None:
    with pytest.raises(NotMeasurable) as caught:
        registry.measure(_subject(), "frechet_inception")
    assert inception.WEIGHTS.sha256 in str(caught.value)
    assert str(cache / "inception" / inception.WEIGHTS.name) in str(caught.value)


def _random_inception() -> InceptionV3:
    torch.manual_seed(0)
    return InceptionV3().eval().requires_grad_(False)


def test_inception_has_the_parameters_and_shapes_of_the_published_one() -> None:
    network = _random_inception()
    state = network.state_dict()
    assert sum(value.numel() for value in network.parameters()) == 21_785_568
    assert tuple(state["Mixed_6c.branch7x7dbl_4.conv.weight"].shape) == (160, 160, 7, 1)
    assert tuple(state["Mixed_7c.branch3x3dbl_3b.bn.running_var"].shape) == (384,)


def test_grey_and_colored_images_of_every_size_have_2048_features() -> None:
    network = _random_inception()
    grey = torch.rand(1, 1, 8, 8)
    found = inception.features(network, grey)
    assert found.shape == (1, 2048)
    assert torch.equal(found, inception.features(network, grey.expand(-1, 3, -1, -1)))


def test_images_are_rounded_to_eight_bits() -> None:
    images = torch.tensor([0.5004, 128 / 255, 1.2, 1.0, -0.1, 0.0]).view(6, 1, 1, 1)
    found = inception.features(_random_inception(), images)
    assert torch.equal(found[0::2], found[1::2])


def test_weights_that_are_no_weights_are_refused_in_a_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = cache / "broken.pth"
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, place)
    monkeypatch.setattr(inception, "fetch", lambda file: place)
    with pytest.raises(BadInput, match="holds no weights of Inception"):
        inception.inception(download=True)
