// Runs a plan over time.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "plan.hpp"

namespace mnemonist {

// The sizes of a run.
struct Grid {
  std::int64_t steps;
  std::int64_t rows;
  const std::int64_t* first;  // (steps + 1): rows of all steps before; null: t·rows

  std::int64_t before(std::int64_t t) const { return first ? first[t] : t * rows; }
  std::int64_t total() const { return before(steps); }
};

// Runs `plan` on memory that the caller owns: for every buffer of an external layout a pointer to
// its first element (else null), not aliased. The same bits come out for any number of threads.
template <class R>
void run(const Plan& plan, const Kernels<R>& kernels, const Grid& grid,
         const std::vector<R*>& memory, int threads);

extern template void run<float>(const Plan&, const Kernels<float>&, const Grid&,
                                const std::vector<float*>&, int);
extern template void run<double>(const Plan&, const Kernels<double>&, const Grid&,
                                 const std::vector<double*>&, int);

}  // namespace mnemonist
