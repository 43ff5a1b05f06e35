// The kernels that the executor is made of: products with a weight, weight gradients, and a
// machine that runs elementwise operations over a few rows at a time.
//
// One source (kernels.inc) is compiled once for each width of vectors; `kernels_f32` and
// `kernels_f64` give the table of one. Laws that hold for all of them:
//
// - The bits of an element of a result depend neither on how many rows or columns are computed
//   together nor on where it lies among them: a sum has one accumulator and goes in order, and
//   the end of a row runs the same arithmetic as its middle. Any split of rows among threads
//   therefore gives the same bits. Tables of different widths may differ by rounding.
// - Nothing is read or written but what the arguments describe. What lies between `width` and
//   `stride` may be anything, NaN included.
// - Sizes of 0 are allowed everywhere.
#pragma once

#include <cstdint>

namespace mnemonist {

// What one instruction computes, element by element unless it says otherwise. NaN comes out
// where NaN went in, as in torch; true is 1 and false is 0.
enum class Op : std::uint8_t {
  // of two operands
  add,
  sub,
  mul,
  div,
  pow,
  max,  // NaN if either is
  min,
  // of one
  neg,
  exp,
  log,
  tanh,
  sigmoid,
  softplus,  // log(1 + exp(a)); a where a > 20, as torch
  erf,
  sin,
  cos,
  abs,
  sign,  // as torch: 0 for NaN
  floor,
  sqrt,
  rsqrt,
  // true or false
  gt,
  ge,
  lt,
  le,
  eq,
  ne,
  and_,
  or_,
  not_,
  // of three
  where,  // a != 0 ? b : c
  fma,    // a b + c
  fms,    // a b - c
  fnma,   // c - a b
  // gradients through tanh and sigmoid, from their results
  dtanh,         // a (1 - b²)
  dsigmoid,      // a b (1 - b)
  mul_dtanh,     // a b (1 - c²)
  mul_dsigmoid,  // a b c (1 - c)
  // of three, in one pass over memory
  sub_mul,   // (a - b) c
  mix,       // a + c (b - a)
  mul_tanh,  // a tanh(b)
  copy,
  // of a row: the destination has width 1
  sum,
  amax,          // NaN if any is; -inf for width 0
  sum_times,     // b Σ a; here and below the last operand is one number a row
  dot_times,     // c Σ a b
  spread_times,  // c Σ (a - b)²
  // of a row, through its sums: the gradient of a row a that was made to have mean 0 and variance
  // 1, which is b; c (a - mean a - b mean(a b))
  dnormalised,
  // of all rows: d[0, :] += Σ_r a[r, :]; the destination has one row
  accumulate_rows,
};

inline constexpr int op_count = static_cast<int>(Op::accumulate_rows) + 1;

// How many operands `op` reads: a, then b, then c.
constexpr int operands_of(Op op) {
  if (op <= Op::min || (op >= Op::gt && op <= Op::or_) || op == Op::dtanh || op == Op::dsigmoid ||
      op == Op::mul_tanh || op == Op::sum_times)
    return 2;
  if (op >= Op::where && op <= Op::mix) return 3;
  return op >= Op::dot_times && op <= Op::dnormalised ? 3 : 1;
}

// Whether a row of `op`'s destination is one number.
constexpr bool reduces(Op op) { return op >= Op::sum && op <= Op::spread_times; }

// d, a, b and c are indices of operands. Bit 0, 1, 2 of `scalars`: operand a, b, c is one number
// a row, used for the whole width.
struct Instruction {
  Op op;
  std::uint8_t scalars;
  std::uint16_t d, a, b, c;
  std::int32_t width;
};

// Row r starts at p + r * stride. Stride 0: the same row for all. A destination may be one of
// the instruction's sources, exactly; other overlaps are not allowed.
template <class R>
struct Operand {
  R* p;
  std::int64_t stride;
};

// Memory that will be wanted soon. Products fetch it into the second-level cache while they
// compute, `pace` bytes for each row of a weight's tile, and take off what they have asked for.
struct Stretch {
  const char* at;
  std::int64_t bytes;
};
struct Soon {
  Stretch *first, *last;
  std::int64_t pace;  // at most a line of the cache
};

template <class R>
struct Kernels {
  int lanes;  // elements of a vector
  int tile;   // columns of a packed tile
  int block;  // rows that `gemm` computes together, at most

  // A weight W (out, in), W(o, i) = w[o * stride_out + i * stride_in], laid out for `gemm`:
  // [tile of outputs][in][columns of the tile]. All tiles have `tile` columns but the last,
  // which has as many whole vectors as it needs, filled up with zeros; tile t starts at
  // packed + t * tile * in. The transposed product is packed with the strides swapped.
  // `packed_size` counts elements; `packed` is aligned to 64 bytes for speed, not of need.
  std::int64_t (*packed_size)(std::int64_t out, std::int64_t in);
  void (*pack)(const R* w, std::int64_t out, std::int64_t in, std::int64_t stride_out,
               std::int64_t stride_in, R* packed);

  // C (m, n) = start + A (m, k) Wᵀ, W (n, k) packed. No start (null) is zero, start_stride 0
  // one vector for all rows; `start` may be `c` with the same stride. `soon` may be null.
  void (*gemm)(const R* a, std::int64_t lda, const R* packed, std::int64_t m, std::int64_t n,
               std::int64_t k, const R* start, std::int64_t start_stride, R* c, std::int64_t ldc,
               Soon* soon);

  // C (m, n) (+)= Aᵀ B, A (rows, m), B (rows, n): summed in blocks of rows whose sums are added
  // to C in order; sums (m) (+)= the sum of A's rows, or null. The blocks depend on the arguments
  // only, so here the split of `rows` between calls does matter for the bits; a split of m or n
  // does not. `scratch` has gemm_tn_scratch(m, n) elements, which also do for a smaller m or n.
  void (*gemm_tn)(const R* a, std::int64_t lda, const R* b, std::int64_t ldb, std::int64_t rows,
                  std::int64_t m, std::int64_t n, R* c, std::int64_t ldc, bool accumulate, R* sums,
                  R* scratch);
  std::int64_t (*gemm_tn_scratch)(std::int64_t m, std::int64_t n);

  // Runs each instruction over all rows before the next. Meant for what fits in the first
  // level cache: 500 to 2,000 elements an operand.
  void (*run)(const Instruction* code, std::int64_t count, const Operand<R>* operands,
              std::int64_t rows);
};

enum class Isa { portable, avx2, avx512 };

bool has(Isa isa);  // compiled in, and this machine and its operating system can run it
Isa best_isa();
const char* name_of(Isa isa);
bool isa_named(const char* name, Isa& isa);  // false: there is no such name

const Kernels<float>& kernels_f32(Isa isa);  // `isa` must be one that `has` affirms
const Kernels<double>& kernels_f64(Isa isa);

}  // namespace mnemonist
