#include "arena.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#define MNEMONIST_POSIX 1
#endif

#if defined(__SANITIZE_ADDRESS__)
#define MNEMONIST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MNEMONIST_ASAN 1
#endif
#endif
#if defined(MNEMONIST_ASAN)
#include <sanitizer/asan_interface.h>
#define HIDE(from, bytes) __asan_poison_memory_region(from, bytes)
#define SHOW(from, bytes) __asan_unpoison_memory_region(from, bytes)
#else
#define HIDE(from, bytes) static_cast<void>(from), static_cast<void>(bytes)
#define SHOW(from, bytes) static_cast<void>(from), static_cast<void>(bytes)
#endif

namespace mnemonist {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kSmallest = 1024;
constexpr std::size_t kHugePage = 2 * kMiB;
// From here on blocks are mapped by themselves. Smaller ones come from malloc, which keeps them.
constexpr std::size_t kMapped = kMiB;
// From here on huge pages are asked for: one fault for 2 MiB in place of 512.
constexpr std::size_t kHuge = 4 * kMiB;

// What stands before a block's data.
struct alignas(64) Header {
  std::size_t bytes;  // of the whole block, this header included
  int size_class;
  std::uint64_t given;  // when it was given back, in counts of giving
  void* data() { return this + 1; }
  static Header* of(void* data) { return static_cast<Header*>(data) - 1; }
};
static_assert(sizeof(Header) == 64);

// Sizes of blocks: 4, 5, 6, 7 times a power of two, so that at most a fifth of a block is unused.
constexpr int kClasses = 4 * 40;
constexpr std::size_t kUnit = kSmallest / 4;
int class_of(std::size_t bytes) {
  const std::size_t units = (bytes - 1) / kUnit;  // one less than are needed
  if (units < 4) return 0;
  const int power = std::bit_width(units) - 3;
  return 4 * power + static_cast<int>((units >> power) & 3) + 1;
}
constexpr std::size_t class_bytes(int size_class) {
  return kUnit * static_cast<std::size_t>(4 + size_class % 4) << (size_class / 4);
}

void* from_system(std::size_t bytes) {
#if defined(MNEMONIST_POSIX)
  if (bytes >= kMapped) {
    const std::size_t spare = bytes >= kHuge ? kHugePage : 0;
    void* found =
        mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) return nullptr;
    if (spare == 0) return found;
    // The part that begins and ends on a huge page's bounds; what is before and behind goes back.
    char* const begin = static_cast<char*>(found);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(begin)) % kHugePage;
    if (before > 0) munmap(begin, before);
    if (before < spare) munmap(begin + before + bytes, spare - before);
#if defined(MADV_HUGEPAGE)
    madvise(begin + before, bytes, MADV_HUGEPAGE);
#endif
    return begin + before;
  }
#endif
  return std::aligned_alloc(64, bytes);
}

void to_system(Header* block) {
  SHOW(block, sizeof(Header));
  SHOW(block, block->bytes);
#if defined(MNEMONIST_POSIX)
  if (block->bytes >= kMapped) {
    munmap(block, block->bytes);
    return;
  }
#endif
  std::free(block);
}

std::size_t default_limit() {
  if (const char* text = std::getenv("MNEMONIST_ARENA_MB")) {
    char* end = nullptr;
    const double megabytes = std::strtod(text, &end);
    if (end != text && megabytes >= 0 && megabytes < 1e9) {
      return static_cast<std::size_t>(megabytes * static_cast<double>(kMiB));
    }
  }
#if defined(MNEMONIST_POSIX) && defined(_SC_PHYS_PAGES)
  const auto pages = static_cast<std::size_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  const auto page = static_cast<std::size_t>(std::max(0L, sysconf(_SC_PAGESIZE)));
  return std::clamp(pages * page / 8, 64 * kMiB, 4096 * kMiB);
#else
  return 512 * kMiB;
#endif
}

class Arena {
 public:
  // Never destroyed: tensors over its blocks may outlive everything static.
  static Arena& get() {
    static Arena* const arena = new Arena;
    return *arena;
  }

  void* take(std::size_t bytes);
  void give(Header* block);
  ArenaUse use();
  void release();
  void limit(std::size_t bytes);
  std::size_t limit();
  void fill_with_nan(bool on);

 private:
  Arena();
  Header* idle_block(int size_class);
  void shrink(std::size_t limit);

  std::mutex mutex_;
  std::size_t limit_ = default_limit();
  ArenaUse use_{};
  std::uint64_t clock_ = 0;
  bool fill_ = false;
  // The latest last: it is taken first, as its data may still be in a cache.
  std::array<std::vector<Header*>, kClasses> idle_;
};

Arena::Arena() {
#if defined(MNEMONIST_POSIX)
  pthread_atfork([] { get().mutex_.lock(); }, [] { get().mutex_.unlock(); },
                 [] { get().mutex_.unlock(); });
#endif
}

// An idle block of this size or of the next.
Header* Arena::idle_block(int size_class) {
  for (int c = size_class; c < std::min(size_class + 2, kClasses); ++c) {
    if (idle_[c].empty()) continue;
    Header* block = idle_[c].back();
    idle_[c].pop_back();
    SHOW(block, sizeof(Header));
    use_.idle -= block->bytes;
    return block;
  }
  return nullptr;
}

void* Arena::take(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > class_bytes(kClasses - 1) - sizeof(Header)) throw std::bad_alloc();
  const int size_class = class_of(bytes + sizeof(Header));
  const std::size_t whole = class_bytes(size_class);
  Header* block = nullptr;
  bool fill = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    block = idle_block(size_class);
    use_.in_use += block ? block->bytes : whole;
    use_.fresh += !block;
    ++use_.taken;
    fill = fill_;
  }
  if (!block) {
    void* found = from_system(whole);
    if (!found) {
      release();
      found = from_system(whole);
    }
    if (!found) {
      std::lock_guard<std::mutex> lock(mutex_);
      use_.in_use -= whole;
      throw std::bad_alloc();
    }
    block = new (found) Header{whole, size_class, 0};
  }
  char* const end = reinterpret_cast<char*>(block) + block->bytes;
  SHOW(block->data(), block->bytes - sizeof(Header));
  // All bits set is a NaN in either precision.
  if (fill) std::memset(block->data(), 0xFF, block->bytes - sizeof(Header));
  char* const used = static_cast<char*>(block->data()) + bytes;
  HIDE(used, static_cast<std::size_t>(end - used));
  HIDE(block, sizeof(Header));
  return block + 1;
}

void Arena::give(Header* block) {
  SHOW(block, sizeof(Header));
  SHOW(block, block->bytes);
  std::lock_guard<std::mutex> lock(mutex_);
  const std::size_t bytes = block->bytes;
  use_.in_use -= bytes;
  if (bytes > limit_) {
    to_system(block);
    return;
  }
  shrink(limit_ - bytes);
  block->given = ++clock_;
  try {
    idle_[block->size_class].push_back(block);
  } catch (const std::bad_alloc&) {
    to_system(block);
    return;
  }
  use_.idle += bytes;
  HIDE(block, bytes);
}

// Gives idle blocks back, the longest idle first, until at most `limit` bytes are left.
void Arena::shrink(std::size_t limit) {
  while (use_.idle > limit) {
    std::vector<Header*>* oldest = nullptr;
    std::uint64_t given = 0;
    for (auto& blocks : idle_) {
      if (blocks.empty()) continue;
      SHOW(blocks.front(), sizeof(Header));
      if (!oldest || blocks.front()->given < given) {
        oldest = &blocks;
        given = blocks.front()->given;
      }
    }
    Header* block = oldest->front();
    oldest->erase(oldest->begin());
    use_.idle -= block->bytes;  // its header was shown above
    to_system(block);
  }
}

ArenaUse Arena::use() {
  std::lock_guard<std::mutex> lock(mutex_);
  return use_;
}

void Arena::release() {
  std::lock_guard<std::mutex> lock(mutex_);
  shrink(0);
}

void Arena::limit(std::size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  limit_ = bytes;
  shrink(limit_);
}

std::size_t Arena::limit() {
  std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

void Arena::fill_with_nan(bool on) {
  std::lock_guard<std::mutex> lock(mutex_);
  fill_ = on;
}

}  // namespace

void* arena_take(std::size_t bytes) { return Arena::get().take(bytes); }

void arena_give(void* data) noexcept {
  if (!data) return;
  Header* block = Header::of(data);
  Arena::get().give(block);
}

ArenaUse arena_use() { return Arena::get().use(); }
void arena_release() { Arena::get().release(); }
void arena_limit(std::size_t bytes) { Arena::get().limit(bytes); }
std::size_t arena_limit() { return Arena::get().limit(); }
void arena_fill_with_nan(bool on) { Arena::get().fill_with_nan(on); }

}  // namespace mnemonist
