// AVX-512 with VNNI; empty where the compiler does not build for x86-64.
#if defined(__x86_64__)
#define ISA vnni
#define VNNI 1
#define VECTOR_BYTES 64
#include "lowp.inc"
#endif
