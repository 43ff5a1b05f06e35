// What the executor runs: a program compiled to stages over buffers.
//
// A plan is made once for a program (by the planner in Python) and knows no sizes of a call: how
// many steps and rows there are, and where the buffers lie, comes with each run.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"

namespace mnemonist {

// How a buffer's rows answer to a time step t and a row b of the batch. `first(t)` is the number
// of rows of all steps before t: t·B, or less where rows end early (rows are sorted by length).
enum class Layout : std::uint8_t {
  steps,    // one row for each (t, b), at first(t) + b
  state,    // before step 0: row b; behind step t: row B + first(t) + b
  ring,     // as state, but only the latest two: (t mod 2)·B + b
  rows,     // the same row b at every step
  vector,   // one row for all
  window,   // of one thread: the steps of the chunk at hand
  scratch,  // of one thread: the step at hand
  tile,     // of one thread: the few rows that the pointwise machine works on
  number,   // the plan's own constants
};
constexpr int kLayouts = 9;

struct Buffer {
  Layout layout;
  std::int64_t width;
};

// Columns of a buffer. With `shift` 1, a state is meant as it is behind the step, else before it.
struct Reference {
  std::int32_t buffer;
  std::int32_t shift;
  std::int64_t column;
};

// A matrix (out, in) within a constant, laid out by its strides, that products read packed.
struct Weight {
  std::int32_t buffer;
  std::int64_t offset, out, in, stride_out, stride_in;
};

struct Product {
  std::int32_t weight;
  Reference operand, result;
  bool started;
  Reference start;
};

struct Pointwise {
  std::vector<Reference> operands;
  std::vector<Instruction> code;
  std::int64_t rows;  // at once, so that the operands stay in the first-level cache
};

struct Stage {
  bool is_product;
  Product product;
  Pointwise pointwise;
};

// A weight's gradient: out[i, j] = Σ over steps and rows of gradient[i] · operand[j]; and, where
// `sums` is not -1, a bias's: sums[i] = Σ of gradient[i].
struct WeightGradient {
  Reference gradient, operand;
  std::int32_t out, sums;
  std::int64_t offset, sums_offset, m, n;
};

// A vector's gradient: the sum over the rows of an accumulator of layout `rows`.
struct ColumnSum {
  Reference accumulator;
  std::int32_t out;
  std::int64_t offset, width;
};

struct Plan {
  // Decodes what the planner wrote, and throws std::invalid_argument unless a run of it touches
  // nothing but its buffers.
  Plan(const std::vector<std::int64_t>& code, const std::vector<double>& numbers);

  bool backward;
  std::vector<Buffer> buffers;
  std::vector<Weight> weights;
  std::vector<Stage> before, loop, after;
  std::vector<std::int32_t> accumulators;
  std::vector<WeightGradient> weight_gradients;
  std::vector<ColumnSum> column_sums;
  std::vector<double> numbers;

  std::int64_t tile_rows = 1;  // the most that any pointwise stage works on at once

  // Whether the caller gives the buffer's memory.
  static bool external(Layout layout) { return layout <= Layout::vector; }

  // The rows that a buffer of the caller's has, in a run of `rows` rows, `total` over all steps.
  static std::int64_t rows_of(Layout layout, std::int64_t rows, std::int64_t total);
};

}  // namespace mnemonist
