from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from methods.core.errors import BadInput
from pipelines import artifact
from pipelines.datasets.dataset import Dataset
from pipelines.sample import grid, main
from pipelines.training import Training
from pipelines.trial import trial


@pytest.fixture(scope="module", params=["ae", "conditional_vae"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    path = tmp_path_factory.mktemp("sample") / request.param
    which = trial({"data": "digits", "method": request.param, "network": "mlp", "latent": 4, "epochs": 1})
    training = Training(which, digits, torch.device("cpu"))
    training.epoch()
    training.finish()
    artifact.save(path, which, training.method, digits)
    return path


def _draw(folder: Path, out: Path, *more: str) -> dict[str, np.ndarray]:
    assert main([str(folder), "--out", str(out), *more]) == 0
    with np.load(out, allow_pickle=False) as found:
        return dict(found)


def test_numbers_are_codes_and_their_decoded_means(folder: Path, tmp_path: Path) -> None:
    found = _draw(folder, tmp_path / "draws.npz", "--density", "ex_post_gmm", "--count", "30")
    method = artifact.load(folder).method
    assert found["z"].shape == (30, 4)
    with torch.no_grad():
        expected = method.decode(torch.from_numpy(found["z"]), torch.from_numpy(found["y"]))
    np.testing.assert_allclose(found["x"], expected, atol=1e-6)


def test_a_seed_decides_what_is_drawn(folder: Path, tmp_path: Path) -> None:
    settings = ("--density", "ex_post_gaussian", "--count", "5", "--seed")
    codes = [_draw(folder, tmp_path / "draws.npz", *settings, seed)["z"] for seed in ("1", "1", "2")]
    assert np.array_equal(codes[0], codes[1])
    assert not np.array_equal(codes[0], codes[2])


def test_a_picture_is_a_grid_of_the_draws(folder: Path, tmp_path: Path) -> None:
    main([str(folder), "--count", "7", "--out", str(tmp_path / "new" / "draws.png")])
    assert Image.open(tmp_path / "new" / "draws.png").size == (3 * 8, 3 * 8)


def test_classes_come_in_turn_or_as_asked_for(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "draws.npz"
    assert _draw(folder, out, "--count", "12")["y"].tolist() == [*range(10), 0, 1]
    assert _draw(folder, out, "--count", "3", "--label", "7")["y"].tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count must be at least 1, got 0"),
        (["--out", "draws.jpg"], r"--out must end in .png \(a picture\) or .npz \(numbers\), got 'draws.jpg'"),
        (["--label", "10"], "--label 10 is no class: the data have classes 0 to 9"),
        (["--density", "ex_post_gm"], "unknown density 'ex_post_gm': did you mean 'ex_post_gmm'"),
    ],
)
def test_what_cannot_be_done_is_refused(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        main([str(folder), *arguments])


def test_a_folder_without_a_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no saved method in"):
        main([str(tmp_path)])


def test_other_data_than_those_of_the_training_are_refused(folder: Path, tmp_path: Path) -> None:
    text = (folder / "trial.json").read_text().replace(artifact.load(folder).checksum, "0" * 32)
    (tmp_path / "trial.json").write_text(text)
    (tmp_path / "method.safetensors").write_bytes((folder / "method.safetensors").read_bytes())
    with pytest.raises(BadInput, match="'digits' on this machine is not the one that the method was trained on"):
        main([str(tmp_path), "--out", str(tmp_path / "draws.npz")])


def test_a_grid_has_every_image_in_its_place() -> None:
    images = torch.zeros(5, 1, 2, 2)
    images[3] = 1.0
    values = np.asarray(grid(images))
    assert values.shape == (4, 6)
    assert (values[2:, :2] == 255).all()
    assert values.sum() == 4 * 255


def test_a_grid_of_colored_images_is_colored() -> None:
    images = torch.zeros(2, 3, 4, 5)
    images[1, 2] = 0.5
    picture = grid(images)
    assert picture.size == (10, 4)
    assert picture.getpixel((7, 1)) == (0, 0, 128)
