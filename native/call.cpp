#include "call.hpp"

#include <cstring>
#include <stdexcept>

#include "arena.hpp"

namespace mnemonist {
namespace {

constexpr std::int64_t kLine = 64;  // bytes

// Memory for the buffers that the caller left out, in one block.
template <class R>
Block fill_in(const Plan& plan, const Grid& grid, std::vector<R*>& memory) {
  const auto lines = [&](std::size_t i) -> std::int64_t {
    if (memory[i]) return 0;
    const Buffer& b = plan.buffers[i];
    const std::int64_t rows = Plan::rows_of(b.layout, grid.rows, grid.total());
    const auto bytes = rows * b.width * static_cast<std::int64_t>(sizeof(R));
    return (bytes + kLine - 1) / kLine;
  };
  std::int64_t total = 0;
  for (std::size_t i = 0; i < memory.size(); ++i) total += lines(i);
  Block block(static_cast<std::size_t>(total * kLine));
  char* next = static_cast<char*>(block.data());
  for (std::size_t i = 0; i < memory.size(); ++i) {
    if (const std::int64_t n = lines(i)) {
      memory[i] = reinterpret_cast<R*>(next);
      next += n * kLine;
    }
  }
  return block;
}

// Copies the row behind the last step of every row of the batch.
template <class R>
void copy_last(const Buffer& buffer, const Grid& grid, const R* from, R* to) {
  const std::int64_t width = buffer.width;
  const auto copy = [&](std::int64_t row, std::int64_t begin, std::int64_t end) {
    if (end > begin)
      std::memcpy(to + begin * width, from + row * width,
                  static_cast<std::size_t>((end - begin) * width) * sizeof(R));
  };
  if (!grid.first) {
    const bool ring = buffer.layout == Layout::ring;
    copy((ring ? grid.steps % 2 : grid.steps) * grid.rows, 0, grid.rows);
    return;
  }
  std::int64_t running = 0;  // behind step t; they are the first rows, the longest being in front
  for (std::int64_t t = grid.steps; t-- > 0;) {
    const std::int64_t here = grid.first[t + 1] - grid.first[t];
    copy(grid.rows + grid.first[t] + running, running, here);
    running = here;
  }
  copy(running, running, grid.rows);  // those without a step
}

void check(const Plan& plan, const Grid& grid, const std::vector<End>& ends, bool leaving) {
  for (const End& end : ends) {
    const auto i = static_cast<std::size_t>(end.buffer);
    if (end.buffer < 0 || i >= plan.buffers.size())
      throw std::invalid_argument("the plan has no such buffer");
    const Layout layout = plan.buffers[i].layout;
    const bool state = layout == Layout::state || layout == Layout::ring;
    if (!state && (leaving || layout != Layout::rows))
      throw std::invalid_argument("this buffer holds no state");
    if (leaving && !end.outside && grid.rows > 0)
      throw std::invalid_argument("no address to copy a state to");
    if (leaving && layout == Layout::ring && grid.first)
      throw std::invalid_argument("where rows end early, a ring does not keep their states");
  }
}

}  // namespace

template <class R>
void call(const Plan& plan, const Kernels<R>& kernels, const Grid& grid, std::vector<R*> memory,
          const std::vector<End>& enter, const std::vector<End>& leave, int threads) {
  check(plan, grid, enter, false);
  check(plan, grid, leave, true);
  const Block own = fill_in(plan, grid, memory);
  for (const End& end : enter) {
    const std::size_t bytes =
        static_cast<std::size_t>(grid.rows * plan.buffers[end.buffer].width) * sizeof(R);
    if (bytes == 0) continue;
    if (end.outside)
      std::memcpy(memory[end.buffer], end.outside, bytes);
    else
      std::memset(memory[end.buffer], 0, bytes);
  }
  run(plan, kernels, grid, memory, threads);
  for (const End& end : leave)
    copy_last(plan.buffers[end.buffer], grid, memory[end.buffer], static_cast<R*>(end.outside));
}

template void call<float>(const Plan&, const Kernels<float>&, const Grid&, std::vector<float*>,
                          const std::vector<End>&, const std::vector<End>&, int);
template void call<double>(const Plan&, const Kernels<double>&, const Grid&, std::vector<double*>,
                           const std::vector<End>&, const std::vector<End>&, int);

}  // namespace mnemonist
