import pytest
import torch

from lso.descent import descend
from lso.tasks.toy import Images

THRESHOLDS = (0.01, 0.001, 1e-5)


@pytest.fixture
def images(space, split):
    """A decoder and images in float64, in which a batch differs from its rows by rounding far below the thresholds."""
    space.method.double()
    return Images(space, split.x[:6].double(), split.y[:6])


@pytest.fixture
def start():
    return torch.randn(6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def run(objective, start, iterations=3000, **options):
    return descend(objective, start, thresholds=THRESHOLDS, iterations=iterations, learning_rate=1e-2, **options)


def one_by_one(images, start, iterations=3000):
    """The textbook loop: torch's Adam on a single code, and every rule asked at every iteration."""
    found = torch.zeros(len(start), len(THRESHOLDS), dtype=torch.int64)
    codes = torch.zeros(len(start), len(THRESHOLDS), start.shape[1], dtype=torch.float64)
    for n in range(len(start)):
        z = start[n : n + 1].clone().requires_grad_()
        optimizer = torch.optim.Adam([z], lr=1e-2)
        previous, waiting = float("inf"), list(range(len(THRESHOLDS)))
        for iteration in range(iterations + 1):
            loss = (images.space.decode(z) - images.x[n]).square().sum()
            for t in [t for t in waiting if abs(loss.item() - previous) <= THRESHOLDS[t]]:
                found[n, t], codes[n, t] = iteration, z.detach()[0]
                waiting.remove(t)
            if not waiting:
                break
            previous = loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return found, codes


def test_a_batch_is_its_codes_one_by_one(images, start):
    iterations, codes = one_by_one(images, start)
    rests = run(images.losses, start)
    assert rests.stopped.all()
    assert torch.equal(rests.iterations, iterations)
    torch.testing.assert_close(rests.codes, codes, rtol=1e-8, atol=1e-8)


def test_the_loss_at_rest_is_that_of_the_code_at_rest(images, start):
    rests = run(images.losses, start)
    for t in range(len(THRESHOLDS)):
        losses = images.losses(torch.arange(6))(rests.codes[:, t])
        torch.testing.assert_close(rests.losses[:, t], losses, rtol=1e-12, atol=1e-12)


def test_a_cap_leaves_codes_where_they_are_then(images, start):
    rests = run(images.losses, start, iterations=7)
    assert not rests.stopped.any()
    assert (rests.iterations == 7).all()
    z = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=1e-2)
    for _ in range(7):
        optimizer.zero_grad()
        images.losses(torch.arange(6))(z).sum().backward()
        optimizer.step()
    torch.testing.assert_close(rests.codes[:, -1], z.detach(), rtol=1e-10, atol=1e-10)


def test_a_rule_may_hold_at_the_very_last_iteration(images, start):
    last = int(run(images.losses, start).iterations.max())
    assert run(images.losses, start, iterations=last).stopped.all()
    assert not run(images.losses, start, iterations=last - 1).stopped.all()


def test_codes_reach_the_minimum_of_a_quadratic():
    minimum = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)
    rests = descend(
        lambda rows: lambda z: (z - minimum[rows]).square().sum(1),
        torch.zeros(2, 2, dtype=torch.float64),
        thresholds=(1e-12,),
        iterations=20_000,
        learning_rate=1e-2,
    )
    torch.testing.assert_close(rests.codes[:, 0], minimum, rtol=0, atol=1e-4)


def test_the_start_stays_as_it_is(images, start):
    kept = start.clone()
    run(images.losses, start, iterations=5)
    assert torch.equal(start, kept)


def test_an_observer_is_told_how_many_codes_still_move(images, start):
    seen = []
    rests = run(images.losses, start, observe=lambda *told: seen.append(told))
    at_rest = rests.iterations[:, -1]
    assert [(i, n) for i, n, _ in seen] == [
        (i, int((at_rest >= i).sum())) for i in range(0, int(at_rest.max()) + 1, 100)
    ]


def test_an_interrupted_descent_keeps_what_was_reached(images, start):
    def stop(iteration, moving, loss):
        if iteration == 300:
            raise KeyboardInterrupt

    rests, whole = run(images.losses, start, observe=stop), run(images.losses, start)
    reached = whole.iterations <= 300
    assert rests.interrupted
    assert torch.equal(rests.stopped, reached)
    assert torch.equal(rests.codes[reached], whole.codes[reached])
    assert (rests.iterations[~reached] == 300).all()
    losses = images.losses(torch.arange(6))(rests.codes[:, -1])
    torch.testing.assert_close(rests.losses[:, -1], losses, rtol=1e-12, atol=1e-12)
