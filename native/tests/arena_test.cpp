// The arena: blocks that are big enough, aligned and nobody else's, kept up to a bound.

#include "arena.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"

using namespace mnemonist;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

void blocks_are_aligned_and_big_enough() {
  for (std::size_t bytes = 1; bytes < 40 * kMiB; bytes = bytes * 5 / 4 + 1) {
    Block block(bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % 64 == 0);
    std::memset(block.data(), 1, bytes);
    const std::size_t in_use = arena_use().in_use;
    CHECK(in_use >= bytes && in_use <= (bytes + 64) * 5 / 4 + 1024);
  }
  CHECK(arena_use().in_use == 0);
  CHECK(Block(0).data() == nullptr);
}

void a_block_that_comes_back_is_given_out_again() {
  arena_release();
  void* first = nullptr;
  {
    Block block(10 * kMiB);
    first = block.data();
  }
  const auto fresh = arena_use().fresh;
  Block again(10 * kMiB);
  Block smaller(9 * kMiB);
  CHECK(again.data() == first);
  CHECK(arena_use().fresh == fresh + 1);
}

void what_lies_idle_is_bounded() {
  const std::size_t before = arena_limit();
  arena_limit(20 * kMiB);
  for (int round = 0; round < 3; ++round) {
    std::vector<Block> blocks;
    for (int i = 1; i < 8; ++i) blocks.emplace_back(i * kMiB);
    blocks.clear();
    CHECK(arena_use().idle <= 20 * kMiB);
    CHECK(arena_use().idle > 10 * kMiB);
  }
  {
    Block bigger_than_all(30 * kMiB);
  }
  CHECK(arena_use().idle <= 20 * kMiB);
  // The one that has lain idle longest goes first.
  arena_release();
  std::vector<Block> blocks;
  for (int i = 0; i < 4; ++i) blocks.emplace_back(4 * kMiB);
  void* const latest = blocks[3].data();
  for (Block& block : blocks) block = Block();
  {
    Block another(8 * kMiB);
  }
  CHECK(Block(4 * kMiB).data() == latest);
  arena_limit(0);
  CHECK(arena_use().idle == 0);
  arena_limit(before);
}

void moving_a_block_moves_what_it_owns() {
  Block one(100);
  void* const data = one.data();
  Block two(std::move(one));
  CHECK(one.data() == nullptr && two.data() == data);
  one = std::move(two);
  CHECK(one.data() == data);
  arena_give(one.detach());
  CHECK(one.data() == nullptr);
}

void too_much_is_bad_alloc() {
  for (std::size_t bytes : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8}) {
    bool caught = false;
    const auto before = arena_use().in_use;
    try {
      Block block(bytes);
    } catch (const std::bad_alloc&) {
      caught = true;
    }
    CHECK(caught && arena_use().in_use == before);
  }
}

void blocks_can_come_filled_with_nan() {
  arena_fill_with_nan(true);
  Block block(1000 * sizeof(double));
  arena_fill_with_nan(false);
  for (int i = 0; i < 1000; ++i) CHECK(std::isnan(static_cast<double*>(block.data())[i]));
  for (int i = 0; i < 2000; ++i) CHECK(std::isnan(static_cast<float*>(block.data())[i]));
}

void use_it(unsigned seed, int rounds) {
  std::mt19937 random(seed);
  std::vector<std::pair<Block, unsigned char>> held;
  for (int round = 0; round < rounds; ++round) {
    if (held.size() > 8) {
      const auto i = random() % held.size();
      CHECK(static_cast<unsigned char*>(held[i].first.data())[99] == held[i].second);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const auto mark = static_cast<unsigned char>(random());
    Block block(100 + random() % (random() % 8 ? 5000 : 3 * kMiB));
    static_cast<unsigned char*>(block.data())[99] = mark;
    held.emplace_back(std::move(block), mark);
  }
}

void threads_share_it() {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(use_it, i, 3000);
  for (std::thread& thread : threads) thread.join();
  CHECK(arena_use().in_use == 0);
}

#if !defined(__SANITIZE_THREAD__)
void a_child_can_go_on() {
  std::thread other(use_it, 7, 20000);
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(60);
      use_it(8, 200);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  other.join();
}
#endif

}  // namespace

int main() {
  blocks_are_aligned_and_big_enough();
  a_block_that_comes_back_is_given_out_again();
  what_lies_idle_is_bounded();
  moving_a_block_moves_what_it_owns();
  too_much_is_bad_alloc();
  blocks_can_come_filled_with_nan();
  threads_share_it();
#if !defined(__SANITIZE_THREAD__)
  a_child_can_go_on();
#endif
}
