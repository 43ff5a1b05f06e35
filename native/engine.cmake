# The engine without Python: a static library that the module and the stand-alone tests link.
# Every file is named here, and nowhere else.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
if(MSVC)
  message(FATAL_ERROR "mnemonist's kernels use the vector extensions of GCC and Clang: "
                      "set CXX to one of them (clang-cl will not do)")
endif()

set(ENGINE_SOURCES
    arena.cpp
    call.cpp
    dispatch.cpp
    lowp.cpp
    plan.cpp
    pool.cpp
    run.cpp
    stepper.cpp)

# Compiled once for each width of vectors; dispatch.cpp picks one when the program runs.
set(KERNELS_PORTABLE kernels_portable.cpp lowp_portable.cpp)
set(KERNELS_AVX2 kernels_avx2.cpp lowp_avx2.cpp)
set(KERNELS_AVX512 kernels_avx512.cpp lowp_avx512.cpp lowp_vnni.cpp)

include(CheckCXXSourceCompiles)
check_cxx_source_compiles("
  #if !defined(__x86_64__)
  #error another architecture
  #endif
  int main() {}" MNEMONIST_X86_64)

find_package(Threads REQUIRED)

# add_engine(NAME [OPTIONS...]): the library; OPTIONS go to its compiler and to what links it.
set(ENGINE_DIR "${CMAKE_CURRENT_LIST_DIR}")
function(add_engine name)
  set(sources ${ENGINE_SOURCES} ${KERNELS_PORTABLE})
  if(MNEMONIST_X86_64)
    list(APPEND sources ${KERNELS_AVX2} ${KERNELS_AVX512})
  endif()
  list(TRANSFORM sources PREPEND "${ENGINE_DIR}/")
  add_library(${name} STATIC ${sources})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_include_directories(${name} PUBLIC "${ENGINE_DIR}")
  target_compile_options(${name} PRIVATE -Wall -Wextra)
  target_compile_options(${name} PUBLIC ${ARGN})
  target_link_options(${name} PUBLIC ${ARGN})
  target_link_libraries(${name} PUBLIC Threads::Threads)
  set_target_properties(
    ${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                       VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# Properties of files, so that whoever compiles them gives them the same instructions.
function(kernel_options)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "" "FILES;OPTIONS")
  foreach(file ${ARG_FILES})
    set_source_files_properties("${ENGINE_DIR}/${file}" PROPERTIES COMPILE_OPTIONS
                                                                   "${ARG_OPTIONS}")
  endforeach()
endfunction()
# A product and a sum become one operation where the source says so, and nowhere else: the same
# element then has the same bits in blocks of any size.
set(KERNEL_OPTIONS -ffp-contract=off -fno-math-errno)
kernel_options(FILES ${KERNELS_PORTABLE} OPTIONS ${KERNEL_OPTIONS})
kernel_options(FILES ${KERNELS_AVX2} OPTIONS ${KERNEL_OPTIONS} -mavx2 -mfma)
kernel_options(FILES ${KERNELS_AVX512} OPTIONS ${KERNEL_OPTIONS} -mavx512f -mavx512bw -mavx512dq
               -mavx512vl -mfma -mprefer-vector-width=512)
