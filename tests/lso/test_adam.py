import torch

from lso.adam import Adam


def curvature(rows):
    """Losses a_r |z - r|^4 + |z|^2, whose gradients differ between rows and steps."""
    return lambda z: ((z - rows[:, None]).square().sum(1).square() * (1 + rows) + z.square().sum(1)).sum()


def steps(batch, first, last):
    for number in range(first, last + 1):
        (gradient,) = torch.autograd.grad(curvature(batch.rows)(batch.z), batch.z)
        batch.step(gradient, number, 0.05)


def test_steps_are_those_of_torch():
    start = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours, theirs = Adam.start(start), start.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.05)
    for number in range(1, 101):
        steps(ours, number, number)
        optimizer.zero_grad()
        curvature(ours.rows)(theirs).backward()
        optimizer.step()
        torch.testing.assert_close(ours.z, theirs, rtol=1e-12, atol=1e-12)


def test_codes_that_stay_go_on_as_if_none_had_left():
    start = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole, part = Adam.start(start), Adam.start(start)
    steps(whole, 1, 40)
    steps(part, 1, 20)
    part = part.keep(torch.tensor([True, False, True, False, True]))
    steps(part, 21, 40)
    torch.testing.assert_close(part.z, whole.z[[0, 2, 4]], rtol=1e-12, atol=1e-12)
    assert part.rows.tolist() == [0, 2, 4]


def test_the_start_is_not_touched():
    start = torch.ones(2, 3)
    steps(Adam.start(start), 1, 3)
    assert torch.equal(start, torch.ones(2, 3))
