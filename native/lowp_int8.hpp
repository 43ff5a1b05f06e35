// Weights as int8, four to a word for inputs that follow one another. Packed as [tile of
// outputs][fours of inputs][columns of the tile], and behind all tiles the scales of the outputs
// and 64 times the sums of their numbers.
//
// Activations of 14 bits cost nothing beside those of 7: the second product works on a word that is
// there already, and it is the words that take time. 7 and not 8 bits in a half, for two products
// of bytes to fit in 16 bits, where there is no VNNI.

#if defined(__AVX512BW__) && VECTOR_BYTES == 64
using Whole = __m512i;
INLINE Whole spread(std::int32_t x) { return _mm512_set1_epi32(x); }
#if VNNI
// In assembly, for the compiler copies the accumulators of the intrinsic.
INLINE Whole dot(Whole acc, Whole x, Whole w) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
  return acc;
}
#else
INLINE Whole dot(Whole acc, Whole x, Whole w) {
  const Whole pairs = _mm512_maddubs_epi16(x, w);
  return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
#endif
#elif defined(__AVX2__) && VECTOR_BYTES == 32
using Whole = __m256i;
INLINE Whole spread(std::int32_t x) { return _mm256_set1_epi32(x); }
INLINE Whole dot(Whole acc, Whole x, Whole w) {
  const Whole pairs = _mm256_maddubs_epi16(x, w);
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#else
using Whole = Mask<float>;
INLINE Whole spread(std::int32_t x) { return x - Whole{}; }
INLINE Whole dot(Whole acc, Whole x, Whole w) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const int up = 24 - 8 * i;
    acc += ((x << up) >> 24) * ((w << up) >> 24);
  }
  return acc;
}
#endif
INLINE F as_float(Whole x) { return __builtin_convertvector((Mask<float>)x, F); }

struct Int8 {
  static constexpr int rows = 2;
  static constexpr float largest = 8191.0f;

  static std::int64_t words(std::int64_t in) { return (in + 3) / 4; }

  static std::int64_t packed_size(std::int64_t out, std::int64_t in) {
    return whole(out, kLanes<float>) * (words(in) + 2) * 4;
  }

  // Of a row of activations: both halves.
  static std::int64_t stride(std::int64_t in) { return 2 * whole(in, 64); }

  static std::int64_t scratch_size(std::int64_t m, std::int64_t k) {
    return m * stride(k) + whole(m * 4, 64);
  }

  static std::uint32_t size_of(float x) {
    return __builtin_bit_cast(std::uint32_t, x) & 0x7fffffffu;
  }

  static void pack(const float* w, std::int64_t out, std::int64_t in, std::int64_t stride_out,
                   std::int64_t stride_in, void* packed) {
    const std::int64_t padded = whole(out, kLanes<float>);
    auto* to = static_cast<std::int8_t*>(packed);
    auto* scales = reinterpret_cast<float*>(to + 4 * padded * words(in));
    auto* offsets = reinterpret_cast<std::int32_t*>(scales + padded);
    for (std::int64_t first = 0; first < padded; first += kColumns) {
      const std::int64_t width = padded - first < kColumns ? padded - first : kColumns;
      for (std::int64_t o = 0; o < width; ++o) {
        const float* from = w + (first + o) * stride_out;
        float most = 0.0f;
        std::int32_t sum = 0;
        const bool there = first + o < out;
        for (std::int64_t i = 0; there && i < in; ++i) {
          const float size = __builtin_fabsf(from[i * stride_in]);
          most = size > most ? size : most;
        }
        const float scale = most / 127.0f, unit = scale > 1e-35f ? 1.0f / scale : 0.0f;
        for (std::int64_t i = 0; i < 4 * words(in); ++i) {
          const float x = there && i < in ? from[i * stride_in] * unit : 0.0f;
          const float near = (x + 0x1.8p23f) - 0x1.8p23f;  // ties to even
          const auto q = static_cast<std::int8_t>(near > 127.0f    ? 127.0f
                                                  : near < -127.0f ? -127.0f
                                                                   : near);
          to[4 * (i / 4 * width + o) + i % 4] = q;
          sum += q;
        }
        scales[first + o] = unit == 0.0f ? 0.0f : scale;
        offsets[first + o] = -64 * sum;
      }
      to += 4 * words(in) * width;
    }
  }

  static void prepare(Piece& p, const float* a, const void* packed, std::int64_t m, std::int64_t n,
                      void* scratch) {
    auto* bytes = static_cast<std::uint8_t*>(scratch);
    auto* steps = reinterpret_cast<float*>(bytes + m * stride(p.k));
    for (std::int64_t r = 0; r < m; ++r)
      steps[r] = quantised(a + r * p.lda, p.k, bytes + r * stride(p.k));
    p.bytes = bytes;
    p.bytes_stride = stride(p.k);
    p.steps = steps;
    const std::int64_t padded = whole(n, kLanes<float>);
    p.scales = reinterpret_cast<const float*>(packed) + padded * words(p.k);
    p.offsets = reinterpret_cast<const std::int32_t*>(p.scales + padded);
  }

  // A row of activations as two halves, low and then high, and what 1 stands for.
  static float quantised(const float* x, std::int64_t k, std::uint8_t* low) {
    std::uint8_t* const high = low + whole(k, 64);
    std::uint32_t most = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      const std::uint32_t size = size_of(x[i]);
      most = size > most ? size : most;
    }
    const float size = __builtin_bit_cast(float, most);
    const bool finite = most < 0x7f800000u;
    const float unit = finite && size > 1e-30f ? largest / size : 0.0f;
    for (std::int64_t i = 0; i < k; ++i) {
      const float near = x[i] * unit + 0x1.8p23f;
      const auto q =
          static_cast<std::int32_t>(__builtin_bit_cast(std::uint32_t, near) - 0x4b400000u);
      low[i] = static_cast<std::uint8_t>(q & 127);
      high[i] = static_cast<std::uint8_t>(((q >> 7) + 64) & 127);
    }
    for (std::int64_t i = k; i < 4 * words(k); ++i) low[i] = high[i] = 0;
    return finite ? size / largest : __builtin_nanf("");
  }

  template <int M, int N, bool Partial>
  __attribute__((noinline)) static void compute(const Piece& p) {
    constexpr std::int64_t width = N * kLanes<float>;
    const Part<float> part(static_cast<int>(p.columns - (N - 1) * kLanes<float>));
    Whole low[M][N], high[M][N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v)
#pragma GCC unroll 8
      for (int r = 0; r < M; ++r) {
        low[r][v] = spread(0);
        high[r][v] = (Whole)load_words(reinterpret_cast<const std::uint32_t*>(p.offsets) +
                                       v * kLanes<float>);
      }
    const std::uint32_t* words = p.words;
    const std::uint8_t* bytes = p.bytes;
    const std::int64_t to_high = whole(p.k, 64);
    for (std::int64_t i = Int8::words(p.k); i > 0; --i) {
      Whole x[M], y[M];
#pragma GCC unroll 8
      for (int r = 0; r < M; ++r) {
        std::int32_t four[2];
        std::memcpy(four, bytes + r * p.bytes_stride, 4);
        std::memcpy(four + 1, bytes + r * p.bytes_stride + to_high, 4);
        x[r] = spread(four[0]);
        y[r] = spread(four[1]);
      }
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const Whole w = (Whole)load_words(words + v * kLanes<float>);
        __builtin_prefetch(words + kAhead + v * kLanes<float>);
#pragma GCC unroll 8
        for (int r = 0; r < M; ++r) {
          low[r][v] = dot(low[r][v], x[r], w);
          high[r][v] = dot(high[r][v], y[r], w);
        }
      }
      words += width;
      bytes += 4;
    }
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      F out[N];
      if (p.start)
        load_row<N, Partial>(out, p.start + r * p.start_stride, part);
      else
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) out[v] = F{};
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const F sum = as_float(high[r][v]) * 128.0f + as_float(low[r][v]);
        out[v] = out[v] + sum * (load(p.scales + v * kLanes<float>) * p.steps[r]);
      }
      store_row<N, Partial>(p.c + r * p.ldc, out, part);
    }
  }
};
