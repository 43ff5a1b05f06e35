#include "tensor.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
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
  std::shared_ptr<Block> block;
};

void give_back(DLManagedTensor* managed) { delete static_cast<Managed*>(managed); }

// Who takes the tensor out of the capsule renames it, and calls the deleter in its own time.
void drop_if_unused(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor")) {
    give_back(static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor")));
  }
}

std::size_t bytes_of(bool wide) { return wide ? 8 : 4; }

// How many elements there are; more than there can be is an error.
std::size_t count_of(const std::vector<std::int64_t>& shape, bool wide) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) throw nb::value_error("a negative size");
    if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / bytes_of(wide) / size) {
      throw std::bad_alloc();
    }
    count *= static_cast<std::size_t>(size);
  }
  return count;
}

nb::capsule capsule(const std::shared_ptr<Block>& block, std::size_t ahead,
                    const std::vector<std::int64_t>& shape, bool wide) {
  auto managed = std::make_unique<Managed>();
  managed->block = block;
  const std::size_t n = shape.size();
  managed->sizes.assign(2 * n, 1);
  std::copy(shape.begin(), shape.end(), managed->sizes.begin());
  for (std::size_t i = n; i-- > 1;) {
    managed->sizes[n + i - 1] = managed->sizes[n + i] * shape[i];
  }
  char* data = static_cast<char*>(block->data());
  managed->tensor = {data ? data + ahead * bytes_of(wide) : nullptr,
                     1,
                     0,
                     static_cast<std::int32_t>(n),
                     2,
                     static_cast<std::uint8_t>(8 * bytes_of(wide)),
                     1,
                     managed->sizes.data(),
                     managed->sizes.data() + n,
                     0};
  managed->deleter = give_back;
  PyObject* made =
      PyCapsule_New(static_cast<DLManagedTensor*>(managed.get()), "dltensor", drop_if_unused);
  if (!made) throw nb::python_error();
  managed.release();
  return nb::steal<nb::capsule>(made);
}

}  // namespace

nb::capsule empty_tensor(const std::vector<std::int64_t>& shape, bool wide) {
  const auto block = std::make_shared<Block>(count_of(shape, wide) * bytes_of(wide));
  return capsule(block, 0, shape, wide);
}

nb::tuple empty_behind(std::int64_t ahead, const std::vector<std::int64_t>& shape, bool wide) {
  const auto count = static_cast<std::int64_t>(count_of(shape, wide));
  const std::size_t all = count_of({ahead}, wide) + static_cast<std::size_t>(count);
  const auto block = std::make_shared<Block>(all * bytes_of(wide));
  return nb::make_tuple(capsule(block, 0, {static_cast<std::int64_t>(all)}, wide),
                        capsule(block, static_cast<std::size_t>(ahead), shape, wide));
}

}  // namespace mnemonist
