"""Every data set against a table of what its sources say."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.core.base import Split
from methods.core.errors import BadInput
from pipelines import datasets
from pipelines.datasets.dataset import Dataset

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Facts:
    """What sources say of a data set.

    Attributes:
        sizes: rows of training, validation and test.
        event: channels, height and width.
        classes: number of classes.
        likelihood: the likelihood's name.
        binarized: training rows are drawn at every reading, the others once.
        file: a file without which the test is skipped.
        checksum: of everything, or nothing where the files have not been seen here.
        learned: rows of each class in training and validation together, as published.
        tested: rows of each class in the test part, as published.
        distinct: no picture is in two parts.
    """

    sizes: tuple[int, int, int]
    event: tuple[int, int, int]
    classes: int = 10
    likelihood: str = "bernoulli"
    binarized: bool = False
    file: str = ""
    checksum: str = ""
    learned: tuple[int, ...] = ()
    tested: tuple[int, ...] = ()
    distinct: bool = True


FACTS = {
    "digits": Facts((1000, 297, 500), (1, 8, 8), checksum="a9c4eba25598a6f8323721d4f017b47d"),
    "mnist": Facts(
        (50_000, 10_000, 10_000),
        (1, 28, 28),
        binarized=True,
        file="mnist/train-images-idx3-ubyte.gz",
        checksum="56c73ee8e2aca19a0cebc10f9a79a717",
        learned=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        tested=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    "fashion_mnist": Facts(
        (50_000, 10_000, 10_000),
        (1, 28, 28),
        binarized=True,
        file="fashion-mnist/train-images-idx3-ubyte.gz",
        checksum="db765d1ea69c7a2410af86ea54c115aa",
        learned=(6000,) * 10,
        tested=(1000,) * 10,
    ),
    "usps": Facts(
        (6291, 1000, 2007),
        (1, 16, 16),
        binarized=True,
        file="usps/usps.npz",
        checksum="75617cdf59a37b4873c07e3519844afb",
        learned=(1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644),
        tested=(359, 264, 198, 166, 200, 160, 170, 147, 166, 177),
    ),
    "caltech101": Facts(
        (4100, 2264, 2307),
        (1, 28, 28),
        classes=101,
        file="caltech101/caltech101_silhouettes_28_split1.mat",
        checksum="0b9ed359664be1217521550f16e283cf",
        distinct=False,
    ),
    "omniglot": Facts(
        (23_000, 1345, 8070), (1, 28, 28), classes=50, binarized=True, file="omniglot/chardata.mat", distinct=False
    ),
    "omniglot_official": Facts(
        (17_935, 1345, 13_180),
        (1, 28, 28),
        classes=0,
        binarized=True,
        file="omniglot/omniglot_28x28.npz",
        checksum="4e61a4aa18f8ce971b79a6f6892fed73",
    ),
    "cifar10": Facts(
        (40_000, 10_000, 10_000),
        (3, 32, 32),
        likelihood="logistic256",
        file="cifar-10/cifar-10-binary.tar.gz",
        learned=(5000,) * 10,
        tested=(1000,) * 10,
    ),
    "cifar10_small": Facts(
        (8000, 2000, 2000),
        (3, 32, 32),
        likelihood="logistic256",
        file="cifar-10/cifar10_subset_10000_2000.npz",
        checksum="1402bda84bce4913a18be376875c251e",
    ),
    "frey_faces": Facts(
        (1565, 200, 200),
        (1, 28, 20),
        classes=0,
        likelihood="logistic256",
        file="frey-faces/frey_rawface.mat",
        checksum="f7be84516d27160b2b63f35035c726d6",
    ),
}


@pytest.fixture(scope="module", params=list(FACTS))
def case(request: pytest.FixtureRequest) -> tuple[Facts, Dataset]:
    facts = FACTS[request.param]
    root = os.environ.get("LATENT_ORCHESTRA_DATA")
    if facts.file and not root:
        pytest.skip("needs data files: set LATENT_ORCHESTRA_DATA to the folder that holds them")
    if facts.file and not (Path(str(root)) / facts.file).is_file():
        pytest.skip(f"needs {facts.file} in the folder that LATENT_ORCHESTRA_DATA names")
    return facts, datasets.load(request.param)


def only(chosen: Callable[[Facts], object]) -> pytest.MarkDecorator:
    """Run a test on some of the data sets."""
    return pytest.mark.parametrize("case", [name for name, facts in FACTS.items() if chosen(facts)], indirect=True)


def parts_of(dataset: Dataset) -> list[Split]:
    return [getattr(dataset.data, part) for part in PARTS]


def counts(labels: Tensor, classes: int) -> list[int]:
    return labels.bincount(minlength=classes).tolist()


def test_every_data_set_is_in_the_table() -> None:
    assert set(FACTS) <= set(datasets.names())


def test_an_unknown_data_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'mnist'"):
        datasets.load("minst")


def test_the_parts_have_the_published_sizes(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    assert tuple(map(len, parts_of(dataset))) == facts.sizes


def test_a_picture_has_the_published_shape(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    assert dataset.event == facts.event
    assert all(split.x.shape[1:] == split.grey.shape[1:] == facts.event for split in parts_of(dataset))


@only(lambda facts: facts.checksum)
def test_all_values_are_what_was_loaded_before(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    assert dataset.checksum == facts.checksum


def test_intensities_are_single_precision_from_zero_to_one(case: tuple[Facts, Dataset]) -> None:
    _, dataset = case
    for split in parts_of(dataset):
        assert split.x.dtype == split.grey.dtype == torch.float32
        assert 0 <= split.grey.min() < 0.1
        assert 0.9 < split.grey.max() <= 1


def test_likelihood_and_classes_are_the_fields(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    assert (dataset.likelihood, dataset.classes) == (facts.likelihood, facts.classes)


def test_data_for_the_discrete_logistic_hold_bin_centers(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    levels = dataset.data.test.x * 256 - 0.5
    assert torch.equal(levels, levels.round()) == (facts.likelihood == "logistic256")


def test_labels_are_integers_that_use_every_class(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    for split in parts_of(dataset):
        if facts.classes == 0:
            assert split.y is None
        else:
            assert split.y is not None
            assert split.y.dtype == torch.int64
            assert split.y.unique().tolist() == list(range(facts.classes))


@only(lambda facts: facts.learned)
def test_classes_have_the_published_numbers_of_rows(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    train, valid, test = (split.y for split in parts_of(dataset))
    assert counts(torch.cat([train, valid]), facts.classes) == list(facts.learned)
    assert counts(test, facts.classes) == list(facts.tested)


@only(lambda facts: facts.distinct)
def test_no_picture_is_in_two_parts(case: tuple[Facts, Dataset]) -> None:
    _, dataset = case
    seen: set[bytes] = set()
    for split in parts_of(dataset):
        pictures = {row.tobytes() for row in (split.grey * 255).round().byte().numpy()}
        assert not seen & pictures
        seen |= pictures


def test_training_rows_are_drawn_at_every_reading_where_the_field_does_so(case: tuple[Facts, Dataset]) -> None:
    facts, dataset = case
    index = torch.arange(100)
    first, second = dataset.data.train[index], dataset.data.train[index]
    assert torch.equal(first.grey, second.grey)
    assert torch.equal(first.x, second.x) != facts.binarized


def test_validation_and_test_are_the_same_at_every_reading(case: tuple[Facts, Dataset]) -> None:
    _, dataset = case
    index = torch.arange(100)
    for split in (dataset.data.valid, dataset.data.test):
        assert torch.equal(split[index].x, split[index].x)


@only(lambda facts: facts.binarized)
def test_binarized_rows_are_zeros_and_ones(case: tuple[Facts, Dataset]) -> None:
    _, dataset = case
    for split in parts_of(dataset):
        assert split[torch.arange(100)].x.unique().tolist() == [0.0, 1.0]


def test_a_process_loads_a_data_set_once() -> None:
    assert datasets.load_once("digits") is datasets.load_once("digits")
