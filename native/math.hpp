// Functions of a vector. docs/decisions/kernels.md states their errors, which the tests measure.
// NaN in gives NaN out; infinite and denormal numbers are numbers.
//
// The polynomials interpolate at Chebyshev nodes the function that stands beside them, with an
// error below a tenth of a unit in the last place.

// ((c0 x + c1) x + c2) ...
template <class V, class R, class... C>
INLINE V polynomial(V x, R first, C... rest) {
  V sum = all(first);
  ((sum = fma(sum, x, all(rest))), ...);
  return sum;
}

template <class R>
struct Limits;
template <>
struct Limits<float> {
  static constexpr float log2e = 1.44269504f;
  static constexpr float ln2 = 0.693147181f;
  static constexpr float ln2_high = 0.693359375f;  // 9 bits: times a whole number, exact
  static constexpr float ln2_low = -2.12194440e-4f;
  static constexpr float rounder = 0x1.8p23f;  // x + rounder - rounder: x rounded
  static constexpr float exp_low = -104.0f;    // exp of this is 0 ...
  static constexpr float exp_high = 89.0f;     // ... and of this infinite
  static constexpr float tanh_flat = -20.0f;   // tanh(x) is ±1 where -2|x| is less
  static constexpr float normal = 0x1p-126f, inf = __builtin_inff(), nan = __builtin_nanf("");
};
template <>
struct Limits<double> {
  static constexpr double log2e = 1.4426950408889634;
  static constexpr double ln2 = 0.6931471805599453;
  static constexpr double ln2_high = 0x1.62e42fefp-1;  // 33 bits
  static constexpr double ln2_low = 0x1.473de6af278edp-34;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double exp_low = -746.0;
  static constexpr double exp_high = 710.0;
  static constexpr double tanh_flat = -40.0;
  static constexpr double normal = 0x1p-1022, inf = __builtin_inf(), nan = __builtin_nan("");
};

// (exp(r) - 1 - r) / r², |r| <= ln 2 / 2
INLINE F exp_rest(F r) {
  return polynomial(r, 1.3926184e-03f, 8.363179e-03f, 4.1666556e-02f, 1.6666576e-01f, 0.5f);
}
INLINE D exp_rest(D r) {
  return polynomial(r, 2.510038549551032e-08, 2.7620088445409746e-07, 2.7557268459997064e-06,
                    2.4801521295954376e-05, 0.00019841269863053618, 0.0013888888917213717,
                    0.008333333333330062, 0.04166666666662413, 0.16666666666666669, 0.5);
}

// x = n ln 2 + r with n whole, for |x| up to some thousands; without fused operations or where
// `Exact`, n ln 2 is taken off in two steps.
template <class R, bool Exact>
struct Reduced {
  Vec<R> n, r;
  explicit INLINE Reduced(Vec<R> x) {
    using L = Limits<R>;
    n = fma(x, all(L::log2e), all(L::rounder)) - all(L::rounder);
    if constexpr (kFused && !Exact)
      r = fnma(n, all(L::ln2), x);
    else
      r = fnma(n, all(L::ln2_low), fnma(n, all(L::ln2_high), x));
  }
};

// exp where the result is neither infinite nor below the smallest number by much.
template <class R, bool Exact = true>
INLINE Vec<R> exp_within(Vec<R> x) {
  const Reduced<R, Exact> y(x);
  const Vec<R> p = fma(exp_rest(y.r), y.r, all(R(1)));
  return scale(fma(p, y.r, all(R(1))), y.n);
}

template <class R>
INLINE Vec<R> exp(Vec<R> x) {
  using L = Limits<R>;
  return exp_within<R>(smaller(all(L::exp_high), larger(all(L::exp_low), x)));
}

// With e = exp(-|x|): 1 / (1 + e), times e where x < 0, which is right to a few bits down to where
// exp(x) is 0. In single precision the shorter reduction costs two more bits at the far end.
template <class R>
INLINE Vec<R> sigmoid(Vec<R> x) {
  const Vec<R> e = exp_within<R, sizeof(R) == 8>(larger(all(Limits<R>::exp_low), below_zero<R>(x)));
  return times_where_negative(reciprocal(e + R(1)), e, x);
}

// -m / (m + 2) with m = exp(-2|x|) - 1, which loses nothing for small x.
template <class R>
INLINE Vec<R> tanh(Vec<R> x) {
  const Vec<R> u = below_zero<R>(x);
  const Reduced<R, false> y(larger(all(Limits<R>::tanh_flat), u + u));
  const Vec<R> s = scale(all(R(1)), y.n);
  const Vec<R> m = fma(fma(y.r * y.r, exp_rest(y.r), y.r), s, s - R(1));
  return with_sign<R>(quotient(m, m + R(2)), x);
}

// x = 2^k (1 + f) for a positive normal x, 1 + f between √½ and √2.
template <class R>
struct Split;
template <>
struct Split<float> {
  F k, f;
  explicit INLINE Split(F x) {
    const Bits<float> u = (Bits<float>)x + (0x3f800000u - 0x3f3504f3u);
    k = (F)((u >> 23) + 0x4b400000u) - (0x1.8p23f + 127.0f);
    f = (F)((u & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
  }
};
template <>
struct Split<double> {
  D k, f;
  explicit INLINE Split(D x) {
    const Bits<double> u = (Bits<double>)x + (0x3ff0000000000000ul - 0x3fe6a09e667f3bcdul);
    k = (D)((u >> 52) + 0x4338000000000000ul) - (0x1.8p52 + 1023.0);
    f = (D)((u & 0xffffffffffffful) + 0x3fe6a09e667f3bcdul) - 1.0;
  }
};

INLINE F log_of_normal(F x) {
  using L = Limits<float>;
  const Split<float> s(x);
  const F f = s.f;
  // (log(1 + f) - f + f²/2) / f³
  const F rest =
      polynomial(f, 6.971612e-02f, -1.1479734e-01f, 1.168542e-01f, -1.2425687e-01f, 1.4249058e-01f,
                 -1.6667803e-01f, 2.0000716e-01f, -2.4999997e-01f, 3.333333e-01f);
  const F tail = fma(s.k, all(L::ln2_low), f * f * fma(f, rest, all(-0.5f)));
  return fma(s.k, all(L::ln2_high), f + tail);
}
// After the C library of FreeBSD: with s = f / (2 + f), log(1 + f) = f - f²/2 + s (f²/2 + R).
INLINE D log_of_normal(D x) {
  using L = Limits<double>;
  const Split<double> split(x);
  const D f = split.f, s = quotient(f, f + 2.0), z = s * s, half = 0.5 * f * f;
  // (2 atanh(s) - 2 s) / s³ in z = s²
  const D rest =
      polynomial(z, 0.14616449685043406, 0.15331721600556042, 0.18182889125261723,
                 0.2222221113479508, 0.28571428625975487, 0.39999999999899505, 0.666666666666667);
  const D tail = fma(s, fma(z, rest, half), split.k * L::ln2_low);
  return fma(split.k, all(L::ln2_high), f - (half - tail));
}

template <class R>
INLINE Vec<R> log(Vec<R> x) {
  using L = Limits<R>;
  constexpr R bits = sizeof(R) == 4 ? 24 : 54;
  const Vec<R> lifted = x * R(sizeof(R) == 4 ? 0x1p24 : 0x1p54);
  const auto tiny = x < all(L::normal);
  Vec<R> y = log_of_normal(tiny ? lifted : x);
  y = tiny ? y - bits * L::ln2 : y;
  y = x == all(L::inf) ? x : y;
  y = x == all(R(0)) ? all(-L::inf) : y;
  return x >= all(R(0)) ? y : all(L::nan);
}

// log(1 + u), 0 <= u <= 1, as 2 atanh(s) with s = u / (2 + u); the polynomial is that of `log`.
INLINE F log1p(F u) {
  const F s = quotient(u, u + 2.0f), z = s * s;
  return fma(
      s * z,
      polynomial(z, 2.322433e-01f, 2.1706575e-01f, 2.8592357e-01f, 3.9999706e-01f, 6.666667e-01f),
      s + s);
}
INLINE D log1p(D u) {
  const D s = quotient(u, u + 2.0), z = s * s;
  return fma(
      s * z,
      polynomial(z, 0.1563057780092285, 0.07492143795550767, 0.10845178394880015,
                 0.11734279061303197, 0.13335178631449257, 0.1538454396486055, 0.18181819897962714,
                 0.2222222219823677, 0.285714285716001, 0.39999999999999525, 0.6666666666666666),
      s + s);
}

template <class R>
INLINE Vec<R> softplus(Vec<R> x) {
  const Vec<R> e = exp_within<R>(larger(all(Limits<R>::exp_low), below_zero<R>(x)));
  const Vec<R> y = larger(all(R(0)), x) + log1p(e);
  return x > all(R(20)) ? x : y;  // torch's threshold
}

// The C library's function, lane by lane.
template <class V, class G>
INLINE V lanewise(V x, G g) {
  V y = x;
  for (int i = 0; i < static_cast<int>(sizeof(V) / sizeof(x[0])); ++i) y[i] = g(x[i]);
  return y;
}

INLINE F erf(F x) {
  const F size = magnitude<float>(x), z = x * x;
  // erf(x) / x - 1 in z = x² up to 0.93
  const F small = fma(x,
                      polynomial(z, 8.3347186e-05f, -8.134709e-04f, 5.200369e-03f, -2.6859151e-02f,
                                 1.1283691e-01f, -3.7612635e-01f, 1.2837917e-01f),
                      x);
  // -log(1 - erf(x)) from 0.9 to 4.05
  const F high = smaller(all(4.05f), size);
  const F exponent =
      polynomial(high, -1.6256714e-06f, 4.5839748e-05f, -5.9502374e-04f, 4.7514327e-03f,
                 -2.6398147e-02f, 1.1003929e-01f, 6.318706e-01f, 1.130206e+00f, -3.1291306e-04f);
  const F large = with_sign<float>(1.0f - exp_within<float>(-exponent), x);
  return size < all(0.92f) ? small : large;
}
INLINE D erf(D x) {
  return lanewise(x, [](double v) { return __builtin_erf(v); });
}

// x - n π/2 as high + low, where the low part is what rounding takes off the high one; n is the
// nearest whole number and `quadrant` its last bits. |x| <= kTurns.
constexpr double kTurns = 8e5;
struct Turned {
  D high, low;
  Bits<double> quadrant;
  explicit INLINE Turned(D x) {
    // π/2 in three parts of 33, 33 and 53 bits: products with n are exact
    const D turned = fma(x, all(0.6366197723675814), all(0x1.8p52));
    const D n = turned - 0x1.8p52;
    quadrant = (Bits<double>)turned;
    const D a = x - n * 0x1.921fb544p+0;
    const D b = n * 0x1.0b4611a6p-34;
    const D s = a - b, back = s - a;
    const D error = (a - (s - back)) - (b + back);
    const D rest = error - n * 0x1.3198a2e037073p-69;
    high = s + rest;
    low = (s - high) + rest;
  }
};

// sin for `quarter` 0, cos for 1.
INLINE D sine_from(D x, std::uint64_t quarter) {
  const Turned t(x);
  const D y = t.high, z = y * y;
  // (sin(y) - y) / y³ and (cos(y) - 1 + y²/2) / y⁴ in z = y²
  const D s = polynomial(z, 1.5917988979397435e-10, -2.5051129896450185e-08, 2.7557316093198404e-06,
                         -0.00019841269836740532, 0.008333333333330936, -0.16666666666666666);
  const D c = polynomial(z, -1.138254464534925e-11, 2.087614504941318e-09, -2.755731726587808e-07,
                         2.48015872987544e-05, -0.0013888888888887389, 0.041666666666666664);
  const D half = 0.5 * z, one = 1.0 - half;
  const D sine = y + fma(y * z, s, t.low * one);
  const D cosine = one + (((1.0 - one) - half) + fma(z * z, c, -(y * t.low)));
  const Bits<double> q = t.quadrant + quarter;
  const D value = (Mask<double>)(q << 63) < Mask<double>{} ? cosine : sine;
  const D turned = (D)((Bits<double>)value ^ ((q & 2u) << 62));
  return quarter == 0 ? (x == D{} ? x : turned) : turned;  // the sign of a zero stays
}

// Two vectors of doubles for one of floats.
typedef float HalfF __attribute__((vector_size(kBytes / 2)));
struct Wide {
  D part[2];
  explicit INLINE Wide(F x) {
    HalfF half[2];
    std::memcpy(half, &x, sizeof x);
    part[0] = __builtin_convertvector(half[0], D);
    part[1] = __builtin_convertvector(half[1], D);
  }
  INLINE F narrow() const {
    const HalfF half[2] = {__builtin_convertvector(part[0], HalfF),
                           __builtin_convertvector(part[1], HalfF)};
    F x;
    std::memcpy(&x, half, sizeof x);
    return x;
  }
};

// `y`, with the C library's `g` in the lanes where `other` is set: a lane's bits must not depend on
// what its neighbours hold.
template <class V, class M, class G>
INLINE V where_other(M other, V y, G g) {
  if (__builtin_expect(any(other), 0))
    for (int i = 0; i < static_cast<int>(sizeof(V) / sizeof(y[0])); ++i)
      if (other[i]) y[i] = g(i);
  return y;
}

INLINE D sin(D x) {
  return where_other(magnitude<double>(x) > all(kTurns), sine_from(x, 0),
                     [&](int i) { return __builtin_sin(x[i]); });
}
INLINE D cos(D x) {
  return where_other(magnitude<double>(x) > all(kTurns), sine_from(x, 1),
                     [&](int i) { return __builtin_cos(x[i]); });
}
INLINE F sin(F x) {
  Wide w(x);
  for (D& part : w.part) part = sine_from(part, 0);
  return where_other(magnitude<float>(x) > all(float(kTurns)), w.narrow(),
                     [&](int i) { return __builtin_sinf(x[i]); });
}
INLINE F cos(F x) {
  Wide w(x);
  for (D& part : w.part) part = sine_from(part, 1);
  return where_other(magnitude<float>(x) > all(float(kTurns)), w.narrow(),
                     [&](int i) { return __builtin_cosf(x[i]); });
}

INLINE D pow(D a, D b) {
  for (int i = 0; i < kLanes<double>; ++i) a[i] = __builtin_pow(a[i], b[i]);
  return a;
}
// exp(b log|a|) in doubles, where a is neither 0 nor infinite nor NaN.
INLINE F pow(F a, F b) {
  const F size = magnitude<float>(a), largest = all(0x1.fffffep127f);
  Wide x(size), y(b);
  for (int i = 0; i < 2; ++i) {
    const D exponent = log_of_normal(x.part[i]) * y.part[i];
    x.part[i] = exp_within<double>(smaller(all(200.0), larger(all(-200.0), exponent)));
  }
  const F half = b * 0.5f, value = x.narrow();
  const auto whole = round_down(b) == b;
  const auto odd = whole & (round_down(half) != half);
  const F negative = whole ? (odd ? -value : value) : all(Limits<float>::nan);
  const auto usual = (size > F{}) & (size <= largest) & (magnitude<float>(b) <= largest);
  return where_other(~usual, a < F{} ? negative : value,
                     [&](int i) { return __builtin_powf(a[i], b[i]); });
}

// NaN if either is, as in torch.
template <class V>
INLINE V maximum(V a, V b) {
  const V m = larger(a, b);
  return a != a ? a : m;
}
template <class V>
INLINE V minimum(V a, V b) {
  const V m = smaller(a, b);
  return a != a ? a : m;
}

// 1 where the mask is set, else 0.
template <class R>
INLINE Vec<R> truth(Mask<R> m) {
  return (Vec<R>)((Bits<R>)m & (Bits<R>)all(R(1)));
}
