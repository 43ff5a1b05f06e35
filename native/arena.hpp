// Big buffers that are kept and given out again.
//
// The system hands out zeroed pages, one fault for each 4 KiB of them, and takes them back when
// they are freed: at the sizes of a training step that costs as much as the arithmetic. Blocks of
// the arena go back to the arena, and the next call finds their pages in place.
//
// What lies idle is bounded: by MNEMONIST_ARENA_MB, or an eighth of the machine's memory (at most
// 4 GiB). Beyond it, the block that has lain idle longest goes back to the system. What is in use
// is not bounded. Everything here may be called from any thread, and in a child after fork().

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace mnemonist {

// At least `bytes` bytes at a multiple of 64, contents undefined; for 0 bytes, null. Throws
// std::bad_alloc.
void* arena_take(std::size_t bytes);

// Gives back what arena_take gave; null is allowed.
void arena_give(void* data) noexcept;

struct ArenaUse {
  std::size_t in_use;   // bytes that were taken and not given back, in whole blocks
  std::size_t idle;     // bytes that wait to be taken again
  std::uint64_t taken;  // blocks taken so far
  std::uint64_t fresh;  // how many of them came from the system
};
ArenaUse arena_use();

// Gives everything idle back to the system.
void arena_release();

// From now on at most `bytes` lie idle.
void arena_limit(std::size_t bytes);
std::size_t arena_limit();

// For tests: from now on blocks come filled with NaN.
void arena_fill_with_nan(bool on);

// A block of the arena that goes back by itself.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t bytes) : data_(arena_take(bytes)) {}
  Block(Block&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Block() { arena_give(data_); }

  void* data() const { return data_; }
  // Leaves the block to the caller, who has to arena_give it.
  void* detach() { return std::exchange(data_, nullptr); }

 private:
  void* data_ = nullptr;
};

}  // namespace mnemonist
