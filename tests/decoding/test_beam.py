"""Beam search against enumeration, against greedy search, and as a batch."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.testing import assert_close

from mnemonist.decoding.beam import BeamSearch, _Search
from mnemonist.decoding.rows import Shared, select_rows
from mnemonist.decoding.sampling import Sampler, sample
from mnemonist.errors import ConfigError, MnemonistError, ShapeError
from mnemonist.nn import EncoderDecoder

V, EOS, START = 4, 0, 1
B, WIDTH = 3, 6


class Model:
    """A small recurrent model whose steps depend on all that came before."""

    def __init__(self, seed: int, size: int = V) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.embed, self.out = (
            torch.randn(size, WIDTH, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        self.recur = torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64)
        self.start = torch.randn(1, B, WIDTH, generator=generator, dtype=torch.float64)

    def step(self, tokens, state):
        h = torch.tanh(state["h"][0] @ self.recur + self.embed[tokens])
        return 2 * h @ self.out.T, {"h": h[None]}

    def log_probs(self, sentence, tokens):
        """Of every token of one sequence, one after the other."""
        state, found, previous = {"h": self.start[:, [sentence]]}, [], START
        for token in tokens:
            logits, state = self.step(torch.tensor([previous]), state)
            found.append(float(logits.log_softmax(-1)[0, token]))
            previous = token
        return found

    def search(self, **options):
        search = BeamSearch(eos=EOS, **options)
        return search(self.step, {"h": self.start}, torch.full((B,), START))


def enumerated(model, sentence, penalty, longest, shortest=0, banned=()):
    """All sequences that end within `longest` steps, the best first."""
    others = [token for token in range(1, V) if token not in banned]
    found = []
    for length in range(shortest, longest):
        for tokens in itertools.product(others, repeat=length):
            total = sum(model.log_probs(sentence, [*tokens, EOS]))
            found.append((total / penalty(length + 1), list(tokens)))
    return sorted(found, key=lambda pair: -pair[0])


@pytest.mark.parametrize("normalise", ["mean", "gnmt", "none"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_wide_as_the_space_it_finds_the_best_of_all(normalise, seed):
    model, penalties = Model(seed), {
        "mean": lambda length: length,
        "gnmt": lambda length: ((5 + length) / 6) ** 0.6,
        "none": lambda length: 1,
    }  # fmt: skip
    found = model.search(beams=3**4, n_best=5, max_length=4, normalise=normalise)
    for sentence, best in enumerate(found):
        every = enumerated(model, sentence, penalties[normalise], 4)
        assert [one.tokens for one in best] == [tokens for _, tokens in every[:5]]
        assert_close([one.score for one in best], [score for score, _ in every[:5]])
        for one in best:
            assert_close(one.log_probs, model.log_probs(sentence, [*one.tokens, EOS]))


def test_lengths_and_bans_bound_the_space():
    model = Model(3)
    found = model.search(beams=81, n_best=81, max_length=4, min_length=2, banned=(2,))
    for sentence, best in enumerate(found):
        every = enumerated(model, sentence, lambda length: length, 4, shortest=2, banned=(2,))
        assert [one.tokens for one in best if one.ended] == [tokens for _, tokens in every]


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_is_greedy_search(seed):
    model = Model(seed, size=9)
    tokens = sample(
        model.step, {"h": model.start}, torch.full((1, B), START), max_length=12, eos=EOS,
        sampler=Sampler(temperature=0),
    )  # fmt: skip
    greedy = [
        list(itertools.takewhile(lambda token: token != EOS, row))
        for row in torch.stack(list(tokens)).T.tolist()
    ]
    for normalise in ("mean", "gnmt", "none"):
        found = model.search(beams=1, max_length=12, normalise=normalise)
        assert [best[0].tokens for best in found] == greedy


def test_a_sentence_is_searched_as_if_it_were_alone():
    """Sentences that are done leave; the others do not notice."""
    model = Model(4, size=7)
    together = model.search(beams=4, n_best=4, max_length=15)
    assert len({len(best[0].tokens) for best in together}) > 1
    for sentence, best in enumerate(together):
        search = BeamSearch(eos=EOS, beams=4, n_best=4, max_length=15)
        alone = search(model.step, {"h": model.start[:, [sentence]]}, torch.tensor([START]))[0]
        assert [one.tokens for one in alone] == [one.tokens for one in best]
        assert_close([one.score for one in alone], [one.score for one in best])


@pytest.mark.parametrize("normalise", ["mean", "gnmt", "none"])
def test_stopping_early_loses_nothing(normalise, monkeypatch):
    """The same as going on until as many have ended as there are beams."""
    done = _Search._done

    def patient(self, sentence, best):
        few = len(self.ended[sentence]) < self.options.beams and best > -torch.inf
        return not few and done(self, sentence, best)

    steps = []
    for seed in range(10):
        model = Model(seed, size=6)
        step = model.step
        model.step = lambda *given, step=step: steps.append(1) or step(*given)
        options = {"beams": 5, "n_best": 2, "max_length": 10, "normalise": normalise}
        early = model.search(**options)
        taken = len(steps)
        with monkeypatch.context() as patched:
            patched.setattr(_Search, "_done", patient)
            assert model.search(**options) == early
        assert len(steps) - taken >= taken
        steps.clear()


@pytest.mark.parametrize("normalise", ["mean", "gnmt", "none"])
def test_a_sure_sequence_is_not_lost_to_short_ones(normalise):
    """Ends of probability 0.001 at every step, more of them than beams before the right one."""

    def step(tokens, state):
        at = state[0, :, 0]
        odds = torch.full((len(tokens), 11), 0.001)
        odds[torch.arange(len(tokens)), torch.where(at < 8, at + 1, 0)] = 0.99
        return odds.log(), state + 1

    for beams in range(1, 7):
        search = BeamSearch(beams=beams, max_length=20, eos=0, normalise=normalise)
        ((best,),) = search(step, torch.zeros(1, 1, 1, dtype=torch.long), torch.tensor([9]))
        assert best.tokens == [1, 2, 3, 4, 5, 6, 7, 8]


def test_it_stops_when_nothing_can_become_better():
    """An end of probability 0.9 at once: no longer sequence can have more than 0.1."""
    steps = []

    def step(tokens, state):
        steps.append(len(tokens))
        return torch.tensor([[0.9, 0.05, 0.05]]).log().expand(len(tokens), -1), state

    search = BeamSearch(beams=3, max_length=50, eos=0, normalise="none")
    ((best,),) = search(step, None, torch.tensor([1]))
    assert (best.tokens, best.ended, len(steps)) == ([], True, 1)
    assert best.score == pytest.approx(torch.tensor(0.9).log())
    # a mean of log-probabilities can still rise: log 0.05 / 50 is above log 0.9
    BeamSearch(beams=3, max_length=50, eos=0)(step, None, torch.tensor([1]))
    assert len(steps) > 2


def test_equal_hypotheses_have_an_order():
    def step(tokens, state):
        return torch.zeros(len(tokens), 4), state

    search = BeamSearch(beams=3, n_best=3, max_length=3, eos=3, normalise="none")
    (best,) = search(step, None, torch.tensor([0]))
    assert [one.tokens for one in best] == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]
    assert not any(one.ended for one in best)


def test_what_is_cut_off_ranks_behind_what_ends():
    """Ending has the probability 0.01 at every step: the likelier sequences are cut off."""

    def step(tokens, state):
        return torch.tensor([[0.01, 0.99]]).log().expand(len(tokens), -1), state

    search = BeamSearch(beams=4, n_best=4, max_length=3, eos=0, normalise="none")
    (best,) = search(step, None, torch.tensor([1]))
    assert [one.tokens for one in best] == [[], [1], [1, 1], [1, 1, 1]]
    assert [one.ended for one in best] == [True, True, True, False]
    assert best[3].score > best[0].score
    greedy = BeamSearch(beams=1, max_length=3, eos=0)(step, None, torch.tensor([1]))
    assert greedy[0][0].tokens == [1, 1, 1]
    assert len(greedy[0][0].log_probs) == 3


VARIANTS = {
    "plain": {},
    "fed": {"attention": "additive", "bidirectional": True, "input_feeding": True},
    "before": {"attention": "dot", "attend": "before", "cell": "gru", "summary": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_decodes_an_encoder_decoder(variant):
    model = EncoderDecoder(
        11, 7, 6, source_embedding=4, target_embedding=5, start_token=2, num_layers=2,
        executor="eager", **VARIANTS[variant],
    ).double().eval()  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    source, lengths = torch.randint(11, (5, B)), torch.tensor([5, 2, 4])
    with torch.no_grad():
        encoded = model.encode(source, lengths)
    shared = []

    def step(tokens, state):
        hidden, memory = state
        shared.append(memory.value)
        output, hidden, _ = model.step(tokens, hidden, memory.value)
        return output, (hidden, memory)

    search = BeamSearch(beams=3, n_best=3, max_length=8, eos=0)
    found = search(step, (encoded.state, Shared(encoded)), torch.full((B,), 2))
    copied = [one is not other for one, other in itertools.pairwise(shared)]
    assert sum(copied) < B  # the memory is copied only where a sentence leaves
    for sentence, best in enumerate(found):
        for hypothesis in best:
            tokens = hypothesis.tokens + [0] * hypothesis.ended
            target = torch.tensor(tokens)[:, None]
            length = lengths[sentence]
            with torch.no_grad():
                output = model(source[:length, [sentence]], target).output
            log_probs = output[:, 0].log_softmax(-1).gather(1, target)[:, 0]
            assert_close(torch.tensor(hypothesis.log_probs).double(), log_probs)
            assert hypothesis.score == pytest.approx(float(log_probs.mean()))


def test_rows_of_a_state_are_selected_in_any_nest():
    index = torch.tensor([1, 0, 1])
    values = torch.arange(4.0).reshape(1, 2, 2)
    state = [{"h": values}, (None, Shared(values))]
    (first, (nothing, memory)) = select_rows(state, index)
    assert torch.equal(first["h"], values[:, index])
    assert torch.equal(memory.value, values[:, index])
    assert nothing is None
    kept = select_rows(state, index, shared=False)[1][1]
    assert kept is state[1][1]
    assert torch.equal(select_rows(values[0], index, 0), values[0][index])
    with pytest.raises(ConfigError, match="a state holds a str"):
        select_rows({"h": "text"}, index)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "at least one beam"),
        ({"n_best": 3}, "no more results than beams"),
        ({"max_length": 0}, "max_length must be larger"),
        ({"min_length": 5}, "max_length must be larger"),
        ({"normalise": "sum"}, "'mean', 'gnmt' or 'none'"),
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"banned": (1, 0)}, "nothing could end"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        BeamSearch(**{"beams": 2, "max_length": 5, "eos": 0} | options)


def test_wrong_inputs_are_named():
    search = BeamSearch(beams=2, max_length=5, eos=7)
    with pytest.raises(ShapeError, match="start must be one token for each sentence"):
        search(Model(0).step, None, torch.zeros(1, 1))
    with pytest.raises(ShapeError, match="the end is token 7, but there are logits of 4"):
        search(lambda tokens, state: (torch.zeros(2, 4), state), None, torch.zeros(1).long())
    with pytest.raises(ShapeError, match=r"a step must give logits \(2, V\)"):
        search(lambda tokens, state: (torch.zeros(1, 9), state), None, torch.zeros(1).long())
    with pytest.raises(MnemonistError, match="not a number"):
        search(
            lambda tokens, state: (torch.full((2, 9), float("nan")), state),
            None,
            torch.zeros(1).long(),
        )
