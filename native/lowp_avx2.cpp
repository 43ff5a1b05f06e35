// AVX2 and FMA; empty where the compiler does not build for x86-64.
#if defined(__x86_64__)
#define ISA avx2
#define VNNI 0
#define VECTOR_BYTES 32
#include "lowp.inc"
#endif
