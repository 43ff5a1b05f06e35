// What the tests have in common.

#pragma once

#include <cstdio>
#include <cstdlib>

// Says what is wrong and ends the test. From any thread, and also in a forked child.
#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::_Exit(1);                                                               \
    }                                                                              \
  } while (false)
