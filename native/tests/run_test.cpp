// Plans of real cells under sanitizers: run_test FILE...
//
// The result has to be the same, bit for bit, for any number of threads.

#include "run.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "plans.hpp"

using namespace mnemonist;

namespace {

struct Sizes {
  std::int64_t steps, rows;
  bool ragged;
};

// A plan as most are, and one whose products are worth a team of threads where there are few rows.
constexpr Sizes kLight[] = {{5, 1, false}, {4, 3, false}, {7, 19, false},
                            {0, 2, false}, {6, 17, true}, {3, 0, false}};
constexpr Sizes kHeavy[] = {{3, 1, false}, {2, 3, false}, {2, 3, true}, {1, 5, false}};

template <class R>
Memory<R> run_once(const Plan& plan, const Sizes& sizes, Isa isa, int threads) {
  std::vector<std::int64_t> first(1, 0);
  for (std::int64_t t = 0; t < sizes.steps; ++t) {
    // The later a row of the batch comes, the earlier it ends.
    std::int64_t running = sizes.rows;
    if (sizes.ragged) running = sizes.rows - t * sizes.rows / sizes.steps;
    first.push_back(first.back() + running);
  }
  Memory<R> memory(plan, sizes.rows, first.back());
  run(plan, table<R>(isa), Grid{sizes.steps, sizes.rows, sizes.ragged ? first.data() : nullptr},
      memory.pointers, threads);
  return memory;
}

template <class R>
void test(const Plan& plan, const Sizes& sizes, Isa isa) {
  const auto alone = run_once<R>(plan, sizes, isa, 1);
  for (const int threads : {2, 4}) {
    const auto shared = run_once<R>(plan, sizes, isa, threads);
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const std::size_t bytes = alone.numbers[i].size() * sizeof(R);
      CHECK(bytes == 0 ||
            std::memcmp(alone.numbers[i].data(), shared.numbers[i].data(), bytes) == 0);
    }
  }
}

}  // namespace

int main(int count, char** files) {
  CHECK(count > 1);
  for (int i = 1; i < count; ++i) {
    const Written written = read(files[i]);
    const Plan plan(written.code, written.numbers);
    bool ring = false;
    for (const Buffer& buffer : plan.buffers) ring |= buffer.layout == Layout::ring;
    std::int64_t weights = 0;
    for (const Weight& weight : plan.weights) weights += weight.out * weight.in;
    const auto over = [&](const auto& all, Isa isa) {
      for (const Sizes& sizes : all) {
        // where rows end early their states over time are kept
        if (ring && sizes.ragged) continue;
        test<float>(plan, sizes, isa);
        test<double>(plan, sizes, isa);
      }
    };
    if (weights < 100'000) {
      over(kLight, Isa::portable);
      over(kLight, best_isa());
    } else {
      over(kHeavy, best_isa());
    }
    std::fprintf(stderr, "%s: good\n", files[i]);
  }
}
