// One time step of a few rows, again and again: everything that a call of `run` finds out anew is
// found out once.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.hpp"
#include "plan.hpp"

namespace mnemonist {

// What weights are stored as.
enum class Precision { full, bf16, int8 };

// Runs the loop of a plan (there is nothing before or behind it) whose states have layout `rows`,
// so that a step finds them where it leaves them.
//
// Buffers of the layouts `steps` and `rows` belong to the caller: (rows, width) each, one behind
// another. Not for several threads at once.
class Stepper {
 public:
  virtual ~Stepper() = default;

  // Copies and packs the plan's constants: for each of its buffers of layout `vector` the address,
  // which is not used any more afterwards; null for the others.
  virtual void load(const std::vector<const void*>& constants) = 0;

  // Says where a buffer of the caller's lies, from now on.
  virtual void bind(std::int32_t buffer, void* data) = 0;

  // Whether the constants are loaded, and every buffer of the caller's that a step uses is bound.
  virtual bool ready() const = 0;

  // One step of a stepper that is ready.
  virtual void step() = 0;

  // Products of numbers in a step; how long it takes, about.
  virtual std::int64_t work() const = 0;

  // Bytes of packed weights.
  virtual std::int64_t weight_bytes() const = 0;
};

// Throws std::invalid_argument for a plan that is none of one step. (rows, width) of a buffer is
// then known not to overflow.
template <class R>
std::unique_ptr<Stepper> make_stepper(const Plan& plan, std::int64_t rows, Precision precision,
                                      Isa isa);

extern template std::unique_ptr<Stepper> make_stepper<float>(const Plan&, std::int64_t, Precision,
                                                             Isa);
extern template std::unique_ptr<Stepper> make_stepper<double>(const Plan&, std::int64_t, Precision,
                                                              Isa);

}  // namespace mnemonist
