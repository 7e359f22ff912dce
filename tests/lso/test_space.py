import torch

from lso.space import LatentSpace
from pipelines import artifact


def test_gradients_reach_codes(space):
    z = torch.zeros(3, 8, requires_grad=True)
    space.decode(z).sum().backward()
    assert z.grad.abs().sum() > 0


def test_gradients_reach_no_parameter(space):
    space.decode(torch.zeros(3, 8, requires_grad=True)).sum().backward()
    assert all(not p.requires_grad and p.grad is None for p in space.method.parameters())


def test_it_decodes_as_the_saved_method_does(space, folder):
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(space.decode(z), artifact.load(folder).method.decode(z))


def test_images_encode_to_their_posterior_means(space, split):
    with torch.no_grad():
        expected = space.method.encoder(split.x)[:, :8]  # the first half of a Gaussian encoder's output
    torch.testing.assert_close(space.encode(split.x), expected)


def test_more_images_than_a_chunk_encode_as_they_do_apart(space, split):
    x = split.x.repeat(3, 1, 1, 1)
    torch.testing.assert_close(space.encode(x), space.encode(split.x).repeat(3, 1))


def test_a_seed_draws_the_same_codes_from_the_prior(space):
    assert torch.equal(space.prior(4, seed=1), space.prior(4, seed=1))
    assert not torch.equal(space.prior(4, seed=1), space.prior(4, seed=2))


def test_drawing_from_the_prior_leaves_other_random_numbers_alone(space):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    space.prior(4, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_draws_from_a_standard_normal_prior_have_its_moments(space):
    z = space.prior(20_000, seed=0)
    # Standard errors are 1/sqrt(20000) and sqrt(2/20000); 6 of them are exceeded with probability below 1e-7.
    assert z.mean(0).abs().max() < 6 / 20_000**0.5
    assert (z.var(0) - 1).abs().max() < 6 * (2 / 20_000) ** 0.5


def test_the_size_of_the_decoder_counts_its_weights(space):
    assert isinstance(space, LatentSpace)
    assert space.decoder_size == 8 * 400 + 400 + 400 * 64 + 64
