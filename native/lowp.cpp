// Which tables of lowp.hpp a machine can run.

#include "lowp.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace mnemonist {

#define TABLES(isa)                \
  namespace isa {                  \
  extern const NarrowKernels bf16; \
  extern const NarrowKernels int8; \
  }
TABLES(portable)
#if defined(__x86_64__)
TABLES(avx2)
TABLES(avx512)
TABLES(vnni)
#endif
#undef TABLES

#if defined(__x86_64__)
namespace {

// Where `has(Isa::avx512)` holds.
bool has_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __get_cpuid_count(7, 0, &a, &b, &c, &d);
  return c >> 11 & 1;
}

}  // namespace

const NarrowKernels& kernels_bf16(Isa isa) {
  return isa == Isa::avx512 ? avx512::bf16 : isa == Isa::avx2 ? avx2::bf16 : portable::bf16;
}

const NarrowKernels& kernels_int8(Isa isa) {
  static const bool there = has_vnni();
  if (isa == Isa::avx512) return there ? vnni::int8 : avx512::int8;
  return isa == Isa::avx2 ? avx2::int8 : portable::int8;
}
#else
const NarrowKernels& kernels_bf16(Isa) { return portable::bf16; }
const NarrowKernels& kernels_int8(Isa) { return portable::int8; }
#endif

}  // namespace mnemonist
