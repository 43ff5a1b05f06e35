// What the bindings have in common.

#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "kernels.hpp"

namespace mnemonist {

void bind_run(nanobind::module_& m);      // bind_run.cpp
void bind_stepper(nanobind::module_& m);  // bind_stepper.cpp
void bind_testing(nanobind::module_& m);  // testing.cpp

// The instruction set of this name, the best there is if it is empty. Throws std::invalid_argument
// where this machine cannot run it.
Isa isa_of(const std::string& name);

}  // namespace mnemonist
