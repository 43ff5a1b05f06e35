"""The encoder-decoder: its ways of running agree, and it learns."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

from mnemonist.errors import ConfigError, ShapeError
from mnemonist.nn import EncoderDecoder

S, B, T = 6, 4, 5
LENGTHS = torch.tensor([6, 3, 1, 5])

VARIANTS = {
    "plain": {},
    "copied state": {"bridge": "copy", "num_layers": 2},
    "additive": {"attention": "additive", "bidirectional": True},
    "general": {"attention": "general", "num_layers": 2, "decoder_cell": "gru"},
    "scaled": {"attention": "scaled", "bidirectional": True, "cell": "gru"},
    "summary": {"summary": True, "bidirectional": True, "bridge": "none"},
    "fed": {"attention": "additive", "input_feeding": True, "covariate_size": 2},
    "before": {"attention": "additive", "attend": "before", "num_layers": 2, "summary": True},
}


@pytest.fixture(params=VARIANTS, ids=str)
def model(request):
    # agreement among executors is the engine's law; here each way of running uses the same one
    return EncoderDecoder(3, 7, 2, executor="eager", **VARIANTS[request.param]).eval()


def batch(model):
    covariates = torch.randn(T, B, model.covariate_size) if model.covariate_size else None
    return torch.randn(S, B, 3), torch.randn(T, B, 2), covariates


def loop(model, source, previous, covariates, teacher=None, lengths=LENGTHS):
    """The decoder by its public step; reads the teacher where there is one."""
    encoded = model.encode(source, lengths)
    state, outputs, attention = encoded.state, [], []
    for t in range(T):
        now = None if covariates is None else covariates[t]
        output, state, weights = model.step(previous, state, encoded, now)
        outputs.append(output)
        attention.append(weights)
        previous = output if teacher is None else teacher[t]
    return torch.stack(outputs), attention, state


def test_all_steps_at_once_are_step_after_step(model):
    source, target, covariates = batch(model)
    start = torch.randn(B, 2)
    decoded = model(source, target, lengths=LENGTHS, start=start, covariates=covariates)
    output, attention, state = loop(model, source, start, covariates, target)
    assert_close(decoded.output, output)
    assert_close(decoded.state, state)
    if decoded.attention is not None:
        assert_close(decoded.attention, torch.stack(attention))


def test_running_free_feeds_back_the_output(model):
    source, target, covariates = batch(model)
    free = model(source, steps=T, lengths=LENGTHS, covariates=covariates)
    output, _, _ = loop(model, source, torch.zeros(B, 2), covariates)
    assert_close(free.output, output)
    never = model(source, target, lengths=LENGTHS, covariates=covariates, teacher_forcing=0.0)
    assert_close(never.output, output)


def test_scheduled_sampling_mixes_by_row_and_step(model):
    source, target, covariates = batch(model)

    def run(forcing, seed):
        generator = torch.Generator().manual_seed(seed)
        options = {"lengths": LENGTHS, "covariates": covariates, "generator": generator}
        return model(source, target, teacher_forcing=forcing, **options).output

    mixed = run(0.5, 7)
    assert torch.equal(run(0.5, 7), mixed)
    assert not torch.equal(run(0.5, 8), mixed)
    forced = torch.rand(T, B, generator=torch.Generator().manual_seed(7)) < 0.5
    previous, encoded, expected = torch.zeros(B, 2), model.encode(source, LENGTHS), []
    state = encoded.state
    for t in range(T):
        now = None if covariates is None else covariates[t]
        output, state, _ = model.step(previous, state, encoded, now)
        expected.append(output)
        previous = torch.where(forced[min(t + 1, T - 1)][:, None], target[t], output)
    assert_close(mixed, torch.stack(expected))


def test_padding_of_the_source_is_not_there(model):
    source, target, covariates = batch(model)
    source[torch.arange(S)[:, None] >= LENGTHS] = float("nan")
    decoded = model(source, target, lengths=LENGTHS, covariates=covariates)
    decoded.output.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    for row, length in enumerate(LENGTHS.tolist()):
        now = None if covariates is None else covariates[:, [row]]
        alone = model(source[:length, [row]], target[:, [row]], covariates=now)
        assert_close(decoded.output[:, [row]], alone.output)
        if decoded.attention is not None:
            assert_close(decoded.attention[:, [row], :length], alone.attention)
            assert decoded.attention[:, row, length:].eq(0).all()
            assert_close(decoded.attention[:, row].sum(-1), torch.ones(T))


def test_packed_and_batch_first_sources_are_the_same(model):
    source, target, covariates = batch(model)
    decoded = model(source, target, lengths=LENGTHS, covariates=covariates)
    packed = pack_padded_sequence(source, LENGTHS, enforce_sorted=False)
    assert_close(model(packed, target, covariates=covariates).output, decoded.output)
    model.batch_first = True
    swapped = model(
        source.transpose(0, 1),
        target.transpose(0, 1),
        lengths=LENGTHS,
        covariates=None if covariates is None else covariates.transpose(0, 1),
    )
    assert_close(swapped.output.transpose(0, 1), decoded.output)
    if decoded.attention is not None:
        assert_close(swapped.attention.transpose(0, 1), decoded.attention)


def test_rows_can_be_repeated_for_beams(model):
    source, _, covariates = batch(model)
    encoded = model.encode(source, LENGTHS)
    beams = encoded.rows(torch.tensor([1, 1, 3]))
    now = None if covariates is None else covariates[0]
    few = None if now is None else now[[1, 1, 3]]
    output, _, weights = model.step(torch.zeros(B, 2), encoded.state, encoded, now)
    beam, _, beam_weights = model.step(torch.zeros(3, 2), beams.state, beams, few)
    assert_close(beam, output[[1, 1, 3]])
    if weights is not None:
        assert_close(beam_weights, weights[[1, 1, 3]])


def test_no_steps_and_empty_sources(model):
    source, _, covariates = batch(model)
    none = None if covariates is None else covariates[:0]
    assert model(source, steps=0, covariates=none).output.shape == (0, B, 2)
    empty = model(source, steps=T, lengths=[0, 0, 0, 0], covariates=covariates)
    assert empty.output.isfinite().all()
    if empty.attention is not None:
        assert not empty.attention.any()


def test_copies_and_saved_weights_are_the_same_model(model):
    source, target, covariates = batch(model)
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        torch.nn.init.zeros_(parameter)
    twin.load_state_dict(model.state_dict())
    output = model(source, target, covariates=covariates).output
    assert torch.equal(twin(source, target, covariates=covariates).output, output)


def test_what_is_fed_back_may_be_a_part_of_the_output():
    """Quantiles out, the median back in: what probabilistic forecasting needs."""
    model = EncoderDecoder(3, 7, 3, feed=lambda output: output[:, 1:2], feed_size=1)
    source = torch.randn(S, B, 3)
    free = model(source, steps=T).output
    assert free.shape == (T, B, 3)
    forced = model(source, free[..., 1:2]).output
    assert_close(forced, free)


def test_tokens_in_and_logits_out():
    model = EncoderDecoder(
        11, 7, 13, source_embedding=4, target_embedding=5, start_token=2, attention="additive"
    )
    source = torch.randint(11, (S, B))
    free = model(source, steps=T, lengths=LENGTHS)
    assert free.output.shape == (T, B, 13)
    assert torch.equal(free.tokens, free.output.argmax(-1))
    forced = model(source, free.tokens, lengths=LENGTHS)
    assert_close(forced.output, free.output)
    assert forced.tokens is None

    def sampled(seed):
        generator = torch.Generator().manual_seed(seed)
        return model(source, steps=40, sample=True, generator=generator).tokens

    assert torch.equal(sampled(1), sampled(1))
    assert not torch.equal(sampled(1), sampled(2))


TOKENS = {"source_embedding": 4, "target_embedding": 5, "executor": "eager"}


@pytest.mark.parametrize(
    "options", [{}, VARIANTS["fed"] | {"covariate_size": 0}, VARIANTS["before"]]
)
def test_dropout_stands_before_the_recurrences_and_behind_them(options):
    """At 1 nothing passes: no token makes a difference, and of the output the bias is left."""
    source, target = torch.randint(11, (S, B)), torch.randint(13, (T, B))

    def outputs(training=True, **dropout):
        torch.manual_seed(3)
        model = EncoderDecoder(11, 7, 13, **TOKENS, **options, **dropout).train(training)
        return model, model(source, target).output, model(10 - source, 12 - target).output

    model, one, other = outputs(output_dropout=1.0)
    assert_close(one, model.readout.head.bias.expand_as(one))
    _, one, other = outputs(embedding_dropout=1.0)
    assert_close(one, other)
    _, one, other = outputs()
    assert not torch.allclose(one, other)
    _, quiet, _ = outputs(training=False, embedding_dropout=1.0, output_dropout=1.0)
    assert_close(quiet, one)


@pytest.mark.parametrize("options", [VARIANTS["fed"] | {"covariate_size": 0}, VARIANTS["before"]])
def test_gradients_are_those_of_one_step_after_another(options):
    """Targets that are fed in have their outputs written at once, also where steps must wait."""
    model = EncoderDecoder(11, 7, 13, start_token=2, **TOKENS, **options).double()
    source, target = torch.randint(11, (S, B)), torch.randint(13, (T, B))
    weight = torch.randn(T, B, 13, dtype=torch.float64)
    (model(source, target, lengths=LENGTHS).output * weight).sum().backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    output, _, _ = loop(model, source, torch.full((B,), 2), None, target)
    (output * weight).sum().backward()
    assert found.keys() == {n for n, p in model.named_parameters() if p.grad is not None}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert_close(found[name], parameter.grad)


def by_the_paper(model, source, targets):
    """Bahdanau, Cho & Bengio (2015), appendix A, with plain matrices, one row, tokens in and out."""
    sigma, tanh = torch.sigmoid, torch.tanh

    def gru(cell, x, h):
        r = sigma(cell.reset.W @ x + cell.reset.U @ h + cell.reset.b)
        z = sigma(cell.update.W @ x + cell.update.U @ h + cell.update.b)
        n = tanh(cell.candidate.W @ x + cell.candidate.U @ (r * h) + cell.candidate.b)
        return (1 - z) * n + z * h

    embedded = [model.source_embedding.weight[token] for token in source]
    forward, backward = model.encoder.layers
    ahead, back = [torch.zeros(7)], [torch.zeros(7)]
    for x, y in zip(embedded, reversed(embedded), strict=True):
        ahead.append(gru(forward, x, ahead[-1]))
        back.append(gru(backward, y, back[-1]))
    annotations = [torch.cat(pair) for pair in zip(ahead[1:], reversed(back[1:]), strict=True)]

    bridge, readout = model.bridge.project["h"][0], model.readout
    look = readout.attention
    s = tanh(bridge.weight @ torch.cat([ahead[-1], back[-1]]) + bridge.bias)
    outputs, weights = [], []
    for token in [model.start_token, *targets[:-1]]:
        v = model.target_embedding.weight[token]
        energies = [
            look.v.weight[0] @ tanh(look.W.weight @ s + look.U.weight @ h + look.U.bias)
            for h in annotations
        ]
        alpha = torch.stack(energies).softmax(0)
        c = sum(a * h for a, h in zip(alpha, annotations, strict=True))
        s = gru(model.decoder.layers[0], torch.cat([v, c]), s)
        pairs = readout.combine.weight @ torch.cat([s, v, c]) + readout.combine.bias
        maxout = torch.stack([pairs[2 * j : 2 * j + 2].max() for j in range(7)])
        outputs.append(readout.head.weight @ maxout + readout.head.bias)
        weights.append(alpha)
    return torch.stack(outputs), torch.stack(weights)


def test_attention_before_the_step_is_wired_as_bahdanau_cho_and_bengio_write():
    model = EncoderDecoder(
        11, 7, 13, cell="gru_reset_before", source_embedding=4, target_embedding=5, start_token=2,
        attention="additive", attend="before", bidirectional=True,
    )  # fmt: skip
    source, target = torch.randint(11, (S, B)), torch.randint(13, (T, B))
    decoded = model(source, target, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        output, weights = by_the_paper(model, source[:length, row], target[:, row].tolist())
        assert_close(decoded.output[:, row], output)
        assert_close(decoded.attention[:, row, :length], weights)


@pytest.mark.parametrize("attention", ["additive", "general"])
def test_it_learns_to_reverse_digits_with_attention(attention):
    """The task that attention makes easy: position T - t of the source at step t."""
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(2)
    digits, longest = 8, 4
    model = EncoderDecoder(
        digits + 1, 32, digits + 1, cell="torch_gru", source_embedding=16, target_embedding=16,
        attention=attention, bidirectional=True, start_token=digits,
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def draw(rows):
        lengths = torch.randint(2, longest + 1, (rows,))
        source = torch.randint(digits, (longest, rows))
        valid = torch.arange(longest)[:, None] < lengths
        index = (lengths - 1 - torch.arange(longest)[:, None]).clamp(min=0)
        return source, source.gather(0, index), lengths, valid

    for _ in range(250):
        source, target, lengths, valid = draw(64)
        output = model(source, target, lengths=lengths).output
        loss = torch.nn.functional.cross_entropy(output[valid], target[valid])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source, target, lengths, valid = draw(200)
    decoded = model.eval()(source, steps=longest, lengths=lengths)
    assert (decoded.tokens == target)[valid].float().mean() > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "adittive"}, "Did you mean 'additive'"),
        ({"input_feeding": True}, "choose an attention"),
        ({"attend": "before"}, "choose an attention"),
        ({"attention": "dot", "attend": "befor"}, "Did you mean 'before'"),
        ({"attention": "dot", "attend": "before", "input_feeding": True}, "leave input_feeding"),
        ({"bridge": "copi"}, "Did you mean 'copy'"),
        ({"feed_size": 1}, "give feed"),
        ({"embedding_dropout": 0.1}, "there are none"),
        ({"output_dropout": 1.1}, "output_dropout is a probability"),
        ({"target_embedding": 4, "feed_size": 1}, "not for tokens"),
        ({"attention": "dot", "bidirectional": True}, "equally wide"),
        ({"cell": "lstm", "decoder_cell": "jordan", "bridge": "copy"}, "nothing to copy"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        EncoderDecoder(3, 7, 2, **options)


def test_wrong_inputs_are_named():
    model = EncoderDecoder(3, 7, 2, covariate_size=2)
    source, target = torch.zeros(S, B, 3), torch.zeros(T, B, 2)
    covariates = torch.zeros(T, B, 2)
    with pytest.raises(ConfigError, match="either target"):
        model(source, covariates=covariates)
    with pytest.raises(ConfigError, match="probability"):
        model(source, target, covariates=covariates, teacher_forcing=2.0)
    with pytest.raises(ShapeError, match="needs covariates, 2 for each of 5 steps"):
        model(source, target)
    with pytest.raises(ShapeError, match=r"covariates must be \(T, B, K\) = \(5, 4, 2\)"):
        model(source, target, covariates=covariates[1:])
    with pytest.raises(ShapeError, match="target must be"):
        model(source, target[..., :1], covariates=covariates)
    with pytest.raises(ShapeError, match=r"start must be \(4, 2\)"):
        model(source, target, covariates=covariates, start=torch.zeros(2))
    with pytest.raises(ShapeError, match="tokens must be integers"):
        EncoderDecoder(3, 7, 2, source_embedding=4)(source, target)
