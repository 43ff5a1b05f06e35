// The machine of elementwise operations: an instruction at a time over all rows.

// The operands of an instruction at one row: vectors of them, or one number for the whole row,
// which stays in a register. Bit q of `Numbers` says which it is for operand q; below 0, `numbers`
// does.
template <int N, int Numbers, class R>
struct Row {
  const R* p[N];
  Vec<R> number[N];
  int numbers;

  INLINE Row(const R* const (&at)[N], int bits) : numbers(bits) {
    for (int q = 0; q < N; ++q) {
      p[q] = at[q];
      if (is_number(q)) number[q] = all(*p[q]);
    }
  }
  INLINE bool is_number(int q) const { return (Numbers < 0 ? numbers : Numbers) >> q & 1; }

  // f of what `get` reads of each operand that is not a number.
  template <class Get, class Function>
  INLINE Vec<R> apply(Get get, Function f) const {
    Vec<R> x[3]{};
#pragma GCC unroll 3
    for (int q = 0; q < N; ++q) x[q] = is_number(q) ? number[q] : get(p[q]);
    return f(x[0], x[1], x[2]);
  }
  template <class Function>
  INLINE Vec<R> at(std::int64_t i, Function f) const {
    return apply([&](const R* a) INLINE_LAMBDA { return load(a + i); }, f);
  }
  template <class Function>
  INLINE Vec<R> end(std::int64_t i, const Part<R>& part, Function f) const {
    return apply([&](const R* a) INLINE_LAMBDA { return part.load(a + i); }, f);
  }
};

// d = f(a, ...) over `width` elements.
template <int N, int Numbers, class R, class Function>
INLINE void over_row(R* d, const R* const (&p)[N], int numbers, std::int64_t width, Function f) {
  constexpr int lanes = kLanes<R>;
  const Row<N, Numbers, R> row(p, numbers);
  std::int64_t i = 0;
  if constexpr (Numbers >= 0)
    for (; i + 4 * lanes <= width; i += 4 * lanes) {
      Vec<R> y[4];
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) y[u] = row.at(i + u * lanes, f);
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) store(d + i + u * lanes, y[u]);
    }
#pragma GCC unroll 1
  for (; i + lanes <= width; i += lanes) store(d + i, row.at(i, f));
  if (i < width) {
    const Part<R> part(static_cast<int>(width - i));
    part.store(d + i, row.end(i, part, f));
  }
}

template <int N, int Numbers, class R, class Function>
INLINE void over_rows(Operand<R> d, Operand<R> (&x)[N], int numbers, std::int64_t width,
                      std::int64_t rows, Function f) {
  for (; rows > 0; --rows) {
    const R* p[N];
    for (int q = 0; q < N; ++q) {
      p[q] = x[q].p;
      x[q].p += x[q].stride;
    }
    over_row<N, Numbers, R>(d.p, p, numbers, width, f);
    d.p += d.stride;
  }
}

template <int N, class R>
INLINE void fetch_operands(const Instruction& code, const Operand<R>* operands,
                           Operand<R> (&x)[N]) {
  const std::uint16_t index[3] = {code.a, code.b, code.c};
  for (int q = 0; q < N; ++q) x[q] = operands[index[q]];
}

// One instruction over all rows; `f` computes a vector. Operations that cost no more than their
// loads (`Light`) have a loop of their own for each combination of numbers and vectors.
template <int N, bool Light, class R, class Function>
__attribute__((noinline)) void elementwise(const Instruction& code, const Operand<R>* operands,
                                           std::int64_t rows, Function f) {
  const Operand<R> d = operands[code.d];
  Operand<R> x[N];
  fetch_operands<N, R>(code, operands, x);
  std::int64_t width = code.width;
  int numbers = code.scalars & ((1 << N) - 1);
  if (width == 1) {
    numbers = 0;
    for (int q = 0; q < N; ++q) numbers |= (x[q].stride == 0) << q;
  }
  bool flat = d.stride == width;
  for (int q = 0; q < N; ++q) flat &= x[q].stride == (numbers >> q & 1 ? 0 : width);
  if (flat) {
    width *= rows;
    rows = rows > 0;
  }
  const auto go = [&]<int Numbers>()
                      INLINE_LAMBDA { over_rows<N, Numbers, R>(d, x, numbers, width, rows, f); };
  if (numbers == 0) return go.template operator()<0>();
  if constexpr (Light) {
    if (numbers == 1) return go.template operator()<1>();
    if constexpr (N > 1)
      if (numbers == 2) return go.template operator()<2>();
    if constexpr (N > 2) {
      if (numbers == 3) return go.template operator()<3>();
      if (numbers == 4) return go.template operator()<4>();
      if (numbers == 5) return go.template operator()<5>();
      if (numbers == 6) return go.template operator()<6>();
    }
  }
  go.template operator()<-1>();
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

// f(f(neutral, x of element 0), x of element 1) ... over a row, in an order that depends on the
// width alone: four vectors of partial results, then their lanes.
template <int N, int Numbers, class R, class Function, class Join>
INLINE R fold(const Row<N, Numbers, R>& row, std::int64_t width, R neutral, Function f, Join join) {
  constexpr int lanes = kLanes<R>;
  Vec<R> y[4];
  for (int u = 0; u < 4; ++u) y[u] = all(neutral);
  const auto onto = [&](int u) INLINE_LAMBDA {
    return [&y, &f, u](Vec<R> a, Vec<R> b, Vec<R>) INLINE_LAMBDA { return f(y[u], a, b); };
  };
  std::int64_t i = 0;
  for (; i + 4 * lanes <= width; i += 4 * lanes)
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) y[u] = row.at(i + u * lanes, onto(u));
  for (; i + lanes <= width; i += lanes) y[0] = row.at(i, onto(0));
  if (i < width) {
    const Part<R> part(static_cast<int>(width - i));
    y[1] = part.choose(row.end(i, part, onto(1)), y[1]);
  }
  return across<R>(join(join(y[0], y[1]), join(y[2], y[3])), join);
}

// d[r] = the fold of row r of N operands, times row r of the next operand if there is one.
template <int N, int Numbers, bool Times, class R, class Function, class Join>
INLINE void fold_rows(const Instruction& code, const Operand<R>* operands, std::int64_t rows,
                      R neutral, Function f, Join join) {
  const Operand<R> d = operands[code.d];
  Operand<R> x[N + Times];
  fetch_operands<N + Times, R>(code, operands, x);
  for (std::int64_t r = 0; r < rows; ++r) {
    const R* p[N];
    for (int q = 0; q < N; ++q) p[q] = x[q].p + r * x[q].stride;
    R y = fold(Row<N, Numbers, R>(p, code.scalars), code.width, neutral, f, join);
    if constexpr (Times) y *= x[N].p[r * x[N].stride];
    d.p[r * d.stride] = y;
  }
}

template <int N, int Usual, bool Times, class R, class Function, class Join>
__attribute__((noinline)) void reduce(const Instruction& code, const Operand<R>* operands,
                                      std::int64_t rows, R neutral, Function f, Join join) {
  if ((code.scalars & ((1 << N) - 1)) == Usual)
    fold_rows<N, Usual, Times, R>(code, operands, rows, neutral, f, join);
  else
    fold_rows<N, -1, Times, R>(code, operands, rows, neutral, f, join);
}

// c (a - mean a - b mean(a b))
template <int Numbers, class R>
INLINE void normalised_gradient(const Instruction& code, const Operand<R>* operands,
                                std::int64_t rows) {
  const Operand<R> d = operands[code.d];
  Operand<R> x[3];
  fetch_operands<3, R>(code, operands, x);
  const R share = R(1) / R(code.width);
  const auto join = [](Vec<R> a, Vec<R> b) INLINE_LAMBDA { return a + b; };
  for (std::int64_t r = 0; r < rows; ++r) {
    const R* p[2];
    for (int q = 0; q < 2; ++q) p[q] = x[q].p + r * x[q].stride;
    const Row<2, Numbers, R> row(p, code.scalars);
    const auto sum = [](Vec<R> y, Vec<R> a, Vec<R>) INLINE_LAMBDA { return y + a; };
    const auto dot = [](Vec<R> y, Vec<R> a, Vec<R> b) INLINE_LAMBDA { return fma(a, b, y); };
    const Vec<R> mean = all(share * fold(row, code.width, R(0), sum, join));
    const Vec<R> along = all(share * fold(row, code.width, R(0), dot, join));
    const Vec<R> scale = all(x[2].p[r * x[2].stride]);
    over_row<2, Numbers, R>(d.p + r * d.stride, p, code.scalars, code.width,
                            [&](Vec<R> a, Vec<R> b, Vec<R>)
                                INLINE_LAMBDA { return fnma(b, along, a - mean) * scale; });
  }
}

template <class R>
__attribute__((noinline)) void dnormalised(const Instruction& code, const Operand<R>* operands,
                                           std::int64_t rows) {
  if (code.scalars & 3)
    normalised_gradient<-1, R>(code, operands, rows);
  else
    normalised_gradient<0, R>(code, operands, rows);
}

template <class R>
__attribute__((noinline)) void accumulate_rows(const Instruction& code, const Operand<R>* operands,
                                               std::int64_t rows) {
  R* const d = operands[code.d].p;
  const Operand<R> a = operands[code.a];
  if (!(code.scalars & 1)) return add_rows<R>(a.p, a.stride, rows, code.width, d);
  R sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) sum += a.p[r * a.stride];
  for (std::int64_t i = 0; i < code.width; ++i) d[i] += sum;
}

// The functor of an expression in a, b and c.
#define EACH(op, n, light, expression)                                                            \
  case Op::op:                                                                                    \
    elementwise<n, light, R>(code, operands, rows,                                                \
                             []([[maybe_unused]] Vec<R> a, [[maybe_unused]] Vec<R> b,             \
                                [[maybe_unused]] Vec<R> c) INLINE_LAMBDA { return expression; }); \
    break;
#define LIGHT(op, n, expression) EACH(op, n, true, expression)
#define HEAVY(op, n, expression) EACH(op, n, false, expression)

// The sum over a row of what `expression` adds to y.
#define SUM(op, n, usual, times, expression)                                                    \
  case Op::op:                                                                                  \
    reduce<n, usual, times, R>(                                                                 \
        code, operands, rows, zero,                                                             \
        [](Vec<R> y, Vec<R> a, [[maybe_unused]] Vec<R> b) INLINE_LAMBDA { return expression; }, \
        [](Vec<R> a, Vec<R> b) INLINE_LAMBDA { return a + b; });                                \
    break;

template <class R>
void run_one(const Instruction& code, const Operand<R>* operands, std::int64_t rows) {
  constexpr R zero = 0, one = 1;
  switch (code.op) {
    LIGHT(add, 2, a + b)
    LIGHT(sub, 2, a - b)
    LIGHT(mul, 2, a * b)
    LIGHT(div, 2, a / b)
    HEAVY(pow, 2, pow(a, b))
    LIGHT(max, 2, maximum(a, b))
    LIGHT(min, 2, minimum(a, b))
    LIGHT(neg, 1, -a)
    HEAVY(exp, 1, exp<R>(a))
    HEAVY(log, 1, log<R>(a))
    HEAVY(tanh, 1, tanh<R>(a))
    HEAVY(sigmoid, 1, sigmoid<R>(a))
    HEAVY(softplus, 1, softplus<R>(a))
    HEAVY(erf, 1, erf(a))
    HEAVY(sin, 1, sin(a))
    HEAVY(cos, 1, cos(a))
    LIGHT(abs, 1, magnitude<R>(a))
    HEAVY(sign, 1, truth<R>(a > zero) - truth<R>(a < zero))
    HEAVY(floor, 1, round_down(a))
    HEAVY(sqrt, 1, square_root(a))
    HEAVY(rsqrt, 1, one / square_root(a))
    LIGHT(gt, 2, truth<R>(a > b))
    LIGHT(ge, 2, truth<R>(a >= b))
    LIGHT(lt, 2, truth<R>(a < b))
    LIGHT(le, 2, truth<R>(a <= b))
    LIGHT(eq, 2, truth<R>(a == b))
    LIGHT(ne, 2, truth<R>(a != b))
    LIGHT(and_, 2, truth<R>((a != zero) & (b != zero)))
    LIGHT(or_, 2, truth<R>((a != zero) | (b != zero)))
    LIGHT(not_, 1, truth<R>(a == zero))
    LIGHT(where, 3, a != zero ? b : c)
    LIGHT(fma, 3, fma(a, b, c))
    LIGHT(fms, 3, fms(a, b, c))
    LIGHT(fnma, 3, fnma(a, b, c))
    LIGHT(dtanh, 2, a * fnma(b, b, all(one)))
    LIGHT(dsigmoid, 2, a * b * (one - b))
    HEAVY(mul_dtanh, 3, a * b * fnma(c, c, all(one)))
    HEAVY(mul_dsigmoid, 3, a * b * c * (one - c))
    LIGHT(copy, 1, a)
    LIGHT(sub_mul, 3, (a - b) * c)
    LIGHT(mix, 3, fma(c, b - a, a))
    HEAVY(mul_tanh, 2, a * tanh<R>(b))
    SUM(sum, 1, 0, false, y + a)
    SUM(sum_times, 1, 0, true, y + a)
    SUM(dot_times, 2, 0, true, fma(a, b, y))
    SUM(spread_times, 2, 2, true, fma(a - b, a - b, y))
    case Op::amax:
      reduce<1, 0, false, R>(
          code, operands, rows, -Limits<R>::inf,
          [](Vec<R> y, Vec<R> a, Vec<R>) INLINE_LAMBDA { return maximum(y, a); },
          [](Vec<R> a, Vec<R> b) INLINE_LAMBDA { return maximum(a, b); });
      break;
    case Op::dnormalised:
      dnormalised<R>(code, operands, rows);
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
