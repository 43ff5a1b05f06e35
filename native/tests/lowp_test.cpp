// Products with weights of few bits, on every instruction set of this machine: within the bounds
// that their rounding sets, and touching nothing but what they were given.
//
// Memory ends where a page ends whose successor cannot be read, and gaps between rows hold NaN.

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.hpp"
#include "lowp.hpp"

#if defined(__x86_64__)
namespace mnemonist::avx512 {
extern const NarrowKernels int8;
}
#endif

namespace {

using namespace mnemonist;

std::mt19937 generator(20261122);

std::int64_t draw(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(generator);
}

// `size` numbers, NaN, at the end of a page.
class Guarded {
 public:
  explicit Guarded(std::int64_t size) {
    const std::size_t page = sysconf(_SC_PAGESIZE), bytes = size * sizeof(float);
    const std::size_t inside = (bytes + page - 1) / page * page;
    mapped_ = inside + page;
    base_ = static_cast<char*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(base_ != MAP_FAILED);
    mprotect(base_ + inside, page, PROT_NONE);
    p_ = reinterpret_cast<float*>(base_ + inside - bytes);
    for (std::int64_t i = 0; i < size; ++i) p_[i] = std::numeric_limits<float>::quiet_NaN();
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(base_, mapped_); }
  float* data() { return p_; }

 private:
  char* base_;
  std::size_t mapped_;
  float* p_;
};

struct Case {
  std::int64_t m, n, k, lda, ldc, start_stride;
  bool started;
};

Case drawn() {
  Case c;
  c.m = draw(1, 9);
  c.n = draw(1, 200);
  c.k = draw(1, 150);
  c.lda = c.k + draw(0, 3);
  c.ldc = c.n + draw(0, 3);
  c.started = draw(0, 3) > 0;
  c.start_stride = draw(0, 1) ? c.n : 0;
  return c;
}

// Rows of numbers of many sizes, some of them zero.
void fill(float* p, std::int64_t rows, std::int64_t width, std::int64_t stride) {
  std::normal_distribution<float> normal;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < width; ++i)
      p[r * stride + i] = draw(0, 9) ? normal(generator) * std::pow(10.0f, draw(-3, 2)) : 0.0f;
}

std::int64_t extent(std::int64_t rows, std::int64_t width, std::int64_t stride) {
  return (rows - 1) * stride + width;
}

void test(const NarrowKernels& kernels, bool int8, const NarrowKernels* twin) {
  const Case c = drawn();
  std::vector<float> w(c.n * c.k);
  fill(w.data(), c.n, c.k, c.k);
  if (c.n > 2) std::memset(w.data() + c.k, 0, c.k * sizeof(float));
  const std::int64_t start_rows = c.start_stride ? c.m : 1;
  Guarded a(extent(c.m, c.k, c.lda)), start(extent(start_rows, c.n, c.n)),
      out(extent(c.m, c.n, c.ldc)), packed((kernels.packed_size(c.n, c.k) + 3) / 4),
      scratch((kernels.scratch_size(c.m, c.k) + 3) / 4);
  fill(a.data(), c.m, c.k, c.lda);
  fill(start.data(), start_rows, c.n, c.n);
  kernels.pack(w.data(), c.n, c.k, c.k, 1, packed.data());
  kernels.gemm(a.data(), c.lda, packed.data(), c.m, c.n, c.k, c.started ? start.data() : nullptr,
               c.start_stride, out.data(), c.ldc, scratch.data());
  for (std::int64_t r = 0; r < c.m; ++r) {
    const float* x = a.data() + r * c.lda;
    double most_x = 0;
    for (std::int64_t i = 0; i < c.k; ++i) most_x = std::fmax(most_x, std::fabs(x[i]));
    for (std::int64_t o = 0; o < c.n; ++o) {
      const double begin = c.started ? start.data()[r * c.start_stride + o] : 0.0;
      double exact = begin, size = std::fabs(begin), sum_x = 0, sum_w = 0, most_w = 0;
      for (std::int64_t i = 0; i < c.k; ++i) {
        const double v = w[o * c.k + i];
        exact += x[i] * v;
        size += std::fabs(x[i] * v);
        sum_x += std::fabs(x[i]);
        sum_w += std::fabs(v);
        most_w = std::fmax(most_w, std::fabs(v));
      }
      const double rounding = 1e-5 * size + 1e-25;
      const double allowed =
          int8 ? 0.51 * (most_w / 127 * sum_x + most_x / 8191 * (sum_w + c.k * most_w / 254))
               : size * 0x1.01p-8;
      CHECK(std::fabs(out.data()[r * c.ldc + o] - exact) <= allowed + rounding);
    }
    for (std::int64_t o = c.n; o < c.ldc && r + 1 < c.m; ++o)
      CHECK(std::isnan(out.data()[r * c.ldc + o]));
  }
  if (!twin) return;
  std::vector<float> same(extent(c.m, c.n, c.ldc), std::numeric_limits<float>::quiet_NaN());
  twin->gemm(a.data(), c.lda, packed.data(), c.m, c.n, c.k, c.started ? start.data() : nullptr,
             c.start_stride, same.data(), c.ldc, scratch.data());
  CHECK(std::memcmp(same.data(), out.data(), same.size() * sizeof(float)) == 0);
}

}  // namespace

int main() {
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!has(isa)) continue;
    const NarrowKernels* twin = nullptr;
#if defined(__x86_64__)
    if (isa == Isa::avx512) twin = &avx512::int8;  // without VNNI, the same bits
#endif
    for (int i = 0; i < 100; ++i) {
      test(kernels_bf16(isa), false, nullptr);
      test(kernels_int8(isa), true, twin);
    }
  }
  return 0;
}
