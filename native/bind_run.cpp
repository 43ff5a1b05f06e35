// Python's way to plans and runs.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "plan.hpp"
#include "run.hpp"

namespace nb = nanobind;

namespace mnemonist {
namespace {

Isa isa_of(const std::string& name) {
  Isa isa;
  if (name.empty()) return best_isa();
  if (!isa_named(name.c_str(), isa)) throw std::invalid_argument("no instruction set " + name);
  if (!has(isa)) throw std::invalid_argument("this machine has no " + name);
  return isa;
}

template <class R>
std::vector<R*> pointers(const Plan& plan, const std::vector<std::uintptr_t>& addresses) {
  if (addresses.size() != plan.buffers.size())
    throw std::invalid_argument("one address for each of the plan's buffers is needed");
  std::vector<R*> found;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    found.push_back(reinterpret_cast<R*>(addresses[i]));
  }
  return found;
}

void run_plan(const Plan& plan, bool wide, std::int64_t steps, std::int64_t rows,
              std::uintptr_t first, const std::vector<std::uintptr_t>& memory, int threads,
              const std::string& isa) {
  if (steps < 0 || rows < 0 || threads < 1) throw std::invalid_argument("a negative size");
  const Grid grid{steps, rows, reinterpret_cast<const std::int64_t*>(first)};
  const Isa kind = isa_of(isa);
  const auto go = [&](const auto& kernels, auto&& buffers) {
    const nb::gil_scoped_release released;
    run(plan, kernels, grid, buffers, threads);
  };
  if (wide)
    go(kernels_f64(kind), pointers<double>(plan, memory));
  else
    go(kernels_f32(kind), pointers<float>(plan, memory));
}

}  // namespace

void bind_run(nb::module_& m) {
  nb::class_<Plan>(m, "Plan", "A program compiled to stages over buffers.")
      .def(nb::init<const std::vector<std::int64_t>&, const std::vector<double>&>(),
           nb::arg("code"), nb::arg("numbers"));
  m.def("run", &run_plan, nb::arg("plan"), nb::arg("wide"), nb::arg("steps"), nb::arg("rows"),
        nb::arg("first"), nb::arg("memory"), nb::arg("threads"), nb::arg("isa"),
        "Run a plan: `memory` has the address of each buffer that the caller provides, `first` "
        "that of the number of rows before each step, or 0 where every step has all rows.");
}

}  // namespace mnemonist
