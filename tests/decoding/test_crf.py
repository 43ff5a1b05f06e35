"""A CRF against the sum over all of its paths, written out."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnemonist.decoding.crf import LinearChainCRF
from mnemonist.errors import ConfigError, DataError, ShapeError


def random_crf(tags, seed=0, dtype=torch.float64, **options):
    crf = LinearChainCRF(tags, **options).to(dtype)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random, dtype=torch.float64))
    return crf


def randn(*shape, seed=1, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@torch.no_grad()
def score(crf, emissions, path):
    """The definition, one term after the other; emissions (T, K)."""
    total = crf.start[path[0]] + crf.end[path[-1]] if path else torch.zeros(())
    for step, tag in enumerate(path):
        total = total + emissions[step, tag]
        if step:
            total = total + crf.transitions[path[step - 1], tag]
    return float(total)


def all_paths(crf, emissions):
    """Every path and its score, the best first."""
    paths = product(range(crf.tags), repeat=len(emissions))
    scored = [(score(crf, emissions, path), list(path)) for path in paths]
    return sorted(scored, reverse=True)


def bio():
    """O, B-X, I-X: inside only after begin or inside."""
    transitions = torch.ones(3, 3, dtype=torch.bool)
    transitions[0, 2] = False
    return torch.tensor([True, True, False]), transitions, torch.ones(3, dtype=torch.bool)


def is_bio(path):
    return all(tag != 2 or (t > 0 and path[t - 1] != 0) for t, tag in enumerate(path))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 99))
def test_everything_is_what_enumerating_all_paths_gives(tags, lengths, seed):
    crf = random_crf(tags, seed)
    steps = max(lengths)
    emissions = 3 * randn(steps, len(lengths), tags, seed=seed + 1)
    gold = torch.randint(tags, (steps, len(lengths)), generator=torch.Generator().manual_seed(seed))
    spoiled, outside = emissions.clone(), gold.clone()
    for row, length in enumerate(lengths):
        spoiled[length:, row] = float("nan")
        outside[length:, row] = 10_000
    likelihood = crf.log_likelihood(spoiled, outside, torch.tensor(lengths))
    marginals = crf.marginals(spoiled, lengths)
    decoded = crf.decode(spoiled, lengths)
    best = crf.best(spoiled, lengths, count=4)
    for row, length in enumerate(lengths):
        paths = all_paths(crf, emissions[:length, row])
        scores = torch.tensor([one for one, _ in paths], dtype=torch.float64)
        wanted = score(crf, emissions[:, row], gold[:length, row].tolist())
        assert likelihood[row].item() == pytest.approx(wanted - scores.logsumexp(0).item())
        counted = torch.zeros(steps, tags, dtype=torch.float64)
        for share, (_, path) in zip(scores.softmax(0), paths):
            for step, tag in enumerate(path):
                counted[step, tag] += share
        torch.testing.assert_close(marginals[:, row], counted)
        assert decoded[:, row].tolist() == paths[0][1] + [-1] * (steps - length)
        assert [one.tags for one in best[row]] == [path for _, path in paths[:4]]
        assert [one.score for one in best[row]] == pytest.approx([s for s, _ in paths[:4]])


def test_gradients():
    crf = random_crf(3)
    emissions = randn(4, 3, 3).requires_grad_()
    tags = torch.tensor([[0, 1, 2], [1, 1, 0], [2, 0, 1], [0, 2, 2]])
    names = [name for name, _ in crf.named_parameters()]

    def likelihood(emissions, *parameters):
        return torch.func.functional_call(
            _Likelihood(crf), {f"crf.{n}": p for n, p in zip(names, parameters)}, (emissions, tags)
        )

    inputs = (emissions, *(p.detach().clone().requires_grad_() for p in crf.parameters()))
    assert torch.autograd.gradcheck(likelihood, inputs)
    assert torch.autograd.gradgradcheck(likelihood, inputs)


class _Likelihood(torch.nn.Module):
    def __init__(self, crf):
        super().__init__()
        self.crf = crf

    def forward(self, emissions, tags):
        return self.crf.log_likelihood(emissions, tags, torch.tensor([4, 1, 0]))


def test_probabilities_of_all_paths_sum_to_one():
    crf = random_crf(3)
    emissions = randn(4, 1, 3).expand(4, 81, 3)
    paths = torch.tensor(list(product(range(3), repeat=4))).T
    assert crf.log_likelihood(emissions, paths).exp().sum().item() == pytest.approx(1)


def test_float32_is_stable_where_weights_underflow():
    """All weight lies on a tag that can hardly go on: the product of exponentials would be 0."""
    crf = random_crf(3, dtype=torch.float32)
    with torch.no_grad():
        crf.transitions[0] = -300.0
        crf.end[0] = -500.0
    emissions = torch.zeros(3, 2, 3)
    emissions[:, :, 0] = 200.0
    emissions[1] = 0.0
    emissions.requires_grad_()
    partition = crf.log_partition(emissions)
    partition.sum().backward()
    double = crf.double()
    scores = [one for one, _ in all_paths(double, emissions[:, 0].detach().double())]
    expected = torch.tensor(scores, dtype=torch.float64).logsumexp(0).item()
    assert partition[0].item() == pytest.approx(expected, rel=1e-6)
    exact = double.marginals(emissions.detach().double())
    torch.testing.assert_close(emissions.grad.double(), exact, rtol=1e-4, atol=1e-5)


def test_float32_stays_close_to_float64_over_long_sequences():
    crf = random_crf(20)
    emissions = 10 * randn(500, 2, 20)
    expected = crf.log_partition(emissions)
    crf.float()
    torch.testing.assert_close(
        crf.log_partition(emissions.float()).double(), expected, rtol=1e-5, atol=0
    )


def test_equal_scores_are_decided_by_the_smallest_last_tag():
    crf = LinearChainCRF(3)
    assert crf.decode(torch.zeros(4, 2, 3)).eq(0).all()
    emissions = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])[:, None]
    assert crf.decode(emissions)[:, 0].tolist() == [0, 1]


def test_forbidden_steps_never_come_out_and_are_not_learned_from():
    crf = random_crf(3, allowed=bio())
    for seed in range(20):
        emissions = 5 * randn(5, 3, 3, seed=seed)
        emissions[:, :, 2] += 3
        for path in crf.decode(emissions).T.tolist():
            assert is_bio(path)
        best = crf.best(emissions, count=3)
        for row in range(3):
            valid = [one for one in all_paths(crf, emissions[:, row]) if is_bio(one[1])]
            assert [one.tags for one in best[row]] == [path for _, path in valid[:3]]
    free = random_crf(3)
    gold = torch.tensor([[0], [2], [0]])
    emissions = randn(3, 1, 3)
    assert torch.equal(crf.log_likelihood(emissions, gold), free.log_likelihood(emissions, gold))


def test_constrained_training_sums_over_the_allowed_paths_only():
    crf = random_crf(3, allowed=bio(), constrained=True)
    emissions = randn(4, 1, 3)
    valid = [one for one, path in all_paths(crf, emissions[:, 0]) if is_bio(path)]
    expected = torch.tensor(valid, dtype=torch.float64).logsumexp(0).item()
    assert crf.log_partition(emissions).item() == pytest.approx(expected)
    gold = torch.tensor([[0], [1], [2], [0]])
    assert crf.log_likelihood(emissions, gold).item() == pytest.approx(
        score(crf, emissions[:, 0], [0, 1, 2, 0]) - expected
    )
    with pytest.raises(DataError, match=r"tag 2 after tag 0 at step 1 of sequence 0"):
        crf.log_likelihood(emissions, torch.tensor([[0], [2], [2], [0]]))
    with pytest.raises(DataError, match="tag 2 as the first at step 0"):
        crf.log_likelihood(emissions, torch.tensor([[2], [2], [2], [0]]))
    outside = torch.tensor([[0], [1], [2], [2]])
    assert torch.isfinite(crf.log_likelihood(emissions, outside, [2])).all()


def test_a_chain_is_learned_that_no_step_shows():
    """Emissions say nothing; only transitions can tell that tags alternate."""
    crf = LinearChainCRF(2)
    gold = torch.tensor([[0, 1], [1, 0]]).repeat(5, 1)
    emissions = torch.zeros(10, 2, 2)
    optimizer = torch.optim.Adam(crf.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = -crf.log_likelihood(emissions, gold).mean()
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(torch.tensor(2.0).log().item(), abs=0.05)
    hint = emissions.clone()
    hint[4, :, 1] = 1.0
    assert (
        crf.decode(hint)[:, 0].tolist() == [0, 1] * 2 + [1, 0] * 3
        or crf.decode(hint)[:, 0].tolist() == [1, 0] * 5
    )


def test_no_steps_and_no_rows():
    crf = random_crf(3)
    empty = torch.zeros(0, 2, 3, dtype=torch.float64)
    assert crf.log_likelihood(empty, torch.zeros(0, 2, dtype=torch.int64)).tolist() == [0, 0]
    assert crf.decode(empty).shape == (0, 2)
    assert crf.marginals(empty).shape == (0, 2, 3)
    assert crf.best(empty) == [[([], 0.0)], [([], 0.0)]]
    assert crf.decode(torch.zeros(4, 0, 3, dtype=torch.float64)).shape == (4, 0)


def test_half_precision_is_summed_in_float32():
    crf = random_crf(4, dtype=torch.float32)
    emissions = randn(6, 2, 4, dtype=torch.float32).bfloat16()
    expected = crf.log_partition(emissions.float())
    assert torch.equal(crf.log_partition(emissions), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(crf.log_partition(emissions), expected)


def test_marginals_work_where_gradients_are_off():
    crf = random_crf(3)
    emissions = randn(4, 2, 3)
    expected = crf.marginals(emissions)
    with torch.inference_mode():
        assert torch.equal(crf.marginals(emissions.clone()), expected)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: LinearChainCRF(0), ConfigError, "at least 1"),
        (lambda: LinearChainCRF(2, constrained=True), ConfigError, "allowed"),
        (lambda: LinearChainCRF(2, allowed=bio()), ShapeError, r"\(2, 2\)"),
        (lambda: LinearChainCRF(2).decode(torch.zeros(3, 1, 4)), ShapeError, r"\(T, B, 2\)"),
        (lambda: LinearChainCRF(2).decode(torch.zeros(3, 1, 2), [4]), ShapeError, "T = 3"),
        (
            lambda: LinearChainCRF(2).log_likelihood(torch.zeros(1, 1, 2), torch.tensor([[2]])),
            ShapeError,
            "0 to 1",
        ),
        (
            lambda: LinearChainCRF(2).log_likelihood(torch.zeros(1, 1, 2), torch.tensor([0])),
            ShapeError,
            r"\(T, B\)",
        ),
        (lambda: LinearChainCRF(2).best(torch.zeros(1, 1, 2), count=0), ConfigError, "count=0"),
    ],
)
def test_what_does_not_fit_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()
