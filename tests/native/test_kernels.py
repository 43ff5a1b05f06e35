"""The kernels one by one, on every instruction set of this machine, float32 and float64.

Results are held to numpy in a wider type, special values to torch; bits are compared where the
kernels promise them. `native/tests/kernels_test.cpp` adds guarded memory and sanitizers.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

_native = pytest.importorskip("mnemonist._native")
from mnemonist.engine.native.plan import OPS  # noqa: E402

kernels = _native.testing
ISAS = [isa for isa in ("portable", "avx2", "avx512") if _native.has_isa(isa)]
DTYPES = [np.float32, np.float64]
Array = np.ndarray

everywhere = pytest.mark.parametrize("isa", ISAS)
both = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
sizes = st.integers(0, 70)


def poisoned(rng: np.random.Generator, dtype: type, rows: int, width: int) -> Array:
    """Random rows at odd addresses, among NaN."""
    gap, shift = int(rng.integers(0, 9)), int(rng.integers(0, 5))
    memory = np.full(rows * (width + gap) + shift + 16, np.nan, dtype)
    view = memory[shift : shift + rows * (width + gap)].reshape(rows, width + gap)[:, :width]
    view[...] = rng.uniform(-1, 1, view.shape)
    return view


def packed(isa: str, w: Array) -> Array:
    room = np.full(kernels.packed_size(isa, w), np.nan, w.dtype)
    kernels.pack(isa, w, room)
    return room


def run(isa: str, op: str, *sources: Array, scalars: int = 0, out: Array | None = None) -> Array:
    """One instruction over matrices of the same size."""
    rows, width = sources[0].shape
    d = np.full((rows, width), np.nan, sources[0].dtype) if out is None else out
    indices = [*range(1, len(sources) + 1), 0, 0][:3]
    kernels.run(isa, [(OPS.index(op), scalars, 0, *indices, width)], [d, *sources], rows)
    return d


def elementwise(isa: str, op: str, *sources: Array, scalars: int = 0) -> Array:
    """One instruction over vectors."""
    return run(isa, op, *(s.reshape(1, -1) for s in sources), scalars=scalars)[0]


# Products ---------------------------------------------------------------------------------------


@everywhere
@both
@given(seed=st.integers(0, 2**32 - 1), m=sizes, n=sizes, k=sizes, start=st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_product_with_a_packed_weight(isa, dtype, seed, m, n, k, start):
    rng = np.random.default_rng(seed)
    a, w, c = (poisoned(rng, dtype, *shape) for shape in ((m, k), (n, k), (m, n)))
    addend = [None, poisoned(rng, dtype, 1, n), poisoned(rng, dtype, m, n), c][start]
    expected = a.astype(np.longdouble) @ w.astype(np.longdouble).T
    if addend is not None:
        expected = expected + addend.astype(np.longdouble)
    begun = None if addend is None else addend.copy()
    kernels.gemm(isa, a, packed(isa, w), c, start=addend)
    np.testing.assert_allclose(c, expected.astype(float), atol=(k + 2) * np.finfo(dtype).eps)

    by_rows = np.empty((m, n), dtype)
    for i in range(m):
        row = None if begun is None else begun[i % max(1, len(begun)) :][:1]
        kernels.gemm(isa, a[i : i + 1], packed(isa, w), by_rows[i : i + 1], start=row)
    assert by_rows.tobytes() == np.ascontiguousarray(c).tobytes()


@everywhere
@both
def test_a_weight_packs_from_either_order(isa, dtype):
    rng = np.random.default_rng(0)
    w = rng.uniform(-1, 1, (77, 45)).astype(dtype)
    from_rows, from_columns = packed(isa, w), packed(isa, np.asfortranarray(w))
    assert from_rows.tobytes() == from_columns.tobytes()
    c = np.empty((3, 45), dtype)
    a = rng.uniform(-1, 1, (3, 77)).astype(dtype)
    kernels.gemm(isa, a, packed(isa, w.T), c)
    np.testing.assert_allclose(c, a @ w, atol=80 * np.finfo(dtype).eps)


@everywhere
@both
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 300),
    m=sizes,
    n=sizes,
    accumulate=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_weight_gradient(isa, dtype, seed, rows, m, n, accumulate):
    rng = np.random.default_rng(seed)
    a, b, c = (poisoned(rng, dtype, *shape) for shape in ((rows, m), (rows, n), (m, n)))
    begun = c.copy()
    expected = a.astype(np.longdouble).T @ b.astype(np.longdouble)
    if accumulate:
        expected = expected + c.astype(np.longdouble)
    kernels.gemm_tn(isa, a, b, c, accumulate)
    np.testing.assert_allclose(c, expected.astype(float), atol=(rows + 2) * np.finfo(dtype).eps)

    i, j = m // 3, n // 3  # the same bits from four parts
    for part in np.s_[:i, :j], np.s_[i:, :j], np.s_[:i, j:], np.s_[i:, j:]:
        kernels.gemm_tn(isa, a[:, part[0]], b[:, part[1]], begun[part], accumulate)
    assert begun.tobytes() == np.ascontiguousarray(c).tobytes()


@everywhere
@pytest.mark.parametrize("rows", [100, 3200, 40000])
@pytest.mark.parametrize("n", [1, 48])
def test_weight_gradients_are_as_accurate_as_those_of_torch(isa, rows, n):
    rng = np.random.default_rng(rows)
    a, b = (rng.standard_normal((rows, w)).astype(np.float32) for w in (64, n))
    exact = a.astype(float).T @ b.astype(float)
    ours, torchs = np.empty((64, n), np.float32), torch.mm(torch.tensor(a).t(), torch.tensor(b))
    kernels.gemm_tn(isa, a, b, ours)

    def error(found: Array) -> float:
        return float(np.sqrt(np.mean((found - exact) ** 2)))

    # Without fused operations products are rounded too, which shows where there are few.
    assert error(ours) <= (2.0 if isa == "portable" else 1.3) * error(torchs.numpy())


# Elementwise ------------------------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _softplus(x: Array) -> Array:
    return np.where(x > 20, x, np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


@np.vectorize
def _erf(x: np.longdouble) -> np.longdouble:
    return np.longdouble(mpmath.nstr(mpmath.erf(mpmath.mpf(str(x))), 25))


# Range, function in long double, and the largest errors in units in the last place.
ERRORS = {
    "exp": ((-120, 100), np.exp, 1.5, 1.5),
    "log": ((0, 50), np.log, 1.5, 1.5),
    "tanh": ((-12, 12), np.tanh, 3.0, 3.0),
    "sigmoid": ((-87, 40), _sigmoid, 5.0, 3.0),
    "softplus": ((-80, 40), _softplus, 3.0, 3.0),
    "erf": ((-5, 5), _erf, 2.0, 1.5),
    "sin": ((-1e4, 1e4), np.sin, 1.0, 1.0),
    "cos": ((-1e4, 1e4), np.cos, 1.0, 1.0),
    "sqrt": ((0, 1e3), np.sqrt, 0.51, 0.51),
    "rsqrt": ((1e-3, 1e3), lambda x: 1 / np.sqrt(x), 1.6, 1.6),
    "pow": ((0.01, 10), lambda x: np.power(x, np.longdouble(-2.625)), 1.0, 1.0),
}


def units_off(found: Array, exact: Array) -> Array:
    rounded = exact.astype(found.dtype)
    unit = np.maximum(np.spacing(np.abs(rounded)), np.finfo(found.dtype).smallest_subnormal)
    with np.errstate(invalid="ignore"):
        off = np.abs(found.astype(np.longdouble) - exact) / unit
    return np.where(np.isfinite(rounded), off, np.where(found == rounded, 0, np.inf))


@everywhere
@both
@pytest.mark.parametrize("op", ERRORS)
def test_largest_errors(isa, dtype, op):
    (low, high), function, *bounds = ERRORS[op]
    bound = bounds[DTYPES.index(dtype)]
    count = 1_500 if op == "erf" else 40_000
    rng = np.random.default_rng(1)
    # Evenly over the range, and evenly over the magnitudes.
    x = np.concatenate(
        [
            np.linspace(low, high, count),
            np.exp2(rng.uniform(-20, np.log2(high), count)),
            -np.exp2(rng.uniform(-20, np.log2(max(-low, 1e-6)), count)) if low < 0 else [],
        ]
    ).astype(dtype)
    sources = (x, np.full_like(x, -2.625)) if op == "pow" else (x,)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        exact = function(x.astype(np.longdouble))
        off = units_off(elementwise(isa, op, *sources), exact)
    worst = int(np.argmax(off))
    assert off[worst] <= bound, f"{op}({x[worst]!r}) is {off[worst]:.2f} units off"


@everywhere
@both
def test_small_arguments_keep_their_precision(isa, dtype):
    tiny = np.finfo(dtype).smallest_normal
    x = np.array([tiny / 8, tiny, 1e-30, 1e-10, -1e-10, 1e-4], dtype)
    for op, slope in (("tanh", 1.0), ("sin", 1.0), ("erf", 2 / np.sqrt(np.longdouble(np.pi)))):
        found = elementwise(isa, op, x[:5])
        assert units_off(found, x[:5].astype(np.longdouble) * slope).max() <= 2, op
    denormal = x[:1]
    assert units_off(elementwise(isa, "log", denormal), np.log(denormal.astype(np.longdouble))) <= 2


@everywhere
def test_sigmoid_falls_to_zero_without_a_step(isa):
    x = np.arange(-110, -80, 0.125, dtype=np.float32)
    found = elementwise(isa, "sigmoid", x)
    assert np.all(np.diff(found) >= 0)
    assert found[x > -103].min() > 0
    assert elementwise(isa, "sigmoid", np.float32([-104.5, -1e30]) * 1).max() == 0


UNARY: dict[str, object] = {
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "erf": torch.erf,
    "sin": torch.sin,
    "cos": torch.cos,
    "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "not": torch.logical_not,
    "copy": torch.clone,
}
BINARY: dict[str, object] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "max": torch.maximum,
    "min": torch.minimum,
    "gt": torch.gt,
    "ge": torch.ge,
    "lt": torch.lt,
    "le": torch.le,
    "eq": torch.eq,
    "ne": torch.ne,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "dtanh": lambda d, y: d * (1 - y * y),
    "dsigmoid": lambda d, y: d * y * (1 - y),
    "mul_tanh": lambda a, b: a * torch.tanh(b),
}
TERNARY: dict[str, object] = {
    "where": lambda a, b, c: torch.where(a != 0, b, c),
    "fma": lambda a, b, c: a * b + c,
    "fms": lambda a, b, c: a * b - c,
    "fnma": lambda a, b, c: c - a * b,
    "mul_dtanh": lambda a, b, y: a * b * (1 - y * y),
    "mul_dsigmoid": lambda a, b, y: a * b * y * (1 - y),
    "sub_mul": lambda a, b, c: (a - b) * c,
    "mix": lambda a, b, c: a + c * (b - a),
}
SPECIAL = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.0,
    2.0,
    1e30,
    -1e30,
    1e-30,
    1e6,
]


@everywhere
@both
@pytest.mark.parametrize("op", [*UNARY, *BINARY, *TERNARY])
def test_special_values_as_torch(isa, dtype, op):
    function = {**UNARY, **BINARY, **TERNARY}[op]
    count = 1 if op in UNARY else 2 if op in BINARY else 3
    # Three at once: nothing that overflows or cancels in a product that is rounded before the sum.
    values = np.array(SPECIAL if count < 3 else SPECIAL[:10], dtype)
    grid = [g.ravel() for g in np.meshgrid(*[values] * count)]
    found = elementwise(isa, op, *grid)
    expected = function(*map(torch.from_numpy, grid)).to(torch.from_numpy(values).dtype).numpy()
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=8 * eps, atol=1e-30)
    exact = op in ("neg", "abs", "copy", "floor", "sqrt", "tanh", "erf", "sin")
    if exact:
        zeros = (expected == 0) | (found == 0)
        assert np.array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))


@everywhere
@both
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_of_huge_numbers(isa, dtype, name):
    x = np.array([1e5, 7e5, 9e5, 1e8, 3e15, 1e20, -2e6], dtype)
    expected = [float(getattr(mpmath, name)(mpmath.mpf(float(v)))) for v in x]
    np.testing.assert_allclose(elementwise(isa, name, x), expected, atol=2 * np.finfo(dtype).eps)


@everywhere
@both
@pytest.mark.parametrize("op", [*UNARY, *BINARY, *TERNARY])
def test_bits_do_not_depend_on_place(isa, dtype, op):
    rng = np.random.default_rng(3)
    count = 1 if op in UNARY else 2 if op in BINARY else 3
    sources = [poisoned(rng, dtype, 5, 83) for _ in range(count)]
    for s in sources:
        s *= 3
        s[rng.random(s.shape) < 0.1] = rng.choice([0.0, -0.0, 1e7, np.inf, -1e30])
    whole = run(isa, op, *sources)
    alone = [
        [run(isa, op, *(s[r : r + 1, i : i + 1] for s in sources))[0, 0] for i in range(83)]
        for r in range(5)
    ]
    assert np.array(alone, dtype).tobytes() == whole.tobytes()

    for source in sources:  # in place of each source
        kept = source.copy()
        run(isa, op, *sources, out=source)
        assert np.ascontiguousarray(source).tobytes() == whole.tobytes()
        source[...] = kept

    for scalars in range(1, 1 << count):  # a number a row among the operands
        narrow = [
            np.repeat(s[:, :1], 83, 1) if scalars >> q & 1 else s for q, s in enumerate(sources)
        ]
        found = run(isa, op, *sources, scalars=scalars)
        assert found.tobytes() == run(isa, op, *narrow).tobytes()


@everywhere
@both
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(0, 9), width=st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_reductions(isa, dtype, seed, rows, width):
    rng = np.random.default_rng(seed)
    a, d = poisoned(rng, dtype, rows, width), poisoned(rng, dtype, 1, width)
    begun, total, largest = d.copy(), np.empty((rows, 1), dtype), np.empty((rows, 1), dtype)
    code = [
        (OPS.index("sum"), 0, 1, 0, 0, 0, width),
        (OPS.index("amax"), 0, 2, 0, 0, 0, width),
        (OPS.index("accumulate_rows"), 0, 3, 0, 0, 0, width),
    ]
    kernels.run(isa, code, [a, total, largest, d], rows)
    eps = np.finfo(dtype).eps
    wide = a.astype(np.longdouble)
    np.testing.assert_allclose(total[:, 0], wide.sum(1).astype(float), atol=(width + 1) * eps)
    np.testing.assert_array_equal(largest[:, 0], a.max(1, initial=-np.inf))
    np.testing.assert_allclose(d[0], (begun[0] + wide.sum(0)).astype(float), atol=(rows + 2) * eps)

    alone = np.empty((rows, 1), dtype)
    for r in range(rows):
        kernels.run(isa, [(*code[0][:2], 1, 0, 0, 0, width)], [a[r : r + 1], alone[r : r + 1]], 1)
    assert alone.tobytes() == total.tobytes()
    if width:
        a[:, rng.integers(width)] = np.nan
        kernels.run(isa, code[1:2], [a, total, largest], rows)
        assert np.isnan(largest).all()


@everywhere
@both
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 9),
    width=st.integers(1, 200),
    scalars=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_takes_a_row_as_a_whole(isa, dtype, seed, rows, width, scalars):
    rng = np.random.default_rng(seed)
    a, b = (poisoned(rng, dtype, rows, 1 if scalars >> q & 1 else width) for q in (0, 1))
    c, d = poisoned(rng, dtype, rows, 1), np.empty((rows, width), dtype)
    sums = [np.empty((rows, 1), dtype) for _ in range(3)]
    both = scalars | 4
    code = [
        (OPS.index("sum_times"), scalars & 1 | 2, 3, 0, 2, 0, width),
        (OPS.index("dot_times"), both, 4, 0, 1, 2, width),
        (OPS.index("spread_times"), both, 5, 0, 1, 2, width),
        (OPS.index("dnormalised"), both, 6, 0, 1, 2, width),
    ]
    kernels.run(isa, code, [a, b, c, *sums, d], rows)
    x, y, z = (v.astype(np.longdouble) + np.zeros((rows, width)) for v in (a, b, c))
    factor, near = z[:, :1], (width + 8) * np.finfo(dtype).eps
    for found, terms in zip(sums, (x, x * y, (x - y) ** 2)):
        expected = terms.sum(1, keepdims=True) * factor
        np.testing.assert_allclose(found, expected.astype(float), atol=4 * near)
    expected = z * (x - x.mean(1, keepdims=True) - y * (x * y).mean(1, keepdims=True))
    np.testing.assert_allclose(d, expected.astype(float), atol=near)

    for r in range(rows):
        alone = [v[r : r + 1].copy() for v in (*sums, d)]
        row = [v[r : r + 1] for v in (a, b, c)]
        kernels.run(isa, code, [*row, *alone], 1)
        whole = [v[r : r + 1] for v in (*sums, d)]
        assert all(v.tobytes() == w.tobytes() for v, w in zip(alone, whole))
    if rows and not scalars & 1:  # in place
        kernels.run(isa, [(*code[3][:2], 0, 0, 1, 2, width)], [a, b, c], rows)
        assert np.ascontiguousarray(a).tobytes() == d.tobytes()


def test_an_instruction_set_that_there_is_not():
    with pytest.raises(ValueError, match="no instruction set avx1024"):
        kernels.widths("avx1024", False)
