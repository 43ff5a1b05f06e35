// Plans that nobody wrote, under sanitizers: plan_fuzz FILE... spoils the plans in these files in
// many ways. Each is refused with a message, or it runs and touches nothing but its buffers.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "plans.hpp"
#include "run.hpp"
#include "stepper.hpp"

using namespace mnemonist;

namespace {

constexpr int kTries = 4000;  // of a file
constexpr std::int64_t kSteps = 3, kRows = 4;

std::mt19937_64 random_word(20261122);

std::int64_t below(std::int64_t n) {
  return static_cast<std::int64_t>(random_word() % static_cast<std::uint64_t>(n));
}

// What a word may be that is not what it was.
std::int64_t spoilt(std::int64_t word) {
  constexpr std::int64_t odd[] = {-1,
                                  0,
                                  1,
                                  2,
                                  65535,
                                  65536,
                                  std::int64_t{1} << 24,
                                  std::int64_t{1} << 31,
                                  std::int64_t{1} << 32,
                                  std::int64_t{1} << 62,
                                  std::numeric_limits<std::int64_t>::max(),
                                  std::numeric_limits<std::int64_t>::min()};
  switch (below(4)) {
    case 0:
      return odd[below(std::size(odd))];
    case 1:
      return below(64);
    case 2:
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(word) + below(2) * 2 - 1);
    default:
      return static_cast<std::int64_t>(random_word());
  }
}

void spoil(Written& plan) {
  for (std::int64_t times = 1 + below(3); times > 0 && !plan.code.empty(); --times) {
    const auto at = plan.code.begin() + below(static_cast<std::int64_t>(plan.code.size()));
    switch (below(8)) {
      case 0:
        plan.code.erase(at);
        break;
      case 1:
        plan.code.insert(at, spoilt(*at));
        break;
      case 2:
        plan.code.resize(static_cast<std::size_t>(at - plan.code.begin()));
        break;
      case 3:
        std::swap(*at, plan.code[below(static_cast<std::int64_t>(plan.code.size()))]);
        break;
      default:
        *at = spoilt(*at);
    }
  }
  if (below(16) == 0 && !plan.numbers.empty()) plan.numbers.pop_back();
}

// Whether a run takes little memory; a machine may have room for more than a test should take.
bool is_small(const Plan& plan) {
  std::int64_t width = 0;
  for (const Buffer& b : plan.buffers) width = std::min(width, std::int64_t{1} << 40) + b.width;
  return width < 1 << 14;
}

template <class R>
void run_it(const Plan& plan, Isa isa) {
  const std::int64_t ragged[kSteps + 1] = {0, kRows, kRows + 2, kRows + 3};
  for (const bool is_ragged : {false, true}) {
    const Grid grid{kSteps, kRows, is_ragged ? ragged : nullptr};
    const Memory<R> memory(plan, kRows, is_ragged ? ragged[kSteps] : kSteps * kRows);
    run(plan, table<R>(isa), grid, memory.pointers, is_ragged ? 1 : 2);
  }
}

bool step_it(const Plan& plan, Precision precision, Isa isa) {
  try {
    const auto stepper = make_stepper<float>(plan, kRows, precision, isa);
    const Memory<float> memory(plan, kRows, kRows);
    stepper->load({memory.pointers.begin(), memory.pointers.end()});
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const Layout layout = plan.buffers[i].layout;
      if (layout == Layout::steps || layout == Layout::rows)
        stepper->bind(static_cast<std::int32_t>(i), memory.pointers[i]);
    }
    CHECK(stepper->ready());
    stepper->step();
    return true;
  } catch (const std::invalid_argument& error) {
    CHECK(std::strstr(error.what(), "not a plan of one step"));
    return false;
  }
}

}  // namespace

int main(int count, char** files) {
  CHECK(count > 1);
  int refused = 0, ran = 0, stepped = 0;
  for (int i = 1; i < count; ++i) {
    const Written whole = read(files[i]);
    for (int turn = 0; turn < kTries; ++turn) {
      Written plan = whole;
      spoil(plan);
      try {
        const Plan found(plan.code, plan.numbers);
        if (!is_small(found)) continue;
        const Isa isa = turn % 2 ? best_isa() : Isa::portable;
        if (turn % 4 < 2)
          run_it<float>(found, isa);
        else
          run_it<double>(found, isa);
        ++ran;
        const Precision precisions[] = {Precision::full, Precision::bf16, Precision::int8};
        stepped += step_it(found, precisions[turn % 3], isa);
      } catch (const std::invalid_argument& error) {
        CHECK(std::strstr(error.what(), "not a plan of this version of the engine: it "));
        ++refused;
      }
    }
  }
  std::fprintf(stderr, "%d refused, %d ran, %d of them as a step\n", refused, ran, stepped);
  CHECK(refused > 0 && ran > 0);
}
