// Plans that Python wrote, one a file: the number of integers of its code, these, then its
// constants; and memory for them.

#pragma once

#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "kernels.hpp"
#include "plan.hpp"

struct Written {
  std::vector<std::int64_t> code;
  std::vector<double> numbers;
};

inline Written read(const std::string& path) {
  std::ifstream file(path);
  std::size_t count = 0;
  file >> count;
  Written found{std::vector<std::int64_t>(count), {}};
  for (std::int64_t& word : found.code) file >> word;
  CHECK(file.good());
  for (double number; file >> number;) found.numbers.push_back(number);
  return found;
}

template <class R>
const mnemonist::Kernels<R>& table(mnemonist::Isa isa) {
  if constexpr (sizeof(R) == sizeof(float))
    return mnemonist::kernels_f32(isa);
  else
    return mnemonist::kernels_f64(isa);
}

// Random numbers for every buffer of the caller's, each of exactly the size that a run may touch.
template <class R>
struct Memory {
  Memory(const mnemonist::Plan& plan, std::int64_t rows, std::int64_t total) {
    std::mt19937 random(1);
    std::uniform_real_distribution<R> uniform(-1, 1);
    for (const mnemonist::Buffer& buffer : plan.buffers) {
      const std::int64_t size = mnemonist::Plan::rows_of(buffer.layout, rows, total) * buffer.width;
      numbers.emplace_back(static_cast<std::size_t>(size));
      for (R& number : numbers.back()) number = uniform(random);
      pointers.push_back(mnemonist::Plan::external(buffer.layout) ? numbers.back().data()
                                                                  : nullptr);
    }
  }

  std::vector<std::vector<R>> numbers;  // by buffer
  std::vector<R*> pointers;
};
