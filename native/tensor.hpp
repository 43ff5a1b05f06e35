// Memory of the arena as a tensor.

#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <vector>

namespace mnemonist {

// A DLPack capsule over an uninitialised block of the arena, contiguous, float64 if `wide` and else
// float32. The block goes back when the tensor that is made of the capsule dies, on any thread and
// without the GIL.
nanobind::capsule empty_tensor(const std::vector<std::int64_t>& shape, bool wide);

// Two of them over one block: all of it as a vector, and the tensor that begins behind its first
// `ahead` elements. To torch they are apart: none is a view of the other.
nanobind::tuple empty_behind(std::int64_t ahead, const std::vector<std::int64_t>& shape, bool wide);

}  // namespace mnemonist
