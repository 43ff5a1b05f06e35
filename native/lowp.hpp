// Products with weights of 16 or 8 bits, for steps of a few rows: there every weight is read once
// for each row, so that its bytes are the time. Activations and results are float.
//
// - bfloat16: two weights share a 32-bit word. The one above is used with the one below still
//   behind it, as further bits of its fraction, and is rounded so that the whole word is nearest
//   to it: no more than half a unit of bfloat16 off, as the one below. Sums are float, in order.
// - int8: W(o, i) = s(o) q(o, i), |q| <= 127. Activations are rounded to 14 bits, of the largest in
//   their row, and go in two halves of 7 bits, whose sums are whole numbers and exact.
//
// A row that holds an infinite number or NaN gives NaN with int8. Weights must be finite.
#pragma once

#include <cstdint>

#include "kernels.hpp"

namespace mnemonist {

struct NarrowKernels {
  // Bytes of a packed weight (out, in), and the packing; `packed` is aligned to 64 bytes.
  std::int64_t (*packed_size)(std::int64_t out, std::int64_t in);
  void (*pack)(const float* w, std::int64_t out, std::int64_t in, std::int64_t stride_out,
               std::int64_t stride_in, void* packed);

  // Bytes that `gemm` writes for itself; `scratch` is aligned to 64 bytes.
  std::int64_t (*scratch_size)(std::int64_t m, std::int64_t k);

  // As Kernels::gemm.
  void (*gemm)(const float* a, std::int64_t lda, const void* packed, std::int64_t m, std::int64_t n,
               std::int64_t k, const float* start, std::int64_t start_stride, float* c,
               std::int64_t ldc, void* scratch);
};

// Deeper products than this may overflow with int8.
inline constexpr std::int64_t kDeepestInt8 = 1 << 16;

const NarrowKernels& kernels_bf16(Isa isa);
const NarrowKernels& kernels_int8(Isa isa);  // with VNNI where `isa` is avx512 and it is there

}  // namespace mnemonist
