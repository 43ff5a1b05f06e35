// mnemonist._native: what Python sees of the engine. Bindings only; the work is in the other files.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>
#include <string>

#include "arena.hpp"
#include "bind.hpp"
#include "kernels.hpp"
#include "pool.hpp"
#include "tensor.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace mnemonist {

Isa isa_of(const std::string& name) {
  if (name.empty()) return best_isa();
  Isa isa;
  if (!isa_named(name.c_str(), isa)) throw std::invalid_argument("no instruction set " + name);
  if (!has(isa)) throw std::invalid_argument("this machine has no " + name);
  return isa;
}

namespace {

bool has_isa(const std::string& name) {
  Isa isa;
  return isa_named(name.c_str(), isa) && has(isa);
}

void bind_memory(nb::module_& m) {
  m.def("empty", &empty_tensor, "shape"_a, "wide"_a = false);
  m.def("empty_behind", &empty_behind, "ahead"_a, "shape"_a, "wide"_a = false);
  m.def("arena_use", [] {
    const ArenaUse use = arena_use();
    nb::dict found;
    found["in_use"] = use.in_use;
    found["idle"] = use.idle;
    found["taken"] = use.taken;
    found["fresh"] = use.fresh;
    return found;
  });
  m.def("arena_limit", [] { return arena_limit(); });
  m.def("set_arena_limit", [](std::size_t bytes) { arena_limit(bytes); }, "bytes"_a);
  m.def("release_arena", &arena_release, nb::call_guard<nb::gil_scoped_release>());
  m.def("fill_with_nan", &arena_fill_with_nan, "on"_a);
}

}  // namespace
}  // namespace mnemonist

NB_MODULE(_native, m) {
  m.doc() = "The compiled engine. mnemonist.engine.native.library says whether it can be used.";
  m.attr("__version__") = MNEMONIST_VERSION;
  m.def("best_isa", [] { return mnemonist::name_of(mnemonist::best_isa()); });
  m.def("has_isa", &mnemonist::has_isa, "name"_a);
  m.def("pool_threads", &mnemonist::pool_threads, nb::call_guard<nb::gil_scoped_release>());
  // programs and their plans are kept until the process ends, when nothing collects them any more
  nb::set_leak_warnings(false);
  mnemonist::bind_memory(m);
  mnemonist::bind_run(m);
  mnemonist::bind_stepper(m);
  mnemonist::bind_testing(m);

  // Before the interpreter goes; without the GIL, as a thread that runs a task may want it.
  m.def("_end_threads", &mnemonist::pool_shutdown, nb::call_guard<nb::gil_scoped_release>());
  nb::module_::import_("atexit").attr("register")(m.attr("_end_threads"));
}
