// Vectors of VECTOR_BYTES bytes, in the compiler's own vector extensions: + - * / and comparisons
// work element by element, a comparison gives a mask of integers (-1 or 0), and `mask ? a : b`
// selects. What those cannot say is said here, once with the intrinsics of each instruction set
// and once without any.
//
// Included by kernels.inc into a namespace of the instruction set; standard headers come before.

constexpr int kBytes = VECTOR_BYTES;

template <class R>
struct Shape;

template <>
struct Shape<float> {
  typedef float V __attribute__((vector_size(kBytes)));
  typedef float Unaligned __attribute__((vector_size(kBytes), aligned(4), may_alias));
  typedef std::int32_t Mask __attribute__((vector_size(kBytes)));
  typedef std::uint32_t Bits __attribute__((vector_size(kBytes)));
};

template <>
struct Shape<double> {
  typedef double V __attribute__((vector_size(kBytes)));
  typedef double Unaligned __attribute__((vector_size(kBytes), aligned(8), may_alias));
  typedef std::int64_t Mask __attribute__((vector_size(kBytes)));
  typedef std::uint64_t Bits __attribute__((vector_size(kBytes)));
};

template <class R>
using Vec = typename Shape<R>::V;
template <class R>
using Mask = typename Shape<R>::Mask;
template <class R>
using Bits = typename Shape<R>::Bits;
template <class R>
constexpr int kLanes = kBytes / static_cast<int>(sizeof(R));

using F = Vec<float>;
using D = Vec<double>;

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

INLINE F all(float x) { return x - F{}; }
INLINE D all(double x) { return x - D{}; }

template <class R>
INLINE Vec<R> load(const R* p) {
  return *reinterpret_cast<const typename Shape<R>::Unaligned*>(p);
}
template <class R>
INLINE void store(R* p, Vec<R> v) {
  *reinterpret_cast<typename Shape<R>::Unaligned*>(p) = v;
}

// Keeps a vector in a register, where the compiler would read it from memory again at each use.
template <class V>
INLINE void keep(V& v) {
#if defined(__AVX512F__)
  __asm__("" : "+v"(v));
#elif defined(__x86_64__)
  __asm__("" : "+x"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#endif
}

// The first `count` of a vector's lanes (0 to all of them). Loads give 0 in the others, stores
// leave memory alone there, and neither touches it.
template <class R>
struct Part;

#if defined(__AVX512F__) && VECTOR_BYTES == 64

constexpr bool kFused = true;

template <>
struct Part<float> {
  __mmask16 mask;
  explicit INLINE Part(int count) : mask(static_cast<__mmask16>((1u << count) - 1)) {}
  INLINE F load(const float* p) const { return _mm512_maskz_loadu_ps(mask, p); }
  INLINE void store(float* p, F v) const { _mm512_mask_storeu_ps(p, mask, v); }
  INLINE F choose(F inside, F outside) const { return _mm512_mask_mov_ps(outside, mask, inside); }
};
template <>
struct Part<double> {
  __mmask8 mask;
  explicit INLINE Part(int count) : mask(static_cast<__mmask8>((1u << count) - 1)) {}
  INLINE D load(const double* p) const { return _mm512_maskz_loadu_pd(mask, p); }
  INLINE void store(double* p, D v) const { _mm512_mask_storeu_pd(p, mask, v); }
  INLINE D choose(D inside, D outside) const { return _mm512_mask_mov_pd(outside, mask, inside); }
};

INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
INLINE D fma(D a, D b, D c) { return _mm512_fmadd_pd(a, b, c); }
INLINE F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE D fnma(D a, D b, D c) { return _mm512_fnmadd_pd(a, b, c); }
INLINE F fms(F a, F b, F c) { return _mm512_fmsub_ps(a, b, c); }
INLINE D fms(D a, D b, D c) { return _mm512_fmsub_pd(a, b, c); }

// The second operand where they compare equal or either is NaN.
INLINE F larger(F a, F b) { return _mm512_max_ps(a, b); }
INLINE D larger(D a, D b) { return _mm512_max_pd(a, b); }
INLINE F smaller(F a, F b) { return _mm512_min_ps(a, b); }
INLINE D smaller(D a, D b) { return _mm512_min_pd(a, b); }

INLINE F square_root(F a) { return _mm512_sqrt_ps(a); }
INLINE D square_root(D a) { return _mm512_sqrt_pd(a); }
INLINE F round_down(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF); }
INLINE D round_down(D a) { return _mm512_roundscale_pd(a, _MM_FROUND_TO_NEG_INF); }

// p 2^n, n whole; right down to denormal results.
INLINE F scale(F p, F n) { return _mm512_scalef_ps(p, n); }
INLINE D scale(D p, D n) { return _mm512_scalef_pd(p, n); }

// n / d to half a unit in the last place and a little, for d near 1: several times faster than the
// division of 64-byte vectors, which is done in two halves.
INLINE F quotient(F n, F d) {
  const F r = _mm512_rcp14_ps(d);  // 14 bits
  const F q = n * r;
  return fma(fnma(d, q, n), r, q);  // 28
}
INLINE D quotient(D n, D d) {
  const D rough = _mm512_rcp14_pd(d);
  const D r = fma(fnma(d, rough, all(1.0)), rough, rough);
  const D q = n * r;
  return fma(fnma(d, q, n), r, q);
}

// 1 / d as exactly, and the same times n where x < 0.
INLINE F reciprocal(F d) {
  const F r = _mm512_rcp14_ps(d);
  return fma(fnma(d, r, all(1.0f)), r, r);
}
INLINE D reciprocal(D d) {
  const D rough = _mm512_rcp14_pd(d);
  const D r = fma(fnma(d, rough, all(1.0)), rough, rough);
  return fma(fnma(d, r, all(1.0)), r, r);
}
INLINE F times_where_negative(F y, F n, F x) {
  return _mm512_mask_mul_ps(y, _mm512_movepi32_mask((__m512i)x), y, n);
}
INLINE D times_where_negative(D y, D n, D x) {
  return _mm512_mask_mul_pd(y, _mm512_movepi64_mask((__m512i)x), y, n);
}

template <class M>
INLINE bool any(M m) {
  if constexpr (sizeof(m[0]) == 4)
    return _mm512_movepi32_mask((__m512i)m) != 0;
  else
    return _mm512_movepi64_mask((__m512i)m) != 0;
}

#elif defined(__AVX2__) && defined(__FMA__) && VECTOR_BYTES == 32

constexpr bool kFused = true;

template <>
struct Part<float> {
  __m256i mask;
  explicit INLINE Part(int count)
      : mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(count),
                                _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0))) {}
  INLINE F load(const float* p) const { return _mm256_maskload_ps(p, mask); }
  INLINE void store(float* p, F v) const { _mm256_maskstore_ps(p, mask, v); }
  INLINE F choose(F inside, F outside) const { return (Mask<float>)mask ? inside : outside; }
};
template <>
struct Part<double> {
  __m256i mask;
  explicit INLINE Part(int count)
      : mask(_mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_set_epi64x(3, 2, 1, 0))) {}
  INLINE D load(const double* p) const { return _mm256_maskload_pd(p, mask); }
  INLINE void store(double* p, D v) const { _mm256_maskstore_pd(p, mask, v); }
  INLINE D choose(D inside, D outside) const { return (Mask<double>)mask ? inside : outside; }
};

INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
INLINE D fma(D a, D b, D c) { return _mm256_fmadd_pd(a, b, c); }
INLINE F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE D fnma(D a, D b, D c) { return _mm256_fnmadd_pd(a, b, c); }
INLINE F fms(F a, F b, F c) { return _mm256_fmsub_ps(a, b, c); }
INLINE D fms(D a, D b, D c) { return _mm256_fmsub_pd(a, b, c); }

INLINE F larger(F a, F b) { return _mm256_max_ps(a, b); }
INLINE D larger(D a, D b) { return _mm256_max_pd(a, b); }
INLINE F smaller(F a, F b) { return _mm256_min_ps(a, b); }
INLINE D smaller(D a, D b) { return _mm256_min_pd(a, b); }

INLINE F square_root(F a) { return _mm256_sqrt_ps(a); }
INLINE D square_root(D a) { return _mm256_sqrt_pd(a); }
INLINE F round_down(F a) { return _mm256_floor_ps(a); }
INLINE D round_down(D a) { return _mm256_floor_pd(a); }

// The mask of a comparison is one of long long to Clang, which has no other name for it.
template <class M>
INLINE bool any(M m) {
  if constexpr (sizeof(m[0]) == 4)
    return _mm256_movemask_ps((__m256)m) != 0;
  else
    return _mm256_movemask_pd((__m256d)m) != 0;
}

#else

#if defined(__aarch64__)
constexpr bool kFused = true;
#else
constexpr bool kFused = false;
#endif

template <class R>
struct Part {
  int count;
  explicit INLINE Part(int count) : count(count) {}
  INLINE Vec<R> load(const R* p) const {
    Vec<R> v{};
    for (int i = 0; i < count; ++i) v[i] = p[i];
    return v;
  }
  INLINE void store(R* p, Vec<R> v) const {
    for (int i = 0; i < count; ++i) p[i] = v[i];
  }
  INLINE Vec<R> choose(Vec<R> inside, Vec<R> outside) const {
    for (int i = 0; i < count; ++i) outside[i] = inside[i];
    return outside;
  }
};

#if defined(__aarch64__) && VECTOR_BYTES == 16
INLINE F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
INLINE D fma(D a, D b, D c) { return vfmaq_f64(c, a, b); }
INLINE F square_root(F a) { return vsqrtq_f32(a); }
INLINE D square_root(D a) { return vsqrtq_f64(a); }
#else
INLINE F fma(F a, F b, F c) { return a * b + c; }
INLINE D fma(D a, D b, D c) { return a * b + c; }
#if defined(__SSE2__) && VECTOR_BYTES == 16
INLINE F square_root(F a) { return _mm_sqrt_ps(a); }
INLINE D square_root(D a) { return _mm_sqrt_pd(a); }
#else
INLINE F square_root(F a) {
  for (int i = 0; i < kLanes<float>; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
INLINE D square_root(D a) {
  for (int i = 0; i < kLanes<double>; ++i) a[i] = __builtin_sqrt(a[i]);
  return a;
}
#endif
#endif
template <class V>
INLINE V fnma(V a, V b, V c) {
  return fma(-a, b, c);
}
template <class V>
INLINE V fms(V a, V b, V c) {
  return fma(a, b, -c);
}

template <class V>
INLINE V larger(V a, V b) {
  return a > b ? a : b;
}
template <class V>
INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}

// Up to 2^23 or 2^52 a number that is rounded by adding and taking away such a one may be one too
// large; above, all are whole. The sign of a zero stays.
template <class R>
INLINE Vec<R> round_down_by_adding(Vec<R> a, R whole) {
  const Bits<R> sign = (Bits<R>)a & (Bits<R>)all(R(-0.0));
  const Vec<R> size = (Vec<R>)((Bits<R>)a ^ sign);
  const Vec<R> near = (Vec<R>)((Bits<R>)((size + whole) - whole) | sign);
  const Vec<R> down = near > a ? near - R(1) : near;
  return size < whole ? down : a;
}
INLINE F round_down(F a) { return round_down_by_adding<float>(a, 0x1p23f); }
INLINE D round_down(D a) { return round_down_by_adding<double>(a, 0x1p52); }

template <class M>
INLINE bool any(M m) {
  auto found = m[0];
  for (int i = 1; i < static_cast<int>(sizeof(M) / sizeof(m[0])); ++i) found |= m[i];
  return found != 0;
}

#endif

#if !(defined(__AVX512F__) && VECTOR_BYTES == 64)

template <class R>
constexpr R kRounder = sizeof(R) == 4 ? R(0x1.8p23) : R(0x1.8p52);  // x + it - it rounds x

// 2^k; k is a whole number in two's complement.
INLINE F power_of_two(Bits<float> k) { return (F)((k + 127u) << 23); }
INLINE D power_of_two(Bits<double> k) { return (D)((k + 1023ul) << 52); }

// In two steps, for 2^n may overflow, or be denormal, where p 2^n is not.
template <class R>
INLINE Vec<R> scale_by_halves(Vec<R> p, Vec<R> n) {
  const Bits<R> k = (Bits<R>)(n + kRounder<R>)-(Bits<R>)all(kRounder<R>);
  const Bits<R> half = ((k + 4096u) >> 1) - 2048u;
  return p * power_of_two(half) * power_of_two(k - half);
}
INLINE F scale(F p, F n) { return scale_by_halves<float>(p, n); }
INLINE D scale(D p, D n) { return scale_by_halves<double>(p, n); }

template <class V>
INLINE V quotient(V n, V d) {
  return n / d;
}
INLINE F reciprocal(F d) { return 1.0f / d; }
INLINE D reciprocal(D d) { return 1.0 / d; }
INLINE F times_where_negative(F y, F n, F x) { return (Mask<float>)x < Mask<float>{} ? y * n : y; }
INLINE D times_where_negative(D y, D n, D x) {
  return (Mask<double>)x < Mask<double>{} ? y * n : y;
}

#endif

template <class R>
INLINE Vec<R> magnitude(Vec<R> a) {
  return (Vec<R>)((Bits<R>)a & ~(Bits<R>)all(R(-0.0)));
}
// -|a|
template <class R>
INLINE Vec<R> below_zero(Vec<R> a) {
  return (Vec<R>)((Bits<R>)a | (Bits<R>)all(R(-0.0)));
}
template <class R>
INLINE Vec<R> with_sign(Vec<R> size, Vec<R> sign) {
  const Bits<R> bit = (Bits<R>)all(R(-0.0));
  return (Vec<R>)(((Bits<R>)size & ~bit) | ((Bits<R>)sign & bit));
}
