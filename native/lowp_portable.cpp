// Any machine that the compiler knows: 16 bytes, which is SSE2 on x86-64 and NEON on ARM.
#define ISA portable
#define VNNI 0
#define VECTOR_BYTES 16
#include "lowp.inc"
