import json

import matplotlib.image
import numpy as np
import pytest

from lso.tasks import toy, toy_report
from methods.core.errors import BadInput
from pipelines import console


@pytest.fixture(scope="session")
def result(folder, split):
    from lso.space import LatentSpace

    return toy.run(LatentSpace.load(folder), split, toy.Settings(images=3, iterations=300))


@pytest.fixture
def written(result, tmp_path):
    toy_report.write(result, tmp_path / "a" / "b", title="A title", facts={"task": "toy"})
    return tmp_path / "a" / "b"


def test_three_files_are_written(written):
    assert {file.name for file in written.iterdir()} == set(toy_report.FILES)


def test_evaluations_hold_no_pickle(written, result):
    with np.load(written / "evaluations.npz", allow_pickle=False) as arrays:
        assert arrays["codes"].shape == (3, 3, 6, 8)
        assert arrays["inits"].tolist() == ["encoder", "prior", "random"]
        assert np.array_equal(arrays["losses"].reshape(9, 6), result.rests.losses.numpy())
        assert np.array_equal(arrays["image"], result.index.numpy())


def test_the_code_by_the_strictest_rule_decodes_to_what_is_written(written, result, space):
    with np.load(written / "evaluations.npz", allow_pickle=False) as arrays:
        decoded = space.decode(result.rests.codes[:, -1]).numpy().reshape(arrays["decoded"].shape)
        np.testing.assert_allclose(arrays["decoded"], decoded, atol=1e-6)


def test_the_summary_is_plain_json(written):
    found = json.loads((written / "summary.json").read_text())
    assert (found["task"], found["interrupted"], len(found["ends"]), len(found["gaps"])) == ("toy", False, 18, 18)


def test_the_picture_is_no_empty_page(written):
    pixels = matplotlib.image.imread(written / "toy.png")
    assert pixels.shape[1] > 1000
    assert pixels[..., :3].std() > 0.1


def test_later_results_take_the_place_of_earlier_ones(written, result):
    toy_report.write(result, written, title="A title", facts={"task": "later"})
    assert json.loads((written / "summary.json").read_text())["task"] == "later"


def test_a_folder_that_cannot_be_written_is_one_sentence(result, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write the results"):
        toy_report.write(result, tmp_path / "file" / "folder", title="A title", facts={})


def test_tables_show_every_number(result):
    ends, gaps, controls = toy_report.tables(result)
    assert (ends.row_count, gaps.row_count, controls.row_count) == (18, 18, 3)
    with console.OUT.capture() as capture:
        console.OUT.print(controls)
    assert f"{result.controls['mean_image']:.4f}" in capture.get()


def test_one_start_has_no_gaps(space, split):
    result = toy.run(space, split, toy.Settings(images=2, iterations=5, inits=("random",)))
    assert len(toy_report.tables(result)) == 2


def test_one_start_has_a_picture(space, split, tmp_path):
    result = toy.run(space, split, toy.Settings(images=2, iterations=5, inits=("random",)))
    toy_report.write(result, tmp_path, title="One start", facts={})
    assert (tmp_path / "toy.png").is_file()
