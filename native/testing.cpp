// mnemonist._native.testing: the kernels one by one, for tests and benchmarks. Arrays are taken as
// they are, with their strides; nothing else is checked than what keeps the process alive.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bind.hpp"
#include "kernels.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace mnemonist {
namespace {

using Array = nb::ndarray<nb::device::cpu>;

template <class R>
const Kernels<R>& kernels(const std::string& name) {
  if constexpr (sizeof(R) == sizeof(float))
    return kernels_f32(isa_of(name));
  else
    return kernels_f64(isa_of(name));
}

// Calls `go` with a number of the type that the arrays hold.
template <class Go>
auto by_type(const Array& array, Go&& go) {
  if (array.dtype() == nb::dtype<float>()) return go(float{});
  if (array.dtype() == nb::dtype<double>()) return go(double{});
  throw std::invalid_argument("arrays are of float32 or float64");
}

// A matrix whose columns lie side by side.
template <class R>
Operand<R> rows_of(const Array& array) {
  if (array.dtype() != nb::dtype<R>()) throw std::invalid_argument("arrays of different types");
  if (array.ndim() != 2 || (array.size() > 0 && array.shape(1) > 1 && array.stride(1) != 1))
    throw std::invalid_argument("a matrix of adjacent columns is needed");
  return {static_cast<R*>(array.data()), array.stride(0)};
}

void require(bool good, const char* what) {
  if (!good) throw std::invalid_argument(what);
}

std::tuple<int, int> widths(const std::string& isa, bool wide) {
  if (wide) return {kernels<double>(isa).lanes, kernels<double>(isa).tile};
  return {kernels<float>(isa).lanes, kernels<float>(isa).tile};
}

std::int64_t packed_size(const std::string& isa, const Array& w) {
  require(w.ndim() == 2, "a weight is a matrix");
  return by_type(
      w, [&](auto r) { return kernels<decltype(r)>(isa).packed_size(w.shape(0), w.shape(1)); });
}

void pack(const std::string& isa, const Array& w, const Array& packed) {
  require(static_cast<std::int64_t>(packed.size()) >= packed_size(isa, w), "packed is too small");
  by_type(w, [&](auto r) {
    using R = decltype(r);
    require(packed.dtype() == w.dtype(), "arrays of different types");
    kernels<R>(isa).pack(static_cast<R*>(w.data()), w.shape(0), w.shape(1), w.stride(0),
                         w.stride(1), static_cast<R*>(packed.data()));
  });
}

void gemm(const std::string& isa, const Array& a, const Array& packed, const Array& c,
          const std::optional<Array>& start, int repeats) {
  by_type(a, [&](auto r) {
    using R = decltype(r);
    const auto& table = kernels<R>(isa);
    const auto x = rows_of<R>(a), y = rows_of<R>(c);
    const std::int64_t m = a.shape(0), k = a.shape(1), n = c.shape(1);
    require(static_cast<std::int64_t>(c.shape(0)) == m, "other rows in c");
    require(packed.dtype() == a.dtype() &&
                static_cast<std::int64_t>(packed.size()) >= table.packed_size(n, k),
            "packed is of another size or type");
    Operand<R> from{nullptr, 0};
    if (start) {
      from = rows_of<R>(*start);
      require(static_cast<std::int64_t>(start->shape(1)) == n, "other columns in start");
      require(start->shape(0) == c.shape(0) || start->shape(0) == 1, "other rows in start");
      if (start->shape(0) == 1) from.stride = 0;
    }
    const nb::gil_scoped_release released;
    for (int i = 0; i < repeats; ++i)
      table.gemm(x.p, x.stride, static_cast<R*>(packed.data()), m, n, k, from.p, from.stride, y.p,
                 y.stride, nullptr);
  });
}

void gemm_tn(const std::string& isa, const Array& a, const Array& b, const Array& c,
             bool accumulate) {
  by_type(a, [&](auto r) {
    using R = decltype(r);
    const auto& table = kernels<R>(isa);
    const auto x = rows_of<R>(a), y = rows_of<R>(b), z = rows_of<R>(c);
    require(a.shape(0) == b.shape(0) && c.shape(0) == a.shape(1) && c.shape(1) == b.shape(1),
            "c is not as large as the product");
    static thread_local std::vector<R> scratch;
    const std::size_t needed = table.gemm_tn_scratch(c.shape(0), c.shape(1));
    if (scratch.size() < needed) scratch.resize(needed);
    const nb::gil_scoped_release released;
    table.gemm_tn(x.p, x.stride, y.p, y.stride, a.shape(0), c.shape(0), c.shape(1), z.p, z.stride,
                  accumulate, nullptr, scratch.data());
  });
}

using Code = std::tuple<int, int, int, int, int, int, int>;  // op, scalars, d, a, b, c, width

// An operand of one row serves all rows, but a destination.
void run(const std::string& isa, const std::vector<Code>& code, const std::vector<Array>& operands,
         std::int64_t rows, int repeats) {
  if (operands.empty()) return;
  std::vector<Instruction> instructions;
  const auto reaches = [&](int index, std::int64_t needed_rows, std::int64_t width) {
    require(index >= 0 && index < static_cast<int>(operands.size()), "no such operand");
    const Array& array = operands[index];
    require(array.ndim() == 2 && static_cast<std::int64_t>(array.shape(1)) >= width &&
                static_cast<std::int64_t>(array.shape(0)) >= needed_rows,
            "an operand is too small");
    return static_cast<std::uint16_t>(index);
  };
  for (const auto& [op, scalars, d, a, b, c, width] : code) {
    require(op >= 0 && op < op_count && width >= 0, "no such instruction");
    const Op o = static_cast<Op>(op);
    const int sources[3] = {a, b, c};
    Instruction i{o, static_cast<std::uint8_t>(scalars), 0, 0, 0, 0, width};
    i.d = reaches(d, o == Op::accumulate_rows ? 1 : rows, reduces(o) ? 1 : width);
    std::uint16_t* const index[3] = {&i.a, &i.b, &i.c};
    for (int q = 0; q < operands_of(o); ++q) {
      require(sources[q] >= 0 && sources[q] < static_cast<int>(operands.size()), "no such operand");
      const bool one = operands[sources[q]].ndim() == 2 && operands[sources[q]].shape(0) == 1;
      *index[q] = reaches(sources[q], one ? 1 : rows, scalars >> q & 1 ? 1 : width);
    }
    instructions.push_back(i);
  }
  by_type(operands[0], [&](auto r) {
    using R = decltype(r);
    const auto& table = kernels<R>(isa);
    std::vector<Operand<R>> at;
    for (const Array& array : operands) {
      at.push_back(rows_of<R>(array));
      if (array.shape(0) == 1) at.back().stride = 0;
    }
    const nb::gil_scoped_release released;
    for (int i = 0; i < repeats; ++i)
      table.run(instructions.data(), instructions.size(), at.data(), rows);
  });
}

}  // namespace

void bind_testing(nb::module_& parent) {
  nb::module_ m = parent.def_submodule("testing", "The kernels one by one, for tests.");
  m.def("widths", &widths, "isa"_a, "wide"_a, "Lanes of a vector and columns of a packed tile.");
  m.def("packed_size", &packed_size, "isa"_a, "w"_a);
  m.def("pack", &pack, "isa"_a, "w"_a, "packed"_a, "Packs w (n, k), of any strides.");
  m.def("gemm", &gemm, "isa"_a, "a"_a, "packed"_a, "c"_a, "start"_a = nb::none(), "repeats"_a = 1,
        "c (m, n) = start + a (m, k) times the transpose of what was packed.");
  m.def("gemm_tn", &gemm_tn, "isa"_a, "a"_a, "b"_a, "c"_a, "accumulate"_a = false,
        "c (m, n) (+)= the transpose of a (rows, m) times b (rows, n).");
  m.def("run", &run, "isa"_a, "code"_a, "operands"_a, "rows"_a, "repeats"_a = 1,
        "Instructions (op, scalars, d, a, b, c, width) over operands of `rows` rows or of one.");
}

}  // namespace mnemonist
