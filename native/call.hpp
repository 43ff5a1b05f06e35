// A run whose caller need not provide what it never looks at.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "plan.hpp"
#include "run.hpp"

namespace mnemonist {

// One end of a buffer that holds a state, a row for each row of the batch: where its content comes
// from before a run (null: zeros), or where it goes behind it.
struct End {
  std::int32_t buffer;
  void* outside;
};

// As `run`, with two differences. A buffer of an external layout may be null: the run then takes
// memory for it from the arena. And before it starts, the first rows of the buffers in `enter` are
// filled; behind it, the state that every row of the batch ended with is copied out of the buffers
// in `leave` (of layout `state` or `ring`).
template <class R>
void call(const Plan& plan, const Kernels<R>& kernels, const Grid& grid, std::vector<R*> memory,
          const std::vector<End>& enter, const std::vector<End>& leave, int threads);

extern template void call<float>(const Plan&, const Kernels<float>&, const Grid&,
                                 std::vector<float*>, const std::vector<End>&,
                                 const std::vector<End>&, int);
extern template void call<double>(const Plan&, const Kernels<double>&, const Grid&,
                                  std::vector<double*>, const std::vector<End>&,
                                  const std::vector<End>&, int);

}  // namespace mnemonist
