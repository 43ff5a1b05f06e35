// mnemonist._native: what Python sees of the engine. Bindings only; the work is in the other files.

#include <nanobind/nanobind.h>

namespace nb = nanobind;

NB_MODULE(_native, m) {
  m.doc() = "The compiled engine. mnemonist.engine.native says whether it can be used.";
}
