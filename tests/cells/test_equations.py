"""Every cell against its paper's formula, written once more in numpy for a single row.

Nothing here is shared with the package: weights are looked up by name, products are
written out, and every parameter is random, so that none can be left out unnoticed.
"""

import numpy as np
import pytest
import torch

from mnemonist import cells
from mnemonist.engine import unroll

INPUT, HIDDEN, STEPS = 3, 4, 3


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def affine(w, gate, x=None, h=None, peep=None):
    """W x + U h + p ⊙ peep + b, entry by entry of what the gate has."""
    total = np.zeros(next(v for n, v in w.items() if n.startswith(f"{gate}.")).shape[0])
    for name, operand in (("W", x), ("U", h)):
        if operand is not None:
            matrix = w[f"{gate}.{name}"]
            total = total + np.array(
                [sum(row[j] * operand[j] for j in range(len(row))) for row in matrix]
            )
    if peep is not None:
        total = total + w[f"{gate}.p"] * peep
    return total + w.get(f"{gate}.b", 0)


def elman(w, x, h):
    return (np.tanh(affine(w, "hidden", x, h)),)


def irnn(w, x, h):
    return (relu(affine(w, "hidden", x, h)),)


def jordan(w, x, y):
    h = np.tanh(affine(w, "hidden", x, y))
    return affine(w, "readout", h), h


def elman_jordan(w, x, h, y):
    h = np.tanh(affine(w, "hidden", x, h) + w["feedback.U"] @ y)
    return h, affine(w, "readout", h)


def elman_jordan_input(w, x, h, y):
    h = np.tanh(affine(w, "hidden", x + w["feedback.U"] @ y, h))
    return h, affine(w, "readout", h)


def lstm_ungated(w, x, y, c):
    h = np.tanh(affine(w, "hidden", x, y))
    c = c + h
    return np.tanh(c), c, h


def vanilla(w, x, h, c, *, peepholes=True, change=""):
    """Greff et al. 2017, section 2 (V), and `change`, one of section 3's variants."""
    peep = (lambda s: s) if peepholes else (lambda s: None)
    block = affine(w, "block", x, h)
    z = block if change == "NIAF" else np.tanh(block)
    i = 1.0 if change == "NIG" else sigmoid(affine(w, "input", x, h, peep(c)))
    if change == "CIFG":
        f = 1 - i
    else:
        f = 1.0 if change == "NFG" else sigmoid(affine(w, "forget", x, h, peep(c)))
    c = z * i + c * f
    o = 1.0 if change == "NOG" else sigmoid(affine(w, "output", x, h, peep(c)))
    return (c if change == "NOAF" else np.tanh(c)) * o, c


def lstm_no_forget(w, x, h, c):
    i, o = sigmoid(affine(w, "input", x, h)), sigmoid(affine(w, "output", x, h))
    c = c + i * np.tanh(affine(w, "block", x, h))
    return o * np.tanh(c), c


def lstm_projected(w, x, h, c):
    m, c = vanilla(w, x, h, c)
    return w["projection.W"] @ m, c


def fgr(w, x, h, c, i, f, o):
    size = len(c)
    seen = {}
    for gate in ("input", "forget", "output"):
        r = w[f"gates_to_{gate}.U"]
        seen[gate] = r[:, :size] @ i + r[:, size : 2 * size] @ f + r[:, 2 * size :] @ o
    i = sigmoid(affine(w, "input", x, h, c) + seen["input"])
    f = sigmoid(affine(w, "forget", x, h, c) + seen["forget"])
    c = f * c + i * np.tanh(affine(w, "block", x, h))
    o = sigmoid(affine(w, "output", x, h, c) + seen["output"])
    return o * np.tanh(c), c, i, f, o


def gru(w, x, h):
    r, z = sigmoid(affine(w, "reset", x, h)), sigmoid(affine(w, "update", x, h))
    n = np.tanh(affine(w, "candidate", x) + r * affine(w, "memory", h=h))
    return ((1 - z) * n + z * h,)


def gru_reset_before(w, x, h):
    r, z = sigmoid(affine(w, "reset", x, h)), sigmoid(affine(w, "update", x, h))
    return ((1 - z) * np.tanh(affine(w, "candidate", x, r * h)) + z * h,)


def mgu(w, x, h):
    f = sigmoid(affine(w, "forget", x, h))
    return ((1 - f) * h + f * np.tanh(affine(w, "candidate", x, f * h)),)


def ugrnn(w, x, h):
    g = sigmoid(affine(w, "update", x, h))
    return (g * h + (1 - g) * np.tanh(affine(w, "candidate", x, h)),)


def janet(w, x, h):
    s = affine(w, "forget", x, h)
    return (sigmoid(s) * h + (1 - sigmoid(s - 1)) * np.tanh(affine(w, "candidate", x, h)),)


def indrnn(w, x, h):
    return (relu(affine(w, "hidden", x) + w["u"] * h),)


def layer_norm(a, gain, shift=0.0):
    mean = sum(a) / len(a)
    variance = sum((v - mean) ** 2 for v in a) / len(a)
    return gain * (a - mean) / np.sqrt(variance + 1e-5) + shift


def stacked(w, gates, operand, name):
    return np.concatenate([w[f"{gate}.{name}"] @ operand for gate in gates])


def lstm_layer_norm(w, x, h, c):
    gates = ("input", "forget", "block", "output")
    total = layer_norm(stacked(w, gates, h, "U"), w["norm_h.weight"])
    total = total + layer_norm(stacked(w, gates, x, "W"), w["norm_x.weight"], w["norm_x.bias"])
    i, f, z, o = np.split(total, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(z)
    return sigmoid(o) * np.tanh(layer_norm(c, w["norm_c.weight"], w["norm_c.bias"])), c


def gru_layer_norm(w, x, h):
    gates = ("update", "reset")
    total = layer_norm(stacked(w, gates, h, "U"), w["norm_h.weight"])
    total = total + layer_norm(stacked(w, gates, x, "W"), w["norm_x.weight"], w["norm_x.bias"])
    z, r = np.split(sigmoid(total), 2)
    driven, memory = w["candidate.W"] @ x, w["candidate.U"] @ h
    n = np.tanh(
        layer_norm(driven, w["norm_candidate.weight"], w["norm_candidate.bias"])
        + r * layer_norm(memory, w["norm_memory.weight"], w["norm_memory.bias"])
    )
    return ((1 - z) * h + z * n,)


def lstm_batch_norm(w, x, h, c, t):
    """In evaluation: the running averages of step t."""
    step = min(int(t[0]), len(w["norm_h.running_mean"]) - 1)

    def norm(name, a):
        mean, variance = w[f"{name}.running_mean"][step], w[f"{name}.running_var"][step]
        return w[f"{name}.gamma"] * (a - mean) / np.sqrt(variance + 1e-5)

    gates = ("input", "forget", "block", "output")
    total = norm("norm_h", stacked(w, gates, h, "U")) + norm("norm_x", stacked(w, gates, x, "W"))
    i, f, z, o = np.split(total + w["b"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(z)
    return sigmoid(o) * np.tanh(norm("norm_c", c) + w["beta_c"]), c, np.minimum(t + 1, 2)


def rhn(w, x, h):
    s = h
    for layer in range(3):
        seen = x if layer == 0 else None
        k = np.tanh(affine(w, f"candidate.{layer}", seen, s))
        g = sigmoid(affine(w, f"transform.{layer}", seen, s))
        s = k * g + s * (1 - g)
    return (s,)


def lstm_multiplicative(w, x, h, c):
    m = (w["factor_x.W"] @ x) * (w["factor_h.U"] @ h)
    return vanilla(w, x, m, c, peepholes=False)


def slstm(w, x, h, c, n, m, *, heads=2, exponential=False):
    """Beck et al. 2024, equations 8 to 17; the blocks as one large matrix with zeros."""
    width = len(h) // heads

    def gate(name):
        matrix = np.zeros((len(h), len(h)))
        for k in range(heads):
            block = slice(k * width, (k + 1) * width)
            matrix[block, block] = w[f"{name}.U"][k]
        return w[f"{name}.W"] @ x + matrix @ h + w[f"{name}.b"]

    log_i, log_f = gate("input"), gate("forget")
    if not exponential:
        log_f = -np.log(1 + np.exp(-log_f))
    m_new = np.maximum(log_f + m, log_i)
    i, f = np.exp(log_i - m_new), np.exp(log_f + m - m_new)
    c, n = f * c + i * np.tanh(gate("block")), f * n + i
    return sigmoid(gate("output")) * c / n, c, n, m_new


def mingru(w, x, h):
    z = sigmoid(affine(w, "update", x))
    return ((1 - z) * h + z * affine(w, "candidate", x),)


def minlstm(w, x, h):
    f, i = sigmoid(affine(w, "forget", x)), sigmoid(affine(w, "input", x))
    return ((f * h + i * affine(w, "candidate", x)) / (f + i),)


def leaky(w, x, h, *, leak=0.3):
    return ((1 - leak) * h + leak * np.tanh(affine(w, "hidden", x, h)),)


def torch_rnn(w, x, h):
    return (np.tanh(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]),)


def torch_lstm(w, x, h, c):
    total = w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]
    i, f, g, o = np.split(total, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return w["weight_hr"] @ (sigmoid(o) * np.tanh(c)), c


def torch_gru(w, x, h):
    rx, zx, nx = np.split(w["weight_ih"] @ x + w["bias_ih"], 3)
    rh, zh, nh = np.split(w["weight_hh"] @ h + w["bias_hh"], 3)
    z = sigmoid(zx + zh)
    return ((1 - z) * np.tanh(nx + sigmoid(rx + rh) * nh) + z * h,)


def variant(name):
    return lambda w, x, h, c: vanilla(w, x, h, c, change=name)


PAPERS = [
    ("elman", {}, elman),
    ("irnn", {}, irnn),
    ("jordan", {"output_size": 2}, jordan),
    ("elman_jordan", {"output_size": 2}, elman_jordan),
    ("elman_jordan", {"output_size": 2, "output_to": "input"}, elman_jordan_input),
    ("lstm_ungated", {}, lstm_ungated),
    ("lstm_no_forget", {}, lstm_no_forget),
    ("lstm", {}, lambda w, x, h, c: vanilla(w, x, h, c, peepholes=False)),
    ("lstm_peephole", {}, vanilla),
    ("lstm_projected", {"proj_size": 2}, lstm_projected),
    *((name.lower(), {}, variant(name)) for name in ("NIG", "NFG", "NOG", "NIAF", "NOAF", "CIFG")),
    ("np", {}, lambda w, x, h, c: vanilla(w, x, h, c, peepholes=False)),
    ("fgr", {}, fgr),
    ("gru", {}, gru),
    ("gru_reset_before", {}, gru_reset_before),
    ("mgu", {}, mgu),
    ("ugrnn", {}, ugrnn),
    ("janet", {}, janet),
    ("indrnn", {}, indrnn),
    ("lstm_layer_norm", {}, lstm_layer_norm),
    ("gru_layer_norm", {}, gru_layer_norm),
    ("lstm_batch_norm", {"max_steps": 2}, lstm_batch_norm),
    ("rhn", {"depth": 3}, rhn),
    ("lstm_multiplicative", {}, lstm_multiplicative),
    ("slstm", {"heads": 2}, slstm),
    (
        "slstm",
        {"heads": 2, "forget_gate": "exponential"},
        lambda w, x, h, c, n, m: slstm(w, x, h, c, n, m, exponential=True),
    ),
    ("mingru", {}, mingru),
    ("minlstm", {}, minlstm),
    ("leaky", {"leak": 0.3}, leaky),
    ("echo_state", {"leak": 0.3}, leaky),
    ("torch_rnn", {}, torch_rnn),
    ("torch_lstm", {"proj_size": 2}, torch_lstm),
    ("torch_gru", {}, torch_gru),
]


def test_every_registered_cell_is_compared_with_its_paper():
    assert {name for name, _, _ in PAPERS} == set(cells.names())


@pytest.mark.parametrize(
    ("name", "options", "paper"), PAPERS, ids=[f"{n}-{'-'.join(map(str, o))}" for n, o, _ in PAPERS]
)
def test_step_is_the_papers_formula(name, options, paper):
    torch.manual_seed(11)
    cell = cells.get(name)(INPUT, HIDDEN, **options).double().eval()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_(std=0.7)
        for buffer in cell.buffers():
            buffer.uniform_(0.5, 1.5)
    weights = {n: v.detach().numpy() for n, v in (*cell.named_parameters(), *cell.named_buffers())}
    x = torch.randn(STEPS, 2, INPUT, dtype=torch.float64)
    with torch.no_grad():
        run = unroll(cell, x, emit=(*cell.state_sizes, *cell.output_sizes), executor="eager")
    widths = {**cell.state_sizes, **cell.output_sizes}
    got = dict(zip(widths, run.output.split(list(widths.values()), -1), strict=True))

    start = cell.initial_state(2, dtype=torch.float64)
    for row in range(2):
        state = [value[row].numpy() for value in start.values()]
        for t in range(STEPS):
            values = paper(weights, x[t, row].numpy(), *state)
            state = list(values[: len(state)])
            for key, expected in zip(widths, values, strict=True):
                np.testing.assert_allclose(
                    got[key][t, row], expected, rtol=1e-11, atol=1e-12, err_msg=f"{key} at step {t}"
                )
