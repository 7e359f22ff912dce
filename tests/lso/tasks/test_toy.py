import pytest
import torch
from torch import nn

from lso.space import LatentSpace
from lso.tasks import toy
from methods.core.base import Decoder, Domain, Method, Split
from methods.core.distributions import Dirac
from methods.core.errors import BadInput


class Identity(Decoder):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def log_prob(self, x, z):
        return -(x - self.mean(z)).square().flatten(1).sum(1)

    def mean(self, z):
        return self.scale * z.unflatten(1, (1, 2, 2))

    def sample(self, z):
        return self.mean(z)


class FourPixels(Domain):
    """Codes are the pixels of 2x2 images."""

    def encoder(self, outputs):
        return nn.Flatten()

    def decoder(self, code):
        return Identity()


class IdentityMethod(Method):
    def loss(self, batch):
        return {}

    def posterior(self, x, y=None):
        return Dirac(self.encoder(x))


class LabelMethod(IdentityMethod):
    """Decodes to the code plus the class."""

    def decode(self, z, y=None):
        return self.decoder.mean(z) + y.view(-1, 1, 1, 1)


@pytest.fixture
def pixels():
    x = torch.rand(12, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    return Split(x, x, torch.arange(12))


def identity(method=IdentityMethod):
    return LatentSpace(method(FourPixels((1, 2, 2), rows=12), 4))


def few(**changes):
    return toy.Settings(**({"images": 4, "iterations": 300} | changes))


def test_the_encoder_of_an_identity_starts_at_the_image(pixels):
    result = toy.run(identity(), pixels, few(inits=("encoder",)))
    assert torch.equal(result.starts[0], result.targets.flatten(1))
    assert (result.rests.losses == 0).all()


def test_a_code_that_starts_at_its_optimum_rests_after_one_step(pixels):
    result = toy.run(identity(), pixels, few(inits=("encoder",)))
    assert (result.rests.iterations == 1).all()


def test_every_start_reaches_the_image_through_an_identity(pixels):
    result = toy.run(identity(), pixels, few(iterations=5000))
    torch.testing.assert_close(result.decoded, result.targets.expand_as(result.decoded), rtol=0, atol=1e-3)


def test_a_method_that_conditions_on_classes_is_given_them(pixels):
    result = toy.run(identity(LabelMethod), pixels, few(inits=("random",), iterations=5000))
    expected = result.targets.flatten(1) - result.index[:, None]  # the class of image n is n
    torch.testing.assert_close(result.rests.codes[:, -1], expected, rtol=0, atol=1e-3)


def test_images_are_those_that_the_likelihood_saw(pixels):
    binary = Split((pixels.x > 0.5).float(), pixels.grey)
    result = toy.run(identity(), binary, few(inits=("encoder",)))
    assert torch.equal(result.targets, binary.x[result.index])


def test_a_seed_gives_the_same_result(space, split):
    one, other = (toy.run(space, split, few(seed=3)) for _ in range(2))
    assert torch.equal(one.index, other.index)
    assert torch.equal(one.rests.codes, other.rests.codes)


def test_another_seed_gives_other_images_and_other_starts(space, split):
    one, other = (toy.run(space, split, few(seed=seed, inits=("random",), iterations=1)) for seed in (0, 1))
    assert not torch.equal(one.index, other.index)
    assert not torch.equal(one.starts, other.starts)


def test_a_result_leaves_other_random_numbers_alone(space, split):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    toy.run(space, split, few(iterations=1))
    assert torch.equal(torch.rand(3), expected)


def test_the_method_stays_as_it_is(space, split):
    before = {name: value.clone() for name, value in space.method.state_dict().items()}
    toy.run(space, split, few())
    assert all(torch.equal(value, before[name]) for name, value in space.method.state_dict().items())


def test_a_start_does_not_depend_on_the_other_starts(space, split):
    many = toy.run(space, split, few(iterations=1, inits=("encoder", "prior", "random")))
    one = toy.run(space, split, few(iterations=1, inits=("random",)))
    assert torch.equal(many.starts[2], one.starts[0])


def test_a_start_named_again_is_drawn_again(space, split):
    settings = few(iterations=1, inits=("random", "random"))
    first, second = toy.run(space, split, settings).starts
    assert not torch.equal(first, second)
    assert settings.labels() == ["random", "random-2"]


def test_the_prior_and_a_standard_normal_are_drawn_apart(space, split):
    prior, random = toy.run(space, split, few(iterations=1, inits=("prior", "random"))).starts
    assert not torch.equal(prior, random)


def test_images_are_drawn_without_repetition(pixels):
    index = toy.run(identity(), pixels, few(images=12, iterations=1)).index
    assert sorted(index.tolist()) == list(range(12))


def test_optimization_brings_the_loss_below_every_control(space, split):
    result = toy.run(space, split, few(images=20, iterations=2000, inits=("random",)))
    assert result.rests.losses[:, -1].mean() < min(result.controls.values())


def test_the_control_of_random_codes_through_an_identity_has_its_expectation(pixels):
    x = pixels.x.repeat(250, 1, 1, 1)
    images = toy.Images(identity(), x, None)
    # E|z - x|^2 = 4 + |x|^2. Its variance over z is 8 + 4|x|^2 < 24, and 60,000 codes are drawn: six standard errors.
    expected = 4 + x.square().flatten(1).sum(1).mean()
    assert abs(toy.controls(images, 0)["random"] - expected) < 6 * (24 / 60_000) ** 0.5


def test_the_control_of_the_mean_image_is_the_variance_of_the_pixels(pixels):
    images = toy.Images(identity(), pixels.x, None)
    expected = pixels.x.flatten(1).var(0, correction=0).sum()
    assert toy.controls(images, 0)["mean_image"] == pytest.approx(float(expected), rel=1e-5)


def test_an_unknown_start_brings_the_nearest():
    with pytest.raises(BadInput, match="unknown start 'encoded': did you mean 'encoder'"):
        toy.Settings(inits=("encoded",))


def test_the_encoder_has_nothing_to_draw_again():
    with pytest.raises(BadInput, match="encoder once"):
        toy.Settings(inits=("encoder", "encoder"))


@pytest.mark.parametrize("given", [{"images": 0}, {"iterations": 0}, {"seed": -1}])
def test_a_number_too_small_is_refused(given):
    with pytest.raises(BadInput, match=f"{next(iter(given))} must be at least"):
        toy.Settings(**given)


def test_more_images_than_there_are_is_refused(pixels):
    with pytest.raises(BadInput, match="images must be at most 12"):
        toy.run(identity(), pixels, few(images=13))
