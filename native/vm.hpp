// The machine of elementwise operations: an instruction at a time over all rows.

// d = f(a, ...) over `width` elements. With `Numbers`, an operand whose step is 0 is one vector for
// all; its number is spread over that vector in memory, so that one loop serves all combinations.
template <int N, bool Numbers, class R, class Function>
INLINE void over_row(R* d, const R* const (&p)[N], const std::int64_t (&step)[N],
                     std::int64_t width, Function f) {
  constexpr int lanes = kLanes<R>;
  const R* at[N];
  for (int q = 0; q < N; ++q) at[q] = p[q];
  const auto compute = [&](auto&& get) INLINE_LAMBDA {
    Vec<R> x[3]{};
#pragma GCC unroll 3
    for (int q = 0; q < N; ++q) x[q] = get(q);
    return f(x[0], x[1], x[2]);
  };
  std::int64_t i = 0;
  if constexpr (!Numbers) {
    for (; i + 4 * lanes <= width; i += 4 * lanes) {
      Vec<R> y[4];
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u)
        y[u] = compute([&](int q) INLINE_LAMBDA { return load(at[q] + i + u * lanes); });
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) store(d + i + u * lanes, y[u]);
    }
#pragma GCC unroll 1
    for (; i + lanes <= width; i += lanes)
      store(d + i, compute([&](int q) INLINE_LAMBDA { return load(at[q] + i); }));
    if (i < width) {
      const Part<R> part(static_cast<int>(width - i));
      part.store(d + i, compute([&](int q) INLINE_LAMBDA { return part.load(at[q] + i); }));
    }
  } else {
#pragma GCC unroll 1
    for (; i + lanes <= width; i += lanes) {
      store(d + i, compute([&](int q) INLINE_LAMBDA { return load(at[q]); }));
      for (int q = 0; q < N; ++q) at[q] += step[q];
    }
    if (i < width) {
      const Part<R> part(static_cast<int>(width - i));
      part.store(d + i, compute([&](int q) INLINE_LAMBDA {
                   return step[q] ? part.load(at[q]) : load(at[q]);
                 }));
    }
  }
}

// One instruction over all rows; `f` computes a vector.
template <int N, class R, class Function>
__attribute__((noinline)) void elementwise(const Instruction& code, const Operand<R>* operands,
                                           std::int64_t rows, Function f) {
  const std::uint16_t index[3] = {code.a, code.b, code.c};
  Operand<R> d = operands[code.d];
  std::int64_t width = code.width;
  const R* p[N];
  std::int64_t stride[N], step[N];
  bool flat = d.stride == width;
  for (int q = 0; q < N; ++q) {
    p[q] = operands[index[q]].p;
    stride[q] = operands[index[q]].stride;
    step[q] = kLanes<R>;
    flat &= stride[q] == width;
  }
  if (!(code.scalars & ((1 << N) - 1))) {
    if (flat) {
      width *= rows;
      rows = rows > 0;
    }
    for (; rows > 0; --rows) {
      over_row<N, false, R>(d.p, p, step, width, f);
      d.p += d.stride;
      for (int q = 0; q < N; ++q) p[q] += stride[q];
    }
    return;
  }
  alignas(kBytes) R spread[N][kLanes<R>];
  for (int q = 0; q < N; ++q)
    if (code.scalars >> q & 1) step[q] = 0;
  for (; rows > 0; --rows) {
    const R* at[N];
    for (int q = 0; q < N; ++q) {
      at[q] = p[q];
      if (!step[q]) {
        store(spread[q], all(*p[q]));
        at[q] = spread[q];
      }
      p[q] += stride[q];
    }
    over_row<N, true, R>(d.p, at, step, width, f);
    d.p += d.stride;
  }
}

// Combines the lanes of a vector in pairs: the first half with the second, and so on.
template <int Half, class R, int... I>
INLINE Vec<R> halves_swapped(Vec<R> v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, ((I + Half) % kLanes<R>)...);
}
template <class R, int Half = kLanes<R> / 2, class Function>
INLINE R across(Vec<R> v, Function f) {
  if constexpr (Half == 0)
    return v[0];
  else
    return across<R, Half / 2>(
        f(v, halves_swapped<Half, R>(v, std::make_integer_sequence<int, kLanes<R>>{})), f);
}

// d[r] = f of all of row r, in an order that depends on the width alone: four vectors of partial
// results, then their lanes.
template <class R, class Function>
__attribute__((noinline)) void reduce(const Instruction& code, const Operand<R>* operands,
                                      std::int64_t rows, R neutral, Function f) {
  constexpr int lanes = kLanes<R>;
  const Operand<R> d = operands[code.d], a = operands[code.a];
  const bool number = code.scalars & 1;
  const std::int64_t width = code.width;
  for (std::int64_t r = 0; r < rows; ++r) {
    const R* p = a.p + r * a.stride;
    alignas(kBytes) R spread[lanes];
    if (number) {
      store(spread, all(*p));
      p = spread;
    }
    const std::int64_t step = !number;
    Vec<R> x0 = all(neutral), x1 = x0, x2 = x0, x3 = x0;
    std::int64_t i = 0;
    for (; i + 4 * lanes <= width; i += 4 * lanes) {
      x0 = f(x0, load(p + i * step));
      x1 = f(x1, load(p + (i + lanes) * step));
      x2 = f(x2, load(p + (i + 2 * lanes) * step));
      x3 = f(x3, load(p + (i + 3 * lanes) * step));
    }
    for (; i + lanes <= width; i += lanes) x0 = f(x0, load(p + i * step));
    if (i < width) {
      const Part<R> part(static_cast<int>(width - i));
      const Vec<R> x = number ? load(p) : part.load(p + i);
      x1 = f(x1, part.choose(x, all(neutral)));
    }
    d.p[r * d.stride] = across<R>(f(f(x0, x1), f(x2, x3)), f);
  }
}

// d[0, :] += Σ_r a[r, :]: for each column the rows in order, then d.
template <class R>
__attribute__((noinline)) void accumulate_rows(const Instruction& code, const Operand<R>* operands,
                                               std::int64_t rows) {
  constexpr int lanes = kLanes<R>;
  R* const d = operands[code.d].p;
  const Operand<R> a = operands[code.a];
  const bool number = code.scalars & 1;
  const std::int64_t width = code.width;
  std::int64_t i = 0;
  if (!number)
    for (; i + 4 * lanes <= width; i += 4 * lanes) {
      Vec<R> x[4]{};
      for (std::int64_t r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int u = 0; u < 4; ++u) x[u] = x[u] + load(a.p + r * a.stride + i + u * lanes);
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) store(d + i + u * lanes, load(d + i + u * lanes) + x[u]);
    }
  for (; i < width; i += lanes) {
    const Part<R> part(static_cast<int>(least(lanes, width - i)));
    Vec<R> x{};
    for (std::int64_t r = 0; r < rows; ++r) {
      const R* p = a.p + r * a.stride;
      x = x + (number ? all(*p) : part.load(p + i));
    }
    part.store(d + i, part.load(d + i) + x);
  }
}

// The functor of an expression in a, b and c.
#define EACH(op, n, expression)                                                            \
  case Op::op:                                                                             \
    elementwise<n, R>(code, operands, rows,                                                \
                      []([[maybe_unused]] Vec<R> a, [[maybe_unused]] Vec<R> b,             \
                         [[maybe_unused]] Vec<R> c) INLINE_LAMBDA { return expression; }); \
    break;

template <class R>
void run_one(const Instruction& code, const Operand<R>* operands, std::int64_t rows) {
  constexpr R zero = 0, one = 1;
  switch (code.op) {
    EACH(add, 2, a + b)
    EACH(sub, 2, a - b)
    EACH(mul, 2, a * b)
    EACH(div, 2, a / b)
    EACH(pow, 2, pow(a, b))
    EACH(max, 2, maximum(a, b))
    EACH(min, 2, minimum(a, b))
    EACH(neg, 1, -a)
    EACH(exp, 1, exp<R>(a))
    EACH(log, 1, log<R>(a))
    EACH(tanh, 1, tanh<R>(a))
    EACH(sigmoid, 1, sigmoid<R>(a))
    EACH(softplus, 1, softplus<R>(a))
    EACH(erf, 1, erf(a))
    EACH(sin, 1, sin(a))
    EACH(cos, 1, cos(a))
    EACH(abs, 1, magnitude<R>(a))
    EACH(sign, 1, truth<R>(a > zero) - truth<R>(a < zero))
    EACH(floor, 1, round_down(a))
    EACH(sqrt, 1, square_root(a))
    EACH(rsqrt, 1, one / square_root(a))
    EACH(gt, 2, truth<R>(a > b))
    EACH(ge, 2, truth<R>(a >= b))
    EACH(lt, 2, truth<R>(a < b))
    EACH(le, 2, truth<R>(a <= b))
    EACH(eq, 2, truth<R>(a == b))
    EACH(ne, 2, truth<R>(a != b))
    EACH(and_, 2, truth<R>((a != zero) & (b != zero)))
    EACH(or_, 2, truth<R>((a != zero) | (b != zero)))
    EACH(not_, 1, truth<R>(a == zero))
    EACH(where, 3, a != zero ? b : c)
    EACH(fma, 3, fma(a, b, c))
    EACH(fms, 3, fms(a, b, c))
    EACH(fnma, 3, fnma(a, b, c))
    EACH(dtanh, 2, a * fnma(b, b, all(one)))
    EACH(dsigmoid, 2, a * b * (one - b))
    EACH(mul_dtanh, 3, a * b * fnma(c, c, all(one)))
    EACH(mul_dsigmoid, 3, a * b * c * (one - c))
    EACH(copy, 1, a)
    case Op::sum:
      reduce<R>(code, operands, rows, zero, [](Vec<R> a, Vec<R> b) INLINE_LAMBDA { return a + b; });
      break;
    case Op::amax:
      reduce<R>(code, operands, rows, -Limits<R>::inf,
                [](Vec<R> a, Vec<R> b) INLINE_LAMBDA { return maximum(a, b); });
      break;
    case Op::accumulate_rows:
      accumulate_rows<R>(code, operands, rows);
      break;
  }
}

template <class R>
void run(const Instruction* code, std::int64_t count, const Operand<R>* operands,
         std::int64_t rows) {
  for (std::int64_t i = 0; i < count; ++i) run_one<R>(code[i], operands, rows);
}
