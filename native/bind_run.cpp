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

#include "call.hpp"
#include "kernels.hpp"
#include "plan.hpp"

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

using Ends = std::vector<std::pair<std::int32_t, std::uintptr_t>>;

std::vector<End> ends(const Ends& given) {
  std::vector<End> found;
  for (const auto& [buffer, address] : given)
    found.push_back({buffer, reinterpret_cast<void*>(address)});
  return found;
}

void run_plan(const Plan& plan, bool wide, std::int64_t steps, std::int64_t rows,
              std::uintptr_t first, const std::vector<std::uintptr_t>& memory, int threads,
              const std::string& isa, const Ends& enter, const Ends& leave) {
  if (steps < 0 || rows < 0 || threads < 1) throw std::invalid_argument("a negative size");
  const Grid grid{steps, rows, reinterpret_cast<const std::int64_t*>(first)};
  const Isa kind = isa_of(isa);
  const auto go = [&](const auto& kernels, auto&& buffers) {
    const auto before = ends(enter), behind = ends(leave);
    const nb::gil_scoped_release released;
    call(plan, kernels, grid, std::move(buffers), before, behind, threads);
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
        nb::arg("enter") = Ends{}, nb::arg("leave") = Ends{},
        "Run a plan; mnemonist/_native.pyi says how.");
}

}  // namespace mnemonist
