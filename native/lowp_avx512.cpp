// AVX-512 (F, BW, DQ, VL); empty where the compiler does not build for x86-64.
#if defined(__x86_64__)
#define ISA avx512
#define VNNI 0
#define VECTOR_BYTES 64
#include "lowp.inc"
#endif
