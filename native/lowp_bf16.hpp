// Weights as bfloat16, two to a word: below the one for an even input, above that for the next.
// Packed as [tile of outputs][pairs of inputs][columns of the tile].
//
// AVX512_BF16's own dot product would round the activations too, and is no faster here than a
// shift and two multiplications: 18.9 us against 19.6 for 512 by 1024 on a Sapphire Rapids.

struct BFloat16 {
  static constexpr int rows = 4;

  static std::int64_t words(std::int64_t in) { return (in + 1) / 2; }

  static std::int64_t packed_size(std::int64_t out, std::int64_t in) {
    return whole(out, kLanes<float>) * words(in) * 4;
  }

  static std::int64_t scratch_size(std::int64_t, std::int64_t) { return 0; }

  static void prepare(Piece&, const float*, const void*, std::int64_t, std::int64_t, void*) {}

  // The upper 16 bits of the nearest, ties to even.
  static std::uint32_t rounded(float x) {
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x);
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  }

  // The word nearest to `x` among those that end in `low`. Words without an exponent are slow to
  // multiply with, so there are none below 2^-100.
  static std::uint32_t word(float x, std::uint32_t low) {
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x);
    const std::uint32_t sign = bits & 0x80000000u, size = bits & 0x7fffffffu;
    constexpr std::uint32_t least = 27u << 23, most = 0x7f7f0000u;
    if (size < least) return sign | least | low;
    const std::uint32_t upper = (size - low + 0x8000u) & 0xffff0000u;
    return sign | (upper < most ? upper : most) | low;
  }

  static void pack(const float* w, std::int64_t out, std::int64_t in, std::int64_t stride_out,
                   std::int64_t stride_in, void* packed) {
    auto* to = static_cast<std::uint32_t*>(packed);
    for (std::int64_t first = 0; first < out; first += kColumns) {
      const std::int64_t columns = out - first < kColumns ? out - first : kColumns;
      const std::int64_t width = whole(columns, kLanes<float>);
      for (std::int64_t i = 0; i < in; i += 2, to += width) {
        const float* from = w + first * stride_out + i * stride_in;
        for (std::int64_t o = 0; o < width; ++o) {
          const bool there = o < columns;
          const std::uint32_t low = there ? rounded(from[o * stride_out]) : 0;
          const bool above = there && i + 1 < in;
          // where there is none above, it is multiplied with 0
          to[o] = word(above ? from[o * stride_out + stride_in] : 1.0f, low);
        }
      }
    }
  }

  template <int M, int N, bool Partial>
  __attribute__((noinline)) static void compute(const Piece& p) {
    constexpr std::int64_t width = N * kLanes<float>;
    const Part<float> part(static_cast<int>(p.columns - (N - 1) * kLanes<float>));
    F acc[M][N];
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      if (p.start)
        load_row<N, Partial>(acc[r], p.start + r * p.start_stride, part);
      else
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) acc[r][v] = F{};
    }
    const std::uint32_t* words = p.words;
    const float* a = p.a;
    const auto pair = [&](bool both) INLINE_LAMBDA {
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const Words word = load_words(words + v * kLanes<float>);
        __builtin_prefetch(words + kAhead + v * kLanes<float>);
        F low = (F)(word << 16), high = (F)word;
        if (M > 1) {
          keep(low);
          keep(high);
        }
#pragma GCC unroll 8
        for (int r = 0; r < M; ++r) {
          acc[r][v] = fma(all(a[r * p.lda]), low, acc[r][v]);
          if (both) acc[r][v] = fma(all(a[r * p.lda + 1]), high, acc[r][v]);
        }
      }
    };
    for (std::int64_t i = p.k / 2; i > 0; --i) {
      pair(true);
      words += width;
      a += 2;
    }
    if (p.k % 2) pair(false);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) store_row<N, Partial>(p.c + r * p.ldc, acc[r], part);
  }
};
