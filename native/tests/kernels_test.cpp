// The kernels against plain loops in long double, on every instruction set of this machine.
//
// What a kernel may touch lies at the very end of a page whose successor cannot be read, or at the
// very beginning of one whose predecessor cannot: an access outside ends the program. Gaps between
// rows hold NaN, and must hold it still when a kernel returns.

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels.hpp"

namespace {

using namespace mnemonist;

int failures = 0;

void check(bool good, const std::string& what) {
  if (!good && ++failures <= 20) std::printf("FAILED %s\n", what.c_str());
}

std::mt19937 generator(20260722);

std::int64_t draw(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(generator);
}

// `size` numbers between two pages that cannot be touched, at the end of theirs or the beginning.
template <class R>
class Guarded {
 public:
  explicit Guarded(std::int64_t size) : size_(size) {
    const std::size_t page = sysconf(_SC_PAGESIZE);
    const std::size_t bytes = size * sizeof(R);
    const std::size_t inside = (bytes + page - 1) / page * page;
    mapped_ = inside + 2 * page;
    base_ = static_cast<char*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) std::abort();
    mprotect(base_, page, PROT_NONE);
    mprotect(base_ + page + inside, page, PROT_NONE);
    const bool at_end = draw(0, 1);
    p_ = reinterpret_cast<R*>(base_ + page + (at_end ? inside - bytes : 0));
    for (std::int64_t i = 0; i < size; ++i) p_[i] = std::numeric_limits<R>::quiet_NaN();
  }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(base_, mapped_); }
  R* data() { return p_; }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t size_;
  std::size_t mapped_;
  char* base_;
  R* p_;
};

// Rows of `width` numbers, `stride` apart, NaN between them, guarded on both sides.
template <class R>
class Rows {
 public:
  Rows(std::int64_t rows, std::int64_t width, double low = -1, double high = 1)
      : rows(rows),
        width(width),
        stride(width + (draw(0, 1) ? draw(0, 9) : 0)),
        memory_(rows > 0 ? (rows - 1) * stride + width : 0) {
    std::uniform_real_distribution<double> number(low, high);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < width; ++i) (*this)(r, i) = static_cast<R>(number(generator));
  }
  R& operator()(std::int64_t r, std::int64_t i) { return memory_.data()[r * stride + i]; }
  R* data() { return memory_.data(); }
  std::vector<R> values() {
    std::vector<R> all;
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < width; ++i) all.push_back((*this)(r, i));
    return all;
  }
  void assign(const std::vector<R>& values) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < width; ++i) (*this)(r, i) = values[r * width + i];
  }
  bool gaps_untouched() {
    for (std::int64_t r = 0; r + 1 < rows; ++r)
      for (std::int64_t i = width; i < stride; ++i)
        if (!std::isnan((*this)(r, i))) return false;
    return true;
  }

  const std::int64_t rows, width, stride;

 private:
  Guarded<R> memory_;
};

template <class R>
bool same_bits(const std::vector<R>& a, const std::vector<R>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(R)) == 0);
}

std::string sizes(const char* what, const char* isa, std::size_t bytes, std::int64_t m,
                  std::int64_t n, std::int64_t k) {
  return std::string(what) + " " + isa + " " + std::to_string(bytes * 8) + " bits, m " +
         std::to_string(m) + " n " + std::to_string(n) + " k " + std::to_string(k);
}

// A sum of k products of random numbers below 1 is hardly ever wrong by this.
template <class R>
double allowed(std::int64_t k) {
  return std::numeric_limits<R>::epsilon() * (2.0 + k);
}

template <class R>
void test_gemm(const Kernels<R>& kernels, const char* isa, std::int64_t m, std::int64_t n,
               std::int64_t k) {
  const std::string what = sizes("gemm", isa, sizeof(R), m, n, k);
  Rows<R> a(m, k), w(n, k), c(m, n);
  Guarded<R> packed(kernels.packed_size(n, k));
  Guarded<R> turned(packed.size());
  kernels.pack(w.data(), n, k, w.stride, 1, packed.data());
  std::vector<R> wt;
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t o = 0; o < n; ++o) wt.push_back(w(o, i));
  kernels.pack(wt.data(), n, k, 1, n, turned.data());
  check(packed.size() == 0 ||
            std::memcmp(packed.data(), turned.data(), packed.size() * sizeof(R)) == 0,
        what + ": packed otherwise from the transpose");

  const int kind = static_cast<int>(draw(0, 3));  // no start, a vector, a matrix, c itself
  Rows<R> start(kind == 1 ? 1 : m, n);
  R* from = kind == 0 ? nullptr : kind == 3 ? c.data() : start.data();
  const std::int64_t from_stride = kind == 1 ? 0 : kind == 3 ? c.stride : start.stride;
  const std::vector<R> before = c.values();
  kernels.gemm(a.data(), a.stride, packed.data(), m, n, k, from, from_stride, c.data(), c.stride,
               nullptr);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      long double sum = 0;
      if (kind == 1) sum = start(0, j);
      if (kind == 2) sum = start(i, j);
      if (kind == 3) sum = before[i * n + j];
      for (std::int64_t q = 0; q < k; ++q) sum += (long double)a(i, q) * w(j, q);
      check(std::fabs(c(i, j) - (double)sum) <= allowed<R>(k), what + ": a wrong element");
    }
  check(c.gaps_untouched(), what + ": wrote between rows");

  // Rows one by one, and in two parts, give the same bits.
  const std::vector<R> whole = c.values();
  for (const std::int64_t step : {std::int64_t{1}, m / 2 + 1}) {
    c.assign(before);
    for (std::int64_t i = 0; i < m; i += step)
      kernels.gemm(a.data() + i * a.stride, a.stride, packed.data(), std::min(step, m - i), n, k,
                   from ? from + i * from_stride : nullptr, from_stride, c.data() + i * c.stride,
                   c.stride, nullptr);
    check(same_bits(whole, c.values()), what + ": other bits row by row");
  }
}

template <class R>
void test_gemm_tn(const Kernels<R>& kernels, const char* isa, std::int64_t rows, std::int64_t m,
                  std::int64_t n) {
  const std::string what = sizes("gemm_tn (k: rows)", isa, sizeof(R), m, n, rows);
  Rows<R> a(rows, m), b(rows, n), c(m, n);
  const std::vector<R> before = c.values();
  Rows<R> sums(1, m);
  const std::vector<R> sums_before = sums.values();
  Guarded<R> scratch(kernels.gemm_tn_scratch(m, n));
  const auto product = [&](bool accumulate) {
    c.assign(before);
    sums.assign(sums_before);
    kernels.gemm_tn(a.data(), a.stride, b.data(), b.stride, rows, m, n, c.data(), c.stride,
                    accumulate, sums.data(), scratch.data());
    check(c.gaps_untouched() && sums.gaps_untouched(), what + ": wrote between rows");
    return c.values();
  };
  for (const bool accumulate : {false, true}) {
    const std::vector<R> found = product(accumulate);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        long double sum = accumulate ? before[i * n + j] : 0;
        for (std::int64_t r = 0; r < rows; ++r) sum += (long double)a(r, i) * b(r, j);
        check(std::fabs(found[i * n + j] - (double)sum) <= allowed<R>(rows),
              what + ": a wrong element");
      }
    for (std::int64_t i = 0; i < m; ++i) {
      long double sum = accumulate ? sums_before[i] : 0;
      for (std::int64_t r = 0; r < rows; ++r) sum += a(r, i);
      check(std::fabs(sums(0, i) - (double)sum) <= allowed<R>(rows), what + ": a wrong sum");
    }
  }
  // The split of m and n does not matter for the bits.
  const std::vector<R> whole = product(true), sums_whole = sums.values();
  sums.assign(sums_before);
  const std::int64_t i = m / 2, j = n / 2;
  c.assign(before);
  for (int part = 0; part < 4; ++part) {
    const std::int64_t i0 = part & 1 ? i : 0, i1 = part & 1 ? m : i;
    const std::int64_t j0 = part & 2 ? j : 0, j1 = part & 2 ? n : j;
    kernels.gemm_tn(a.data() + i0, a.stride, b.data() + j0, b.stride, rows, i1 - i0, j1 - j0,
                    c.data() + i0 * c.stride + j0, c.stride, true,
                    part & 2 ? nullptr : sums.data() + i0, scratch.data());
  }
  check(same_bits(whole, c.values()) && same_bits(sums_whole, sums.values()),
        what + ": other bits by parts");
}

// clang-format off
long double reference(Op op, long double a, long double b, long double c) {
  switch (op) {
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    case Op::div: return a / b;
    case Op::pow: return std::pow(a, b);
    case Op::max: return std::max(a, b);
    case Op::min: return std::min(a, b);
    case Op::neg: return -a;
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::tanh: return std::tanh(a);
    case Op::sigmoid: return 1 / (1 + std::exp(-a));
    case Op::softplus: return a > 20 ? a : std::log1p(std::exp(a));
    case Op::erf: return std::erf(a);
    case Op::sin: return std::sin(a);
    case Op::cos: return std::cos(a);
    case Op::abs: return std::fabs(a);
    case Op::sign: return (a > 0) - (a < 0);
    case Op::floor: return std::floor(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::rsqrt: return 1 / std::sqrt(a);
    case Op::gt: return a > b;
    case Op::ge: return a >= b;
    case Op::lt: return a < b;
    case Op::le: return a <= b;
    case Op::eq: return a == b;
    case Op::ne: return a != b;
    case Op::and_: return a != 0 && b != 0;
    case Op::or_: return a != 0 || b != 0;
    case Op::not_: return a == 0;
    case Op::where: return a != 0 ? b : c;
    case Op::fma: return a * b + c;
    case Op::fms: return a * b - c;
    case Op::fnma: return c - a * b;
    case Op::dtanh: return a * (1 - b * b);
    case Op::dsigmoid: return a * b * (1 - b);
    case Op::mul_dtanh: return a * b * (1 - c * c);
    case Op::mul_dsigmoid: return a * b * c * (1 - c);
    case Op::sub_mul: return (a - b) * c;
    case Op::mix: return a + c * (b - a);
    case Op::mul_tanh: return a * std::tanh(b);
    case Op::copy: return a;
    default: return 0;
  }
}
// clang-format on

// One instruction at random sizes, with numbers a row among its operands, into a place of its own
// or over one of its sources.
template <class R>
void test_elementwise(const Kernels<R>& kernels, const char* isa, Op op) {
  const std::int64_t rows = draw(0, 7), width = draw(0, 3) ? draw(0, 150) : draw(1, 3);
  const int count = operands_of(op);
  const std::string what =
      sizes(("op " + std::to_string(int(op))).c_str(), isa, sizeof(R), rows, width, count);
  const bool positive = op == Op::log || op == Op::sqrt || op == Op::rsqrt || op == Op::pow;
  Instruction code{op, 0, 0, 0, 0, 0, static_cast<std::int32_t>(width)};
  std::uint16_t* const index[3] = {&code.a, &code.b, &code.c};
  std::vector<Rows<R>*> made;
  std::vector<Operand<R>> operands;
  const auto make = [&](std::int64_t r, std::int64_t w) {
    made.push_back(new Rows<R>(r, w, positive ? 0.1 : -2, 2));
    operands.push_back({made.back()->data(), made.back()->stride});
    return static_cast<std::uint16_t>(operands.size() - 1);
  };
  std::vector<std::vector<R>> before;
  for (int q = 0; q < count; ++q) {
    const bool number = draw(0, 3) == 0, repeated = draw(0, 3) == 0;
    if (number) code.scalars |= 1 << q;
    *index[q] = make(repeated ? (rows ? 1 : 0) : rows, number ? 1 : width);
    if (repeated) operands.back().stride = 0;
  }
  const int over = static_cast<int>(draw(0, 3));  // in place of operand a, b or c
  const bool in_place = over < count && !(code.scalars >> over & 1) &&
                        operands[over].stride == made[over]->stride && width > 0;
  code.d = in_place ? *index[over] : make(rows, width);
  for (auto* m : made) before.push_back(m->values());

  kernels.run(&code, 1, operands.data(), rows);
  Rows<R>& d = *made[code.d];
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < width; ++i) {
      long double x[3]{};
      for (int q = 0; q < count; ++q) {
        const bool number = code.scalars >> q & 1;
        const std::int64_t w = made[*index[q]]->width;
        x[q] = before[*index[q]][(operands[*index[q]].stride ? r : 0) * w + (number ? 0 : i)];
      }
      const long double expected = reference(op, x[0], x[1], x[2]);
      const double products = std::fabs((double)(x[0] * x[1])) + std::fabs((double)(x[0] * x[2])) +
                              std::fabs((double)(x[1] * x[2]));
      const double scale = std::fabs((double)expected) + products + 1e-3;
      check(std::fabs(d(r, i) - (double)expected) <= 4 * std::numeric_limits<R>::epsilon() * scale,
            what + ": a wrong element");
    }
  for (std::size_t i = 0; i < made.size(); ++i) {
    check(made[i]->gaps_untouched(), what + ": wrote between rows");
    check(i == code.d || same_bits(before[i], made[i]->values()), what + ": changed a source");
  }
  for (auto* m : made) delete m;
}

template <class R>
void test_reductions(const Kernels<R>& kernels, const char* isa) {
  const std::int64_t rows = draw(0, 9), width = draw(0, 300);
  const std::string what = sizes("reduction", isa, sizeof(R), rows, width, 0);
  Rows<R> a(rows, width), sums(rows, 1), largest(rows, 1), d(1, width);
  const std::vector<R> before = d.values();
  const Operand<R> operands[] = {{a.data(), a.stride},
                                 {sums.data(), sums.stride},
                                 {largest.data(), largest.stride},
                                 {d.data(), d.stride}};
  const std::int32_t w = static_cast<std::int32_t>(width);
  const Instruction code[] = {{Op::sum, 0, 1, 0, 0, 0, w},
                              {Op::amax, 0, 2, 0, 0, 0, w},
                              {Op::accumulate_rows, 0, 3, 0, 0, 0, w}};
  kernels.run(code, 3, operands, rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    long double sum = 0;
    R most = -std::numeric_limits<R>::infinity();
    for (std::int64_t i = 0; i < width; ++i) {
      sum += a(r, i);
      most = std::max(most, a(r, i));
    }
    check(std::fabs(sums(r, 0) - (double)sum) <= allowed<R>(width), what + ": a wrong sum");
    check(largest(r, 0) == most, what + ": a wrong maximum");
    if (width > 0) {
      const R kept = a(r, width / 2);
      a(r, width / 2) = std::numeric_limits<R>::quiet_NaN();
      Rows<R> found(rows, 1);
      const Operand<R> again[] = {{a.data(), a.stride}, {found.data(), found.stride}};
      const Instruction amax{Op::amax, 0, 1, 0, 0, 0, w};
      kernels.run(&amax, 1, again, rows);
      check(std::isnan(found(r, 0)), what + ": the maximum of NaN");
      a(r, width / 2) = kept;
    }
  }
  for (std::int64_t i = 0; i < width; ++i) {
    long double sum = before[i];
    for (std::int64_t r = 0; r < rows; ++r) sum += a(r, i);
    check(std::fabs(d(0, i) - (double)sum) <= allowed<R>(rows), what + ": a wrong sum of rows");
  }
  check(sums.gaps_untouched() && largest.gaps_untouched(), what + ": wrote between rows");
}

// Sums over a row of two operands, and the gradient of a normalised row.
template <class R>
void test_rows_as_a_whole(const Kernels<R>& kernels, const char* isa) {
  const std::int64_t rows = draw(0, 9), width = draw(1, 300);
  const std::string what = sizes("row as a whole", isa, sizeof(R), rows, width, 0);
  const bool number = draw(0, 2) == 0;  // a number a row in place of b
  Rows<R> a(rows, width), b(rows, number ? 1 : width), c(rows, 1), d(rows, width);
  Rows<R> total(rows, 1), dot(rows, 1), spread(rows, 1);
  const Operand<R> operands[] = {{a.data(), a.stride},          {b.data(), b.stride},
                                 {c.data(), c.stride},          {d.data(), d.stride},
                                 {total.data(), total.stride},  {dot.data(), dot.stride},
                                 {spread.data(), spread.stride}};
  const std::int32_t w = static_cast<std::int32_t>(width);
  const std::uint8_t scalars = number ? 6 : 4;
  const Instruction code[] = {{Op::sum_times, 2, 4, 0, 2, 0, w},
                              {Op::dot_times, scalars, 5, 0, 1, 2, w},
                              {Op::spread_times, scalars, 6, 0, 1, 2, w},
                              {Op::dnormalised, scalars, 3, 0, 1, 2, w}};
  kernels.run(code, 4, operands, rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    long double sums[3]{};
    const auto y = [&](std::int64_t i) { return (long double)b(r, number ? 0 : i); };
    for (std::int64_t i = 0; i < width; ++i) {
      sums[0] += a(r, i);
      sums[1] += a(r, i) * y(i);
      sums[2] += (a(r, i) - y(i)) * (a(r, i) - y(i));
    }
    const R found[] = {total(r, 0), dot(r, 0), spread(r, 0)};
    for (int i = 0; i < 3; ++i)
      check(std::fabs(found[i] - (double)(sums[i] * c(r, 0))) <= 4 * allowed<R>(width),
            what + ": a wrong sum");
    for (std::int64_t i = 0; i < width; ++i) {
      const long double mean = sums[0] / width, along = sums[1] / width;
      const long double expected = c(r, 0) * (a(r, i) - mean - y(i) * along);
      check(std::fabs(d(r, i) - (double)expected) <= allowed<R>(width),
            what + ": a wrong gradient");
    }
  }
  check(d.gaps_untouched() && dot.gaps_untouched(), what + ": wrote between rows");
}

template <class R>
void test(const Kernels<R>& kernels, const char* isa) {
  for (int i = 0; i < 300; ++i) {
    const std::int64_t most = i % 10 ? 40 : 150;
    test_gemm(kernels, isa, draw(0, most), draw(0, 2 * most), draw(0, most));
  }
  for (std::int64_t m = 0; m <= 20; ++m) test_gemm(kernels, isa, m, 130, 33);
  for (int i = 0; i < 120; ++i)
    test_gemm_tn(kernels, isa, draw(0, i % 4 ? 60 : 700), draw(0, i % 3 ? 60 : 9),
                 draw(0, i % 5 ? 60 : 3));
  test_gemm_tn(kernels, isa, 300, 1, 1);
  test_gemm_tn(kernels, isa, 1, 400, 1);
  for (int op = 0; op <= static_cast<int>(Op::copy); ++op)
    for (int i = 0; i < 60; ++i) test_elementwise(kernels, isa, static_cast<Op>(op));
  for (int i = 0; i < 100; ++i) test_reductions(kernels, isa);
  for (int i = 0; i < 100; ++i) test_rows_as_a_whole(kernels, isa);
}

}  // namespace

int main() {
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!has(isa)) {
      std::printf("%s: not on this machine\n", name_of(isa));
      continue;
    }
    test(kernels_f32(isa), name_of(isa));
    test(kernels_f64(isa), name_of(isa));
    std::printf("%s: %d failures so far\n", name_of(isa), failures);
  }
  return failures != 0;
}
