// Products of matrices. A block of the result, kBlockRows by up to kTileVectors vectors, stays in
// registers while k runs; each of its elements is one accumulator to which products are added in
// order, whatever the block's size, so that bits do not depend on how a product is cut.

#if VECTOR_BYTES == 64
constexpr int kTileVectors = 4, kBlockRows = 6;  // 24 of 32 registers, 4 for B, 1 for A
#elif defined(__aarch64__)
constexpr int kTileVectors = 4, kBlockRows = 6;
#else
constexpr int kTileVectors = 2, kBlockRows = 6;  // 12 of 16
#endif

template <class R>
constexpr int kTile = kTileVectors * kLanes<R>;

constexpr std::int64_t kLineBytes = 64;  // of a cache

constexpr std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
constexpr std::int64_t up_to_multiple(std::int64_t n, std::int64_t of) {
  return (n + of - 1) / of * of;
}

// acc[r][v] += Σ_k A(r, k) B(k, v), where A(r, k) = a[r * a_row + k * a_step] and row k of B is at
// b + k * b_step. On the way, what lies at `soon`, `soon + soon_step`, ... is fetched into the
// second level.
template <int M, int N, class R>
INLINE void multiply(Vec<R> (&acc)[M][N], const R* a, std::int64_t a_row, std::int64_t a_step,
                     const R* b, std::int64_t b_step, std::int64_t k, const char* soon,
                     std::int64_t soon_step) {
  constexpr std::int64_t ahead = 8;  // rows of B; time for the second level to answer
  for (std::int64_t i = 0; i < k; ++i) {
    Vec<R> row[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) {
      row[v] = load(b + v * kLanes<R>);
      if (M > 1) keep(row[v]);
      __builtin_prefetch(b + ahead * b_step + v * kLanes<R>);
    }
    __builtin_prefetch(soon, 0, 2);
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r) {
      const Vec<R> x = all(a[r * a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) acc[r][v] = fma(x, row[v], acc[r][v]);
    }
    a += a_step;
    b += b_step;
    soon += soon_step;
  }
}

// Rows of vectors whose last has `part` lanes only if `Partial`.
template <int N, bool Partial, class R>
INLINE void load_row(Vec<R> (&row)[N], const R* p, Part<R> part) {
#pragma GCC unroll 8
  for (int v = 0; v < N; ++v)
    row[v] = Partial && v == N - 1 ? part.load(p + v * kLanes<R>) : load(p + v * kLanes<R>);
}
template <int N, bool Partial, class R>
INLINE void store_row(R* p, const Vec<R> (&row)[N], Part<R> part) {
#pragma GCC unroll 8
  for (int v = 0; v < N; ++v) {
    if (Partial && v == N - 1)
      part.store(p + v * kLanes<R>, row[v]);
    else
      store(p + v * kLanes<R>, row[v]);
  }
}

template <class R>
Stretch stretch(const R* p, std::int64_t elements) {
  return {reinterpret_cast<const char*>(p), elements * static_cast<std::int64_t>(sizeof(R))};
}

// Takes off what is to be fetched in the next `count` rows; `count` becomes the number of rows for
// which it lasts. Null: there is nothing.
inline const char* take(Soon& soon, std::int64_t& count) {
  for (; soon.first != soon.last; ++soon.first) {
    Stretch& stretch = *soon.first;
    if (stretch.bytes <= 0) continue;
    const char* const at = stretch.at;
    count = least(count, (stretch.bytes + soon.pace - 1) / soon.pace);
    stretch.at += count * soon.pace;
    stretch.bytes -= count * soon.pace;
    return at;
  }
  return nullptr;
}

// One block of a result, `columns` wide. `begin` holds what the sums start from; null is zero.
// `add` is added to them when they are done.
template <class R>
struct Block {
  const R *a, *b;
  std::int64_t a_row, a_step, b_step, k;
  const R *begin, *add;
  std::int64_t begin_row, add_row;
  Soon* soon;  // null: nothing
  R* c;
  std::int64_t c_row, columns;
};

template <class R, int M, int N, bool Partial>
__attribute__((noinline)) void compute(const Block<R>& block) {
  const Part<R> part(static_cast<int>(block.columns - (N - 1) * kLanes<R>));
  Vec<R> acc[M][N];
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    if (block.begin)
      load_row<N, Partial, R>(acc[r], block.begin + r * block.begin_row, part);
    else
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) acc[r][v] = Vec<R>{};
  }
  if (block.add)
#pragma GCC unroll 8
    for (int r = 0; r < M; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v)
        __builtin_prefetch(block.add + r * block.add_row + v * kLanes<R>, 1);
  for (std::int64_t i = 0; i < block.k;) {
    std::int64_t count = block.k - i;
    const char* soon = block.soon ? take(*block.soon, count) : nullptr;
    const std::int64_t step = soon ? block.soon->pace : 0;
    if (!soon) soon = reinterpret_cast<const char*>(block.b);
    multiply<M, N, R>(acc, block.a + i * block.a_step, block.a_row, block.a_step,
                      block.b + i * block.b_step, block.b_step, count, soon, step);
    i += count;
  }
#pragma GCC unroll 8
  for (int r = 0; r < M; ++r) {
    if (block.add) {
      Vec<R> sum[N];
      load_row<N, Partial, R>(sum, block.add + r * block.add_row, part);
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) acc[r][v] = sum[v] + acc[r][v];
    }
    store_row<N, Partial, R>(block.c + r * block.c_row, acc[r], part);
  }
}

template <class R>
using Compute = void (*)(const Block<R>&);

template <class R, int M, int N>
Compute<R> compute_of(bool partial) {
  return partial ? compute<R, M, N, true> : compute<R, M, N, false>;
}
template <class R, int M, int N = kTileVectors>
Compute<R> compute_of(int vectors, bool partial) {
  if constexpr (N > 1)
    if (vectors < N) return compute_of<R, M, N - 1>(vectors, partial);
  return compute_of<R, M, N>(partial);
}
// The function for `rows` (1 to M) by `columns` (1 to a tile).
template <class R, int M = kBlockRows>
Compute<R> compute_of(std::int64_t rows, std::int64_t columns) {
  if constexpr (M > 1)
    if (rows < M) return compute_of<R, M - 1>(rows, columns);
  const int vectors = static_cast<int>((columns + kLanes<R> - 1) / kLanes<R>);
  return compute_of<R, M>(vectors, columns % kLanes<R> != 0);
}

template <class R>
std::int64_t packed_size(std::int64_t out, std::int64_t in) {
  return up_to_multiple(out, kLanes<R>) * in;
}

// Swaps, in each pair of rows a and b, the blocks of H lanes that lie off the diagonal.
template <int H, class R, int... I>
INLINE void swap_blocks(Vec<R>& a, Vec<R>& b, std::integer_sequence<int, I...>) {
  constexpr int lanes = kLanes<R>;
  const Vec<R> upper = __builtin_shufflevector(a, b, (I & H ? lanes + I - H : I)...);
  b = __builtin_shufflevector(a, b, (I & H ? lanes + I : I + H)...);
  a = upper;
}
// Transposes a square of as many rows as a vector has lanes.
template <class R, int H = 1>
INLINE void transpose(Vec<R> (&rows)[kLanes<R>]) {
  if constexpr (H < kLanes<R>) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<R>; ++i)
      if (!(i & H))
        swap_blocks<H, R>(rows[i], rows[i + H], std::make_integer_sequence<int, kLanes<R>>{});
    transpose<R, 2 * H>(rows);
  }
}

// Rows of `columns` numbers, packed as they lie, filled up with zeros to whole vectors.
template <class R>
void pack_rows(const R* b, std::int64_t ldb, std::int64_t rows, std::int64_t columns, R* to) {
  const std::int64_t whole = columns / kLanes<R> * kLanes<R>;
  const Part<R> part(static_cast<int>(columns - whole));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < whole; i += kLanes<R>, to += kLanes<R>) store(to, load(b + i));
    if (whole < columns) {
      store(to, part.load(b + whole));
      to += kLanes<R>;
    }
    b += ldb;
  }
}

// Packs `columns` outputs (at most a vector of them) into every `width` numbers from `packed` on.
// Where the inputs of an output lie side by side, squares are transposed in registers.
template <class R>
void pack_column(const R* w, std::int64_t columns, std::int64_t in, std::int64_t stride_out,
                 std::int64_t stride_in, std::int64_t width, R* packed) {
  constexpr std::int64_t lanes = kLanes<R>;
  std::int64_t i = 0;
  if (stride_in == 1) {
    for (; i + lanes <= in; i += lanes) {
      Vec<R> square[lanes];
#pragma GCC unroll 16
      for (int o = 0; o < lanes; ++o)
        square[o] = o < columns ? load(w + o * stride_out + i) : Vec<R>{};
      transpose<R>(square);
#pragma GCC unroll 16
      for (int q = 0; q < lanes; ++q) store(packed + (i + q) * width, square[q]);
    }
  }
  for (; i < in; ++i)
    for (std::int64_t o = 0; o < lanes; ++o)
      packed[i * width + o] = o < columns ? w[o * stride_out + i * stride_in] : R(0);
}

template <class R>
void pack(const R* w, std::int64_t out, std::int64_t in, std::int64_t stride_out,
          std::int64_t stride_in, R* packed) {
  for (std::int64_t first = 0; first < out; first += kTile<R>) {
    const std::int64_t columns = least(kTile<R>, out - first);
    const std::int64_t width = up_to_multiple(columns, kLanes<R>);
    if (stride_out == 1) {
      pack_rows(w + first, stride_in, in, columns, packed);
    } else {
      for (std::int64_t v = 0; v < width; v += kLanes<R>)
        pack_column(w + (first + v) * stride_out, least(kLanes<R>, out - first - v), in, stride_out,
                    stride_in, width, packed + v);
    }
    packed += width * in;
  }
}

// `m` rows cut into as few blocks of at most `most` as there can be, of sizes as equal as they can
// be.
struct Cut {
  std::int64_t count, size, larger;
  Cut(std::int64_t m, std::int64_t most)
      : count((m + most - 1) / most), size(count ? m / count : 0), larger(count ? m % count : 0) {}
  std::int64_t first(std::int64_t block) const { return block * size + least(block, larger); }
  std::int64_t rows(std::int64_t block) const { return size + (block < larger); }
};

// A weight larger than this does not stay in the second level while its tiles are gone through:
// the next tile is then fetched while this one meets its later rows.
constexpr std::int64_t kFarWeight = 3 << 19;

template <class R>
void gemm(const R* a, std::int64_t lda, const R* packed, std::int64_t m, std::int64_t n,
          std::int64_t k, const R* start, std::int64_t start_stride, R* c, std::int64_t ldc,
          Soon* soon) {
  const Cut cut(m, kBlockRows);
  const bool far = n * k * static_cast<std::int64_t>(sizeof(R)) > kFarWeight;
  for (std::int64_t j = 0; j < n; j += kTile<R>) {
    const std::int64_t columns = least(kTile<R>, n - j);
    Block<R> block{};
    block.a_row = lda;
    block.a_step = 1;
    block.b = packed + j * k;
    block.b_step = up_to_multiple(columns, kLanes<R>);
    block.k = k;
    block.begin_row = start_stride;
    block.c_row = ldc;
    block.columns = columns;
    Stretch following = stretch(block.b + k * block.b_step, far ? k * kTile<R> : 0);
    Soon tile{&following, &following + 1, kLineBytes};
    for (std::int64_t i = 0; i < cut.count; ++i) {
      const std::int64_t row = cut.first(i);
      block.a = a + row * lda;
      block.begin = start ? start + row * start_stride + j : nullptr;
      block.c = c + row * ldc + j;
      block.soon = following.bytes > 0 ? &tile : soon;
      compute_of<R>(cut.rows(i), columns)(block);
    }
  }
}

// Rows that are summed in registers before the sum is added to C: few, for the packed tile of B to
// stay in the first level. The error of n rows in blocks of r grows as √(n r + n² / r), so very
// long sums want longer blocks.
constexpr std::int64_t kFewRows = 128, kManyRows = 256;
constexpr std::int64_t sum_rows(std::int64_t rows) { return rows > 32768 ? kManyRows : kFewRows; }

// Columns of A are packed side by side in panels, copied as whole vectors. Panels as narrow as a
// block, which the sums would read in sequence, take longer to write than that saves.
template <class R>
constexpr int kPanel = 3 * kLanes<R>;

template <class R>
void pack_panels(const R* a, std::int64_t lda, std::int64_t rows, std::int64_t m, R* panels) {
  for (std::int64_t i = 0; i < m; i += kPanel<R>) {
    const std::int64_t columns = least(kPanel<R>, m - i);
    const std::int64_t whole = columns / kLanes<R> * kLanes<R>;
    const Part<R> part(static_cast<int>(columns - whole));
    const R* from = a + i;
    R* to = panels + i * rows;
    for (std::int64_t r = 0; r < rows; ++r, from += lda, to += kPanel<R>) {
      for (std::int64_t q = 0; q < whole; q += kLanes<R>) store(to + q, load(from + q));
      if (whole < columns) store(to + whole, part.load(from + whole));
    }
  }
}

// Where there are no more columns than half a tile has, their transpose is computed, for vectors to
// run along the other dimension: the same sums.
template <class R>
bool tn_turned(std::int64_t m, std::int64_t n) {
  return n < m && n <= kTile<R> / 2;
}

// Enough for m and n and for all that is smaller.
template <class R>
std::int64_t gemm_tn_scratch(std::int64_t m, std::int64_t n) {
  const std::int64_t most = up_to_multiple(m > n ? m : n, kPanel<R>);
  return kManyRows * (most + kTile<R>)+m * least(n, kTile<R> / 2);
}

// to[j] += Σ_r rows[r, j]: for each column the rows in order, then what was there.
template <class R>
void add_rows(const R* rows, std::int64_t stride, std::int64_t count, std::int64_t width, R* to) {
  constexpr std::int64_t lanes = kLanes<R>;
  std::int64_t j = 0;
  for (; j + 4 * lanes <= width; j += 4 * lanes) {
    Vec<R> sum[4]{};
    for (std::int64_t r = 0; r < count; ++r)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) sum[u] = sum[u] + load(rows + r * stride + j + u * lanes);
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) store(to + j + u * lanes, load(to + j + u * lanes) + sum[u]);
  }
  for (; j < width; j += lanes) {
    const Part<R> part(static_cast<int>(least(lanes, width - j)));
    Vec<R> sum{};
    for (std::int64_t r = 0; r < count; ++r) sum = sum + part.load(rows + r * stride + j);
    part.store(to + j, part.load(to + j) + sum);
  }
}

// Rows of which the sum is wanted too.
template <class R>
struct Summed {
  const R* rows;
  std::int64_t stride, width;
  R* to;  // null: it is not
};

template <class R>
void gemm_tn_upright(const R* a, std::int64_t lda, const R* b, std::int64_t ldb, std::int64_t rows,
                     std::int64_t m, std::int64_t n, R* c, std::int64_t ldc, bool accumulate,
                     const Summed<R>& summed, R* scratch) {
  static_assert(kPanel<R> % kBlockRows == 0);
  R* const packed_b = scratch;
  R* const panels = scratch + kManyRows * kTile<R>;
  const std::int64_t most = sum_rows(rows);
  std::int64_t row = 0;
  do {
    const std::int64_t count = least(most, rows - row);
    const std::int64_t next = row + count, following = least(most, rows - next);
    // what lies between rows is not worth its way
    Stretch stretches[] = {stretch(a + next * lda, lda <= 2 * m ? following * lda : 0),
                           stretch(b + next * ldb, ldb <= 2 * n ? following * ldb : 0)};
    Soon soon{stretches, stretches + 2, kLineBytes};
    pack_panels(a + row * lda, lda, count, m, panels);
    if (summed.to)
      add_rows(summed.rows + row * summed.stride, summed.stride, count, summed.width, summed.to);
    for (std::int64_t j = 0; j < n; j += kTile<R>) {
      const std::int64_t columns = least(kTile<R>, n - j);
      Block<R> block{};
      block.a_row = 1;
      block.a_step = kPanel<R>;
      block.b = b + row * ldb + j;
      block.b_step = ldb;
      const bool whole = columns % kLanes<R> == 0;
      if (!whole || (m > 2 * kBlockRows && ldb != columns)) {
        pack_rows(block.b, ldb, count, columns, packed_b);
        block.b = packed_b;
        block.b_step = up_to_multiple(columns, kLanes<R>);
      }
      block.k = count;
      block.add_row = block.c_row = ldc;
      block.columns = columns;
      block.soon = &soon;
      for (std::int64_t i = 0; i < m; i += kBlockRows) {
        block.a = panels + i / kPanel<R> * kPanel<R> * count + i % kPanel<R>;
        block.c = c + i * ldc + j;
        block.add = accumulate || row ? block.c : nullptr;
        compute_of<R>(least(kBlockRows, m - i), columns)(block);
      }
    }
    row += most;
  } while (row < rows);
}

template <class R>
void gemm_tn(const R* a, std::int64_t lda, const R* b, std::int64_t ldb, std::int64_t rows,
             std::int64_t m, std::int64_t n, R* c, std::int64_t ldc, bool accumulate, R* sums,
             R* scratch) {
  const Summed<R> summed{a, lda, m, sums};
  if (sums && !accumulate) std::memset(sums, 0, m * sizeof(R));
  if (!tn_turned<R>(m, n))
    return gemm_tn_upright(a, lda, b, ldb, rows, m, n, c, ldc, accumulate, summed, scratch);
  R* const turned = scratch;
  if (accumulate)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) turned[j * m + i] = c[i * ldc + j];
  gemm_tn_upright(b, ldb, a, lda, rows, n, m, turned, m, accumulate, summed, scratch + m * n);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) c[i * ldc + j] = turned[j * m + i];
}
