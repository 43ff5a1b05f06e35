// Python's way to the stepper.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bind.hpp"
#include "stepper.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace mnemonist {
namespace {

// Products of numbers in a step from which other Python threads may run meanwhile: about 20 us.
constexpr std::int64_t kLongStep = 1 << 18;

// A stepper that knows where its input and output were at the step before.
class BoundStepper {
 public:
  BoundStepper(const Plan& plan, bool wide, std::int64_t rows, const std::string& precision,
               const std::string& isa, std::int32_t x, std::int32_t output)
      : x_(x), output_(output) {
    const Precision kind = precision_of(precision);
    stepper_ = wide ? make_stepper<double>(plan, rows, kind, isa_of(isa))
                    : make_stepper<float>(plan, rows, kind, isa_of(isa));
    long_ = stepper_->work() >= kLongStep;
    for (const Buffer& b : plan.buffers)
      needed_.push_back(Plan::rows_of(b.layout, rows, rows) * b.width);
  }

  void load(const std::vector<std::uintptr_t>& constants, const std::vector<std::int64_t>& sizes) {
    const Use use(busy_);
    if (constants.size() != needed_.size() || sizes.size() != needed_.size())
      throw std::invalid_argument(
          "an address and a size for each of the plan's buffers are needed");
    std::vector<const void*> found;
    for (std::size_t i = 0; i < constants.size(); ++i) {
      if (constants[i]) check(i, sizes[i]);
      found.push_back(reinterpret_cast<const void*>(constants[i]));
    }
    stepper_->load(found);
  }

  void bind(std::int32_t buffer, std::uintptr_t address, std::int64_t size) {
    const Use use(busy_);
    if (buffer >= 0 && buffer < static_cast<std::int32_t>(needed_.size())) check(buffer, size);
    stepper_->bind(buffer, reinterpret_cast<void*>(address));
  }

  void step(std::uintptr_t x, std::uintptr_t output) {
    const Use use(busy_);
    if (x != x_at_) move(x_, x_at_ = x);
    if (output != output_at_) move(output_, output_at_ = output);
    if (!ready_ && !(ready_ = stepper_->ready()))
      throw std::runtime_error("a Stepper steps when it is loaded and its buffers are bound");
    if (long_) {
      const nb::gil_scoped_release released;
      stepper_->step();
    } else {
      stepper_->step();
    }
  }

  std::int64_t weight_bytes() const { return stepper_->weight_bytes(); }

 private:
  // A step that another thread begins while one runs is an error rather than a mixture of both.
  class Use {
   public:
    explicit Use(std::atomic_flag& busy) : busy_(busy) {
      if (busy_.test_and_set(std::memory_order_acquire))
        throw std::runtime_error("a Stepper runs one step at a time: give each thread its own");
    }
    ~Use() { busy_.clear(std::memory_order_release); }

   private:
    std::atomic_flag& busy_;
  };

  static Precision precision_of(const std::string& name) {
    if (name == "full") return Precision::full;
    if (name == "bfloat16") return Precision::bf16;
    if (name == "int8") return Precision::int8;
    throw std::invalid_argument("no precision " + name);
  }

  void move(std::int32_t buffer, std::uintptr_t address) {
    if (!address) throw std::invalid_argument("no address");
    if (buffer >= 0) stepper_->bind(buffer, reinterpret_cast<void*>(address));
  }

  void check(std::size_t buffer, std::int64_t size) const {
    if (size < needed_[buffer])
      throw std::invalid_argument("buffer " + std::to_string(buffer) + " needs " +
                                  std::to_string(needed_[buffer]) + " numbers and has " +
                                  std::to_string(size));
  }

  std::unique_ptr<Stepper> stepper_;
  std::vector<std::int64_t> needed_;  // numbers, by buffer
  std::int32_t x_, output_;           // buffers; -1: the plan has none
  std::uintptr_t x_at_ = 0, output_at_ = 0;
  bool long_ = false, ready_ = false;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace

void bind_stepper(nb::module_& m) {
  nb::class_<BoundStepper>(m, "Stepper", "A plan of one step, packed and resolved.")
      .def(nb::init<const Plan&, bool, std::int64_t, const std::string&, const std::string&,
                    std::int32_t, std::int32_t>(),
           "plan"_a, "wide"_a, "rows"_a, "precision"_a, "isa"_a, "x"_a, "output"_a)
      .def("load", &BoundStepper::load, "constants"_a, "sizes"_a)
      .def("bind", &BoundStepper::bind, "buffer"_a, "address"_a, "size"_a)
      .def("step", &BoundStepper::step, "x"_a, "output"_a)
      .def_prop_ro("weight_bytes", &BoundStepper::weight_bytes);
}

}  // namespace mnemonist
