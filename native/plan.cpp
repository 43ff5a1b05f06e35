#include "plan.hpp"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace mnemonist {
namespace {

// Elements that an instruction should work on, on average: enough to forget its dispatch, few
// enough that the operands of a stage stay in the first-level cache.
constexpr std::int64_t kElementsAtOnce = 1024;

// The most rows or columns of a weight, and the widest instruction: their product is far from what
// 64 bits hold, and an instruction's width fits in 32.
constexpr std::int64_t kWidest = 1 << 24;

class Reader {
 public:
  Reader(const std::vector<std::int64_t>& code, Plan& plan) : code_(code), plan_(plan) {}

  std::int64_t next() {
    if (at_ >= code_.size()) fail("ends early");
    return code_[at_++];
  }

  std::int64_t next(std::int64_t low, std::int64_t high, const char* what) {
    const std::int64_t value = next();
    if (value < low || value > high) fail(std::string(what) + " is " + std::to_string(value));
    return value;
  }

  std::int64_t count() { return next(0, static_cast<std::int64_t>(code_.size()), "a count"); }

  std::int32_t buffer() {
    const auto last = static_cast<std::int64_t>(plan_.buffers.size()) - 1;
    return static_cast<std::int32_t>(next(0, last, "a buffer"));
  }

  // One of the buffers of these layouts.
  std::int32_t buffer(std::initializer_list<Layout> allowed, const char* what) {
    const std::int32_t index = buffer();
    require(index, allowed, what);
    return index;
  }

  // A reference to `width` columns.
  Reference reference(std::int64_t width) {
    Reference r;
    r.buffer = buffer();
    r.shift = static_cast<std::int32_t>(next(0, 1, "a shift"));
    r.column = next(0, plan_.buffers[r.buffer].width - width, "a column");
    return r;
  }

  Reference reference(std::int64_t width, std::initializer_list<Layout> allowed, const char* what) {
    const Reference r = reference(width);
    require(r.buffer, allowed, what);
    return r;
  }

  Product product() {
    Product p;
    p.weight = static_cast<std::int32_t>(
        next(0, static_cast<std::int64_t>(plan_.weights.size()) - 1, "a weight"));
    const Weight& w = plan_.weights[p.weight];
    p.operand = reference(w.in);
    p.result = reference(w.out);
    p.started = next(0, 1, "a flag") == 1;
    p.start = p.started ? reference(w.out) : Reference{0, 0, 0};
    // a tile has few rows, and a product takes all of a step
    for (const Reference* r : {&p.operand, &p.result, p.started ? &p.start : &p.result})
      if (layout(*r) == Layout::tile) fail("multiplies with a tile");
    written(p.result);
    return p;
  }

  Pointwise pointwise() {
    Pointwise p;
    const std::int64_t operands = next(0, 65535, "the number of operands");
    for (std::int64_t i = 0; i < operands; ++i) p.operands.push_back(reference(0));
    std::int64_t elements = 0;
    for (std::int64_t i = count(); i > 0; --i) {
      Instruction ins;
      ins.op = static_cast<Op>(next(0, op_count - 1, "an operation"));
      ins.scalars = static_cast<std::uint8_t>(next(0, 7, "scalar bits"));
      ins.d = operand(operands);
      ins.a = operand(operands);
      ins.b = operand(operands);
      ins.c = operand(operands);
      ins.width = static_cast<std::int32_t>(next(1, kWidest, "a width"));
      check(p, ins);
      elements += ins.width;
      p.code.push_back(ins);
    }
    const auto instructions = std::max<std::int64_t>(1, static_cast<std::int64_t>(p.code.size()));
    p.rows = std::max<std::int64_t>(
        1, kElementsAtOnce * instructions / std::max<std::int64_t>(1, elements));
    plan_.tile_rows = std::max(plan_.tile_rows, p.rows);
    return p;
  }

  void phase(std::vector<Stage>& stages) {
    for (std::int64_t i = count(); i > 0; --i) {
      Stage s{};
      s.is_product = next(0, 1, "the kind of a stage") == 0;
      if (s.is_product)
        s.product = product();
      else
        s.pointwise = pointwise();
      stages.push_back(std::move(s));
    }
  }

  void done() {
    if (at_ != code_.size()) fail("goes on behind its end");
  }

  [[noreturn]] static void fail(const std::string& why) {
    throw std::invalid_argument("not a plan of this version of the engine: it " + why);
  }

 private:
  std::uint16_t operand(std::int64_t operands) {
    return static_cast<std::uint16_t>(next(0, operands - 1, "an operand"));
  }

  Layout layout(const Reference& r) const { return plan_.buffers[r.buffer].layout; }

  // Threads share what has one row for all.
  void written(const Reference& r) const {
    if (layout(r) == Layout::vector || layout(r) == Layout::number) fail("writes to a constant");
  }

  void require(std::int32_t buffer, std::initializer_list<Layout> allowed, const char* what) const {
    for (const Layout layout : allowed)
      if (plan_.buffers[buffer].layout == layout) return;
    fail(std::string("keeps ") + what + " in a buffer of another layout");
  }

  // What an instruction touches lies within its operands' buffers.
  void check(const Pointwise& p, const Instruction& ins) const {
    const auto fits = [&](std::uint16_t index, std::int64_t width) {
      const Reference& r = p.operands[index];
      if (r.column + width > plan_.buffers[r.buffer].width) fail("reads behind a row");
    };
    fits(ins.d, reduces(ins.op) ? 1 : ins.width);
    written(p.operands[ins.d]);
    const std::uint16_t sources[] = {ins.a, ins.b, ins.c};
    for (int i = 0; i < operands_of(ins.op); ++i)
      fits(sources[i], ins.scalars >> i & 1 ? 1 : ins.width);
  }

  const std::vector<std::int64_t>& code_;
  Plan& plan_;
  std::size_t at_ = 0;
};

}  // namespace

Plan::Plan(const std::vector<std::int64_t>& code, const std::vector<double>& constants)
    : numbers(constants) {
  Reader read(code, *this);
  backward = read.next(0, 1, "the direction") == 1;
  for (std::int64_t i = read.count(); i > 0; --i) {
    Buffer b;
    b.layout = static_cast<Layout>(read.next(0, kLayouts - 1, "a layout"));
    b.width = read.next(1, std::int64_t{1} << 32, "a width");
    if (b.layout == Layout::number && b.width > static_cast<std::int64_t>(numbers.size()))
      Reader::fail("has fewer numbers than it says");
    buffers.push_back(b);
  }
  for (std::int64_t i = read.count(); i > 0; --i) {
    Weight w;
    w.buffer = read.buffer({Layout::vector}, "a weight");
    const std::int64_t width = buffers[w.buffer].width;
    w.offset = read.next(0, width - 1, "a weight's offset");
    w.out = read.next(1, kWidest, "a weight's size");
    w.in = read.next(1, kWidest, "a weight's size");
    w.stride_out = read.next(1, kWidest, "a weight's stride");
    w.stride_in = read.next(1, kWidest, "a weight's stride");
    const std::int64_t last = (w.out - 1) * w.stride_out + (w.in - 1) * w.stride_in;
    if (w.offset + last >= width || w.out * w.in > width)
      Reader::fail("has a weight that is not in its constant");
    weights.push_back(w);
  }
  read.phase(before);
  read.phase(loop);
  read.phase(after);
  for (std::int64_t i = read.count(); i > 0; --i)
    accumulators.push_back(read.buffer({Layout::rows}, "an accumulator"));
  for (std::int64_t i = read.count(); i > 0; --i) {
    WeightGradient g;
    g.m = read.next(1, kWidest, "a weight's size");
    g.n = read.next(1, kWidest, "a weight's size");
    g.gradient = read.reference(g.m, {Layout::steps}, "a weight's gradient");
    g.operand = read.reference(g.n, {Layout::steps, Layout::state}, "a weight's operand");
    g.out = read.buffer({Layout::vector}, "a weight's gradient");
    g.offset = read.next(0, buffers[g.out].width - g.m * g.n, "an offset");
    g.sums = -1;
    g.sums_offset = 0;
    if (read.next(0, 1, "a flag") == 1) {
      g.sums = read.buffer({Layout::vector}, "a vector's gradient");
      g.sums_offset = read.next(0, buffers[g.sums].width - g.m, "an offset");
    }
    weight_gradients.push_back(g);
  }
  for (std::int64_t i = read.count(); i > 0; --i) {
    ColumnSum s;
    s.width = read.next(1, kWidest, "a width");
    s.accumulator = read.reference(s.width, {Layout::rows}, "an accumulator");
    s.out = read.buffer({Layout::vector}, "a vector's gradient");
    s.offset = read.next(0, buffers[s.out].width - s.width, "an offset");
    column_sums.push_back(s);
  }
  read.done();
}

std::int64_t Plan::rows_of(Layout layout, std::int64_t rows, std::int64_t total) {
  switch (layout) {
    case Layout::steps:
      return total;
    case Layout::state:
      return rows + total;
    case Layout::ring:
      return 2 * rows;
    case Layout::rows:
      return rows;
    case Layout::vector:
      return 1;
    default:
      return 0;
  }
}

}  // namespace mnemonist
