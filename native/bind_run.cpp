// Python's way to plans and runs.

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "call.hpp"
#include "kernels.hpp"
#include "plan.hpp"

namespace nb = nanobind;

namespace mnemonist {
namespace {

// Numbers that all buffers of a run together may have, so that no product of sizes overflows.
constexpr double kMost = 0x1p58;

// Throws unless `grid.first`, the rows before each step, says of all rows that they begin at the
// first step and end at some other.
void check_rows(const Grid& grid) {
  std::int64_t running = grid.rows;
  if (grid.first[0] != 0) throw std::invalid_argument("rows before the first step");
  for (std::int64_t t = 0; t < grid.steps; ++t) {
    const std::int64_t here = grid.first[t + 1] - grid.first[t];
    if (here < 0 || here > running)
      throw std::invalid_argument("step " + std::to_string(t) + " has " + std::to_string(here) +
                                  " rows behind one of " + std::to_string(running));
    running = here;
  }
}

// Throws where a buffer that the caller provides is smaller than the run needs it. No `sizes`: the
// caller answers for them.
void check(const Plan& plan, const Grid& grid, const std::vector<std::uintptr_t>& memory,
           const std::vector<std::int64_t>& sizes) {
  const std::size_t count = plan.buffers.size();
  if (memory.size() != count || (!sizes.empty() && sizes.size() != count))
    throw std::invalid_argument("an address and a size for each of the plan's buffers are needed");
  double width = 1;
  for (const Buffer& b : plan.buffers) width += static_cast<double>(b.width);
  const auto rows = static_cast<double>(grid.rows), steps = static_cast<double>(grid.steps);
  if (width * (rows + static_cast<double>(plan.tile_rows)) * (steps + 2) > kMost)
    throw std::invalid_argument("more numbers than a machine has room for");
  if (grid.first) check_rows(grid);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Buffer& b = plan.buffers[i];
    const std::int64_t needed = Plan::rows_of(b.layout, grid.rows, grid.total()) * b.width;
    if (memory[i] && sizes[i] < needed)
      throw std::invalid_argument("buffer " + std::to_string(i) + " needs " +
                                  std::to_string(needed) + " numbers and has " +
                                  std::to_string(sizes[i]));
  }
}

template <class R>
std::vector<R*> pointers(const std::vector<std::uintptr_t>& memory) {
  std::vector<R*> found;
  for (const std::uintptr_t address : memory) found.push_back(reinterpret_cast<R*>(address));
  return found;
}

using Ends = std::vector<std::pair<std::int32_t, std::uintptr_t>>;

std::vector<End> ends(const Ends& given) {
  std::vector<End> found;
  for (const auto& [buffer, address] : given)
    found.push_back({buffer, reinterpret_cast<void*>(address)});
  return found;
}

void run_plan(const Plan& plan, bool wide, std::int64_t steps, std::int64_t rows,
              std::uintptr_t first, const std::vector<std::uintptr_t>& memory, int threads,
              const std::string& isa, const Ends& enter, const Ends& leave,
              const std::vector<std::int64_t>& sizes) {
  if (steps < 0 || rows < 0) throw std::invalid_argument("a negative size");
  if (threads < 1) throw std::invalid_argument("no thread to run on");
  const Grid grid{steps, rows, reinterpret_cast<const std::int64_t*>(first)};
  const Isa kind = isa_of(isa);
  check(plan, grid, memory, sizes);
  const auto go = [&](const auto& kernels, auto&& buffers) {
    const auto before = ends(enter), behind = ends(leave);
    const nb::gil_scoped_release released;
    call(plan, kernels, grid, std::move(buffers), before, behind, threads);
  };
  if (wide)
    go(kernels_f64(kind), pointers<double>(memory));
  else
    go(kernels_f32(kind), pointers<float>(memory));
}

}  // namespace

void bind_run(nb::module_& m) {
  nb::class_<Plan>(m, "Plan", "A program compiled to stages over buffers.")
      .def(nb::init<const std::vector<std::int64_t>&, const std::vector<double>&>(),
           nb::arg("code"), nb::arg("numbers"));
  m.def("run", &run_plan, nb::arg("plan"), nb::arg("wide"), nb::arg("steps"), nb::arg("rows"),
        nb::arg("first"), nb::arg("memory"), nb::arg("threads"), nb::arg("isa"),
        nb::arg("enter") = Ends{}, nb::arg("leave") = Ends{},
        nb::arg("sizes") = std::vector<std::int64_t>{},
        "Run a plan; mnemonist/_native.pyi says how.");
}

}  // namespace mnemonist
