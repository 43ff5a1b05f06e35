"""Sampling: the truncated distributions exactly, and what is drawn from them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from mnemonist.decoding._top import largest
from mnemonist.decoding.sampling import Sampler, keep_top_k, keep_top_p, sample
from mnemonist.errors import ConfigError, ShapeError

INF = float("inf")
P = torch.tensor([[0.4, 0.05, 0.3, 0.25], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0.4, 0.05, 0.3, 0.25], [0.1, 0.2, 0.3, 0.4]]),
        ({"top_k": 2}, [[4 / 7, 0, 3 / 7, 0], [0, 0, 3 / 7, 4 / 7]]),
        ({"top_k": 9}, [[0.4, 0.05, 0.3, 0.25], [0.1, 0.2, 0.3, 0.4]]),
        ({"top_p": 0.6}, [[4 / 7, 0, 3 / 7, 0], [0, 0, 3 / 7, 4 / 7]]),
        ({"top_p": 0.75}, [[8 / 19, 0, 6 / 19, 5 / 19], [0, 2 / 9, 3 / 9, 4 / 9]]),
        ({"top_p": 1e-9}, [[1, 0, 0, 0], [0, 0, 0, 1]]),
        ({"top_k": 3, "top_p": 0.5}, [[8 / 14, 0, 6 / 14, 0], [0, 0, 3 / 7, 4 / 7]]),
        ({"banned": (0,)}, [[0, 1 / 12, 6 / 12, 5 / 12], [0, 2 / 9, 3 / 9, 4 / 9]]),
        ({"banned": (0, 3), "top_k": 1}, [[0, 0, 1, 0], [0, 0, 1, 0]]),
        ({"temperature": 0}, [[1, 0, 0, 0], [0, 0, 0, 1]]),
        ({"temperature": 0, "banned": (0, 3)}, [[0, 0, 1, 0], [0, 0, 1, 0]]),
    ],
)
def test_the_distribution_is_the_truncated_one(options, expected):
    logits = P.log() + torch.tensor([[3.0], [-700.0]])
    assert_close(Sampler(**options).probabilities(logits), torch.tensor(expected).double())


def test_the_temperature_is_a_power_of_the_probabilities():
    for temperature in (0.25, 0.5, 3.0):
        powers = P ** (1 / temperature)
        found = Sampler(temperature=temperature).probabilities(P.log())
        assert_close(found, powers / powers.sum(-1, keepdim=True))
    cold = Sampler(temperature=1e-30).probabilities(1000 * P.float())
    assert_close(cold, torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0]]))


def test_of_equally_likely_tokens_the_first_are_kept():
    logits = torch.zeros(1, 1000)
    assert keep_top_k(logits, 3)[0].isfinite().nonzero()[:, 0].tolist() == [0, 1, 2]
    assert keep_top_p(logits, 0.0025)[0].isfinite().nonzero()[:, 0].tolist() == [0, 1, 2]
    assert Sampler(temperature=0).draw(logits).tolist() == [0]


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=30),
    st.integers(1, 40),
    st.floats(1e-6, 1),
)
def test_what_is_kept_is_the_smallest_set(values, k, p):
    logits = torch.tensor([values], dtype=torch.float64)
    kept = keep_top_k(logits, k).isfinite()[0]
    assert kept.sum() == min(k, len(values))
    assert not (~kept).any() or logits[0][kept].min() >= logits[0][~kept].max()
    probabilities = logits.softmax(-1)[0]
    nucleus = keep_top_p(logits, p).isfinite()[0]
    mass = probabilities[nucleus].sum()
    assert mass >= p - 1e-9
    assert nucleus.sum() == 1 or mass - probabilities[nucleus].min() < p + 1e-9
    assert not (~nucleus).any() or probabilities[nucleus].min() >= probabilities[~nucleus].max()


def test_draws_follow_the_distribution():
    sampler = Sampler(temperature=2.0, top_k=3)
    generator = torch.Generator().manual_seed(0)
    drawn = sampler.draw(P[:1].log().expand(40_000, -1), generator)
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    expected = sampler.probabilities(P[:1].log())[0].float()
    assert shares[1] == 0
    # four standard deviations of a share
    assert (shares - expected).abs().max() < 4 * (0.25 / len(drawn)) ** 0.5


def counting(tokens, state):
    """After token i comes i + 1 (mod 7), likely; the state counts the steps of each row."""
    likely = torch.nn.functional.one_hot((tokens + 1) % 7, 7) * 3.0
    return likely, state + 1


def test_a_prompt_is_read_and_each_sequence_ends_for_itself():
    states = []

    def step(tokens, state):
        states.append((tokens.tolist(), state.tolist()))
        return counting(tokens, state)

    prompt = torch.tensor([[0, 2], [1, 3]])
    tokens = sample(
        step, torch.zeros(2), prompt, max_length=9, eos=5, sampler=Sampler(temperature=0)
    )
    assert torch.stack(list(tokens)).T.tolist() == [[2, 3, 4, 5], [4, 5, 5, 5]]
    assert states[:3] == [([0, 2], [0, 0]), ([1, 3], [1, 1]), ([2, 4], [2, 2])]


def test_the_length_is_bounded_with_an_end_and_without():
    prompt = torch.tensor([[0]])
    for eos in (None, 6):
        tokens = sample(counting, 0, prompt, max_length=4, eos=eos, sampler=Sampler(temperature=0))
        assert [int(token) for token in tokens] == [1, 2, 3, 4]
    assert list(sample(counting, 0, prompt, max_length=0)) == []


def test_tokens_come_one_at_a_time():
    """A terminal shows a token before the next one is computed."""
    steps = []

    def step(tokens, state):
        steps.append(1)
        return counting(tokens, state)

    tokens = sample(step, 0, torch.tensor([[0]]), max_length=5)
    assert len(steps) == 0
    next(tokens)
    assert len(steps) == 1


def test_the_same_generator_gives_the_same_tokens():
    def run(seed):
        generator = torch.Generator().manual_seed(seed)
        rows = sample(counting, 0, torch.zeros(1, 3).long(), max_length=20, generator=generator)
        return torch.stack(list(rows)).tolist()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_nothing_is_recorded_for_a_gradient():
    weight = torch.ones(5, requires_grad=True)
    tracked = []

    def step(tokens, state):
        logits = weight * torch.ones(len(tokens), 5)
        tracked.append(logits.requires_grad)
        return logits, state

    list(sample(step, None, torch.tensor([[0]]), max_length=2))
    assert tracked == [False, False]
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature=-1: 0"),
        ({"temperature": INF}, "temperature=inf"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"top_k": 0}, "top_k=0: 1 or more"),
        ({"top_p": 0.0}, "top_p=0.0: above 0"),
        ({"top_p": 1.5}, "top_p=1.5"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        Sampler(**options)


def test_wrong_inputs_are_named():
    with pytest.raises(ShapeError, match="logits must be"):
        Sampler().draw(torch.zeros(3))
    with pytest.raises(ShapeError, match="token 9 is banned, but the logits are of tokens 0 to 3"):
        Sampler(banned=(9,)).draw(torch.zeros(1, 4))
    with pytest.raises(ConfigError, match="all 2 tokens are banned"):
        Sampler(banned=(0, 1)).draw(torch.zeros(1, 2))
    with pytest.raises(ShapeError, match=r"the prompt must be \(P, B\)"):
        sample(counting, 0, torch.zeros(0, 1), max_length=3)
    with pytest.raises(ConfigError, match="max_length=-1"):
        sample(counting, 0, torch.zeros(1, 1), max_length=-1)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 12))
def test_the_largest_are_those_of_a_stable_sort(values, count):
    count = min(count, len(values))
    rows = torch.tensor([values, values[::-1]], dtype=torch.float32)
    expected = rows.sort(dim=-1, descending=True, stable=True)
    top, index = largest(rows, count)
    assert torch.equal(top, expected.values[:, :count])
    assert torch.equal(index, expected.indices[:, :count])
