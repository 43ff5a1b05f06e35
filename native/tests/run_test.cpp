// Plans under sanitizers: run_test FILE... with plans that Python wrote, one a file: the number of
// integers of its code, these, then its constants.
//
// Every buffer of the caller has exactly the size that the run may touch and holds random numbers.
// The result has to be the same, bit for bit, for any number of threads.

#include "run.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "kernels.hpp"
#include "plan.hpp"

using namespace mnemonist;

namespace {

Plan read(const std::string& path) {
  std::ifstream file(path);
  std::size_t count = 0;
  file >> count;
  std::vector<std::int64_t> code(count);
  for (std::int64_t& word : code) file >> word;
  CHECK(file.good());
  std::vector<double> numbers;
  for (double number; file >> number;) numbers.push_back(number);
  return Plan(code, numbers);
}

struct Sizes {
  std::int64_t steps, rows;
  bool ragged;
};

template <class R>
std::vector<std::vector<R>> run_once(const Plan& plan, const Sizes& sizes, Isa isa, int threads) {
  std::vector<std::int64_t> first(1, 0);
  for (std::int64_t t = 0; t < sizes.steps; ++t) {
    // The later a row of the batch comes, the earlier it ends.
    std::int64_t running = sizes.rows;
    if (sizes.ragged) running = sizes.rows - t * sizes.rows / sizes.steps;
    first.push_back(first.back() + running);
  }
  const std::int64_t total = first.back();
  const auto& kernels = [&]() -> const Kernels<R>& {
    if constexpr (sizeof(R) == 4)
      return kernels_f32(isa);
    else
      return kernels_f64(isa);
  }();
  std::mt19937 random(1);
  std::uniform_real_distribution<R> uniform(-1, 1);
  std::vector<std::vector<R>> memory;
  std::vector<R*> pointers;
  for (const Buffer& buffer : plan.buffers) {
    std::int64_t rows = 0;
    switch (buffer.layout) {
      case Layout::steps:
        rows = total;
        break;
      case Layout::state:
        rows = sizes.rows + total;
        break;
      case Layout::ring:
        rows = 2 * sizes.rows;
        break;
      case Layout::rows:
        rows = sizes.rows;
        break;
      case Layout::vector:
        rows = 1;
        break;
      default:
        break;
    }
    memory.emplace_back(static_cast<std::size_t>(rows * buffer.width));
    for (R& number : memory.back()) number = uniform(random);
    memory.back().shrink_to_fit();
    pointers.push_back(Plan::external(buffer.layout) ? memory.back().data() : nullptr);
  }
  run(plan, kernels, Grid{sizes.steps, sizes.rows, sizes.ragged ? first.data() : nullptr}, pointers,
      threads);
  return memory;
}

template <class R>
void test(const Plan& plan, const Sizes& sizes) {
  for (const Isa isa : {Isa::portable, best_isa()}) {
    const auto alone = run_once<R>(plan, sizes, isa, 1);
    for (const int threads : {2, 5}) {
      const auto shared = run_once<R>(plan, sizes, isa, threads);
      for (std::size_t i = 0; i < alone.size(); ++i) {
        const std::size_t bytes = alone[i].size() * sizeof(R);
        CHECK(bytes == 0 || std::memcmp(alone[i].data(), shared[i].data(), bytes) == 0);
      }
    }
  }
}

}  // namespace

int main(int count, char** files) {
  CHECK(count > 1);
  for (int i = 1; i < count; ++i) {
    const Plan plan = read(files[i]);
    bool ring = false;
    for (const Buffer& buffer : plan.buffers) ring |= buffer.layout == Layout::ring;
    for (const Sizes& sizes : {Sizes{5, 1, false},
                               {4, 3, false},
                               {7, 19, false},
                               {0, 2, false},
                               {6, 17, true},
                               {3, 0, false}}) {
      if (ring && sizes.ragged) continue;
      test<float>(plan, sizes);
      test<double>(plan, sizes);
    }
    std::fprintf(stderr, "%s: good\n", files[i]);
  }
}
