// Which table of kernels a machine can run.
#include <cstring>

#include "kernels.hpp"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace mnemonist {

#define TABLES(isa)                 \
  namespace isa {                   \
  extern const Kernels<float> f32;  \
  extern const Kernels<double> f64; \
  }
TABLES(portable)
#if defined(__x86_64__)
TABLES(avx2)
TABLES(avx512)
#endif
#undef TABLES

namespace {

constexpr Isa kAll[] = {Isa::portable, Isa::avx2, Isa::avx512};
constexpr const char* kNames[] = {"portable", "avx2", "avx512"};

#if defined(__x86_64__)
struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf) {
  Registers r;
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
  return r;
}

constexpr unsigned bit(int n) { return 1u << n; }
constexpr bool all_of(unsigned set, unsigned bits) { return (set & bits) == bits; }

// The parts of a thread's state that the operating system keeps when it switches threads.
unsigned kept_state() {
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

Isa find_best() {
  const Registers first = cpuid(1), extended = cpuid(7);
  constexpr unsigned fma = bit(12), osxsave = bit(27), avx = bit(28);
  if (!all_of(first.c, fma | osxsave | avx)) return Isa::portable;
  const unsigned kept = kept_state();
  constexpr unsigned ymm = bit(1) | bit(2), zmm = ymm | bit(5) | bit(6) | bit(7);
  constexpr unsigned avx2 = bit(5), f = bit(16), dq = bit(17), bw = bit(30), vl = bit(31);
  if (!all_of(kept, ymm) || !all_of(extended.b, avx2)) return Isa::portable;
  if (!all_of(kept, zmm) || !all_of(extended.b, f | dq | bw | vl)) return Isa::avx2;
  return Isa::avx512;
}
#else
Isa find_best() { return Isa::portable; }
#endif

}  // namespace

Isa best_isa() {
  static const Isa best = find_best();
  return best;
}

// What runs a wider set runs the narrower ones.
bool has(Isa isa) { return isa <= best_isa(); }

const char* name_of(Isa isa) { return kNames[static_cast<int>(isa)]; }

bool isa_named(const char* name, Isa& isa) {
  for (Isa candidate : kAll)
    if (std::strcmp(name, name_of(candidate)) == 0) {
      isa = candidate;
      return true;
    }
  return false;
}

#if defined(__x86_64__)
#define TABLE(isa, type) \
  (isa == Isa::avx512 ? avx512::type : isa == Isa::avx2 ? avx2::type : portable::type)
#else
#define TABLE(isa, type) ((void)isa, portable::type)
#endif

const Kernels<float>& kernels_f32(Isa isa) { return TABLE(isa, f32); }
const Kernels<double>& kernels_f64(Isa isa) { return TABLE(isa, f64); }

}  // namespace mnemonist
