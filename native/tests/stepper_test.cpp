// Plans of one step under sanitizers: stepper_test FILE...
//
// Rows that step together give the same bits as each of them alone, wherever their buffers lie.

#include "stepper.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "check.hpp"
#include "plans.hpp"

using namespace mnemonist;

namespace {

constexpr std::int64_t kRows = 5, kSteps = 3;

// Buffers of the caller's hold `rows` rows; `from` is the row of `start` that is the first of them.
template <class R>
Memory<R> stepped(const Plan& plan, const Memory<R>& start, std::int64_t from, std::int64_t rows,
                  Precision precision, Isa isa) {
  const auto stepper = make_stepper<R>(plan, rows, precision, isa);
  CHECK(!stepper->ready());
  Memory<R> memory(plan, rows, rows), moved(plan, rows, rows);
  std::vector<const void*> constants;
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const Buffer& b = plan.buffers[i];
    const bool constant = b.layout == Layout::vector;
    constants.push_back(constant ? start.pointers[i] : nullptr);
    if (constant || !Plan::external(b.layout)) continue;
    const R* first = start.pointers[i] + from * b.width;
    std::copy(first, first + rows * b.width, memory.pointers[i]);
    stepper->bind(static_cast<std::int32_t>(i), memory.pointers[i]);
  }
  stepper->load(constants);
  CHECK(stepper->ready());
  for (std::int64_t t = 0; t < kSteps; ++t) {
    if (t == kSteps - 1) {  // elsewhere
      for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
        if (plan.buffers[i].layout == Layout::vector || !memory.pointers[i]) continue;
        std::copy(memory.numbers[i].begin(), memory.numbers[i].end(), moved.pointers[i]);
        std::fill(memory.numbers[i].begin(), memory.numbers[i].end(), R(0) / R(0));
        stepper->bind(static_cast<std::int32_t>(i), moved.pointers[i]);
      }
    }
    stepper->step();
  }
  return moved;
}

template <class R>
void test(const Plan& plan, Precision precision, Isa isa) {
  const Memory<R> start(plan, kRows, kRows);
  const Memory<R> together = stepped(plan, start, 0, kRows, precision, isa);
  for (std::int64_t r = 0; r < kRows; ++r) {
    const Memory<R> alone = stepped(plan, start, r, 1, precision, isa);
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const Buffer& b = plan.buffers[i];
      if (b.layout == Layout::vector || !Plan::external(b.layout)) continue;
      CHECK(std::memcmp(together.pointers[i] + r * b.width, alone.pointers[i],
                        b.width * sizeof(R)) == 0);
    }
  }
}

}  // namespace

int main(int count, char** files) {
  CHECK(count > 1);
  for (int i = 1; i < count; ++i) {
    const Written written = read(files[i]);
    const Plan plan(written.code, written.numbers);
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!has(isa)) continue;
      for (const Precision precision : {Precision::full, Precision::bf16, Precision::int8})
        test<float>(plan, precision, isa);
      test<double>(plan, Precision::full, isa);
    }
    std::fprintf(stderr, "%s: good\n", files[i]);
  }
}
