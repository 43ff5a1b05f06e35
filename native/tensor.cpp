#include "tensor.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#include "arena.hpp"

namespace nb = nanobind;

namespace mnemonist {
namespace {

// DLPack 0.x, https://github.com/dmlc/dlpack: what a capsule named "dltensor" points to.
struct DLTensor {
  void* data;
  std::int32_t device_type;  // 1: the CPU
  std::int32_t device_id;
  std::int32_t ndim;
  std::uint8_t code;  // 2: floating point
  std::uint8_t bits;
  std::uint16_t lanes;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};

struct Managed : DLManagedTensor {
  std::vector<std::int64_t> sizes;  // the shape, then the strides
  Block block;
};

void give_back(DLManagedTensor* managed) { delete static_cast<Managed*>(managed); }

// Who takes the tensor out of the capsule renames it, and calls the deleter in its own time.
void drop_if_unused(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor")) {
    give_back(static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor")));
  }
}

}  // namespace

nb::capsule empty_tensor(const std::vector<std::int64_t>& shape, bool wide) {
  const std::size_t width = wide ? 8 : 4;
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw nb::value_error("a negative size");
    if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / width / size) {
      throw std::bad_alloc();
    }
    count *= static_cast<std::size_t>(size);
  }
  auto* managed = new Managed{};
  try {
    managed->block = Block(count * width);
    const std::size_t n = shape.size();
    managed->sizes.assign(2 * n, 1);
    std::copy(shape.begin(), shape.end(), managed->sizes.begin());
    for (std::size_t i = n; i-- > 1;) {
      managed->sizes[n + i - 1] = managed->sizes[n + i] * shape[i];
    }
    managed->tensor = {managed->block.data(),
                       1,
                       0,
                       static_cast<std::int32_t>(n),
                       2,
                       static_cast<std::uint8_t>(8 * width),
                       1,
                       managed->sizes.data(),
                       managed->sizes.data() + n,
                       0};
    managed->deleter = give_back;
    PyObject* capsule =
        PyCapsule_New(static_cast<DLManagedTensor*>(managed), "dltensor", drop_if_unused);
    if (!capsule) throw nb::python_error();
    return nb::steal<nb::capsule>(capsule);
  } catch (...) {
    delete managed;
    throw;
  }
}

}  // namespace mnemonist
