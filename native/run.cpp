#include "run.hpp"

#include <algorithm>
#include <cstring>

#include "arena.hpp"
#include "pool.hpp"

namespace mnemonist {
namespace {

// Rows (of all steps together) that a chunk of time has about. What is computed for all steps of a
// chunk at once should still be in the second-level cache when the loop needs it.
constexpr std::int64_t kChunkRows = 192;

// Rows of a step that are worked on together, at most: what a step reads and writes of them should
// stay in the second-level cache beside the weights.
constexpr std::int64_t kSliceRows = 64;

// Columns of a weight's gradient that are one task: enough to pay for packing the other side.
constexpr std::int64_t kGradientRows = 256;

// Bytes of weights in a step from which few rows are worth several threads.
constexpr std::size_t kSharedBytes = 512 * 1024;

constexpr std::int64_t kLine = 64;  // bytes

constexpr std::int64_t ceiling(std::int64_t n, std::int64_t of) { return (n + of - 1) / of; }

template <class R>
std::int64_t padded(std::int64_t elements) {
  constexpr std::int64_t line = kLine / static_cast<std::int64_t>(sizeof(R));
  return ceiling(elements, line) * line;
}

// Everything that the threads of one run share.
template <class R>
struct Run {
  const Plan& plan;
  const Kernels<R>& kernels;
  Grid grid;
  std::vector<R*> memory;  // by buffer; null for what belongs to a thread
  std::vector<R*> packed;  // by weight
  std::vector<R> numbers;

  std::int64_t first(std::int64_t t) const { return grid.before(t); }
  std::int64_t active(std::int64_t t) const { return first(t + 1) - first(t); }
};

// What the threads that work on the same rows share: memory for a chunk, a step and a few rows.
template <class R>
struct Workspace {
  Workspace(const Run<R>& run, std::int64_t rows) : memory(run.memory) {
    const Plan& plan = run.plan;
    chunk = std::max<std::int64_t>(1, std::min(run.grid.steps, kChunkRows / rows));
    const auto size = [&](const Buffer& b) -> std::int64_t {
      switch (b.layout) {
        case Layout::window:
          return padded<R>(chunk * rows * b.width);
        case Layout::scratch:
          return padded<R>(rows * b.width);
        case Layout::tile:
          return padded<R>(plan.tile_rows * b.width);
        default:
          return 0;
      }
    };
    std::int64_t total = 0;
    for (const Buffer& b : plan.buffers) total += size(b);
    own = Block(static_cast<std::size_t>(total) * sizeof(R));
    R* next = static_cast<R*>(own.data());
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      if (const std::int64_t elements = size(plan.buffers[i])) {
        memory[i] = next;
        next += elements;
      }
    }
  }

  std::int64_t chunk;  // steps
  std::vector<R*> memory;
  Block own;
};

// A slice of the batch, rows [begin, end), through the whole sequence: by one thread, or by a team
// whose members compute different columns of every product.
template <class R>
class Slice {
 public:
  Slice(const Run<R>& run, const Workspace<R>& space, std::int64_t begin, std::int64_t end,
        const Member* member = nullptr)
      : run_(run), plan_(run.plan), space_(space), member_(member), begin_(begin), end_(end) {
    std::size_t most = 0;
    for (const auto* stages : {&plan_.before, &plan_.loop, &plan_.after})
      for (const Stage& s : *stages) most = std::max(most, s.pointwise.operands.size());
    operands_.resize(most);
    bases_.resize(most);
    if (!member_) look_ahead();
  }

  void operator()() {
    const std::int64_t steps = run_.grid.steps;
    const std::int64_t chunks = ceiling(steps, space_.chunk);
    for (std::int64_t i = 0; i < chunks; ++i) {
      const std::int64_t chunk = plan_.backward ? chunks - 1 - i : i;
      from_ = chunk * space_.chunk;
      to_ = std::min(steps, from_ + space_.chunk);
      for (const Stage& s : plan_.before) for_all(s);
      each_step([&](std::int64_t t, std::int64_t rows) {
        want(t);
        for (const Stage& s : plan_.loop) at_step(s, t, rows);
      });
      soon_ = {};
      for (const Stage& s : plan_.after) for_all(s);
    }
  }

 private:
  // Rows over time that a stage is to find in the second-level cache. Left to themselves, the
  // stages of a step would wait for most of what they read and write, and longer than they compute.
  struct Ahead {
    Reference rows;
    std::int64_t steps;  // how far ahead, in the order of the loop
  };

  void look_ahead() {
    for (const Stage& s : plan_.loop) look_ahead(s, 1);
    for (const Stage& s : plan_.before) look_ahead(s, space_.chunk);
    for (const Stage& s : plan_.after) look_ahead(s, 0);
    stretches_.resize(ahead_.size());
    const std::int64_t rows = end_ - begin_;
    std::int64_t bytes = 0, slots = 0;
    for (const Ahead& a : ahead_) bytes += size(a, rows);
    for (const Stage& s : plan_.loop)
      if (s.is_product) {
        const Weight& w = plan_.weights[s.product.weight];
        slots += ceiling(rows, run_.kernels.block) * ceiling(w.out, run_.kernels.tile) * w.in;
      }
    // no faster than need be: the weights come the same way
    pace_ = std::min(kLine, ceiling(bytes, std::max<std::int64_t>(1, slots)));
  }

  std::int64_t size(const Ahead& a, std::int64_t rows) const {
    return rows * plan_.buffers[a.rows.buffer].width * std::int64_t{sizeof(R)};
  }

  void look_ahead(const Stage& s, std::int64_t steps) {
    const auto add = [&](const Reference& r) {
      const Layout layout = plan_.buffers[r.buffer].layout;
      if (layout != Layout::steps && layout != Layout::state) return;
      for (Ahead& known : ahead_) {
        if (known.rows.buffer != r.buffer) continue;
        // of the states before and behind a step, one is at hand already
        if (known.rows.shift == plan_.backward) known.rows.shift = r.shift;
        return;
      }
      ahead_.push_back({{r.buffer, r.shift, 0}, steps});
    };
    if (s.is_product) {
      add(s.product.operand);
      add(s.product.result);
      if (s.product.started) add(s.product.start);
    } else {
      std::for_each(s.pointwise.operands.begin(), s.pointwise.operands.end(), add);
    }
  }

  // What the products of step t fetch while they compute.
  void want(std::int64_t t) {
    soon_ = {stretches_.data(), stretches_.data(), pace_};
    for (const Ahead& a : ahead_) {
      const std::int64_t step = plan_.backward ? t - a.steps : t + a.steps;
      if (step < 0 || step >= run_.grid.steps) continue;
      const std::int64_t rows = std::min(end_, run_.active(step)) - begin_;
      *soon_.last++ = {reinterpret_cast<const char*>(at(a.rows, step)), size(a, rows)};
    }
  }

  // Row 0 of the slice at step t.
  R* at(const Reference& r, std::int64_t t) const {
    const Buffer& b = plan_.buffers[r.buffer];
    return space_.memory[r.buffer] + row(b.layout, r.shift, t) * b.width + r.column;
  }

  std::int64_t row(Layout layout, std::int32_t shift, std::int64_t t) const {
    const std::int64_t rows = run_.grid.rows;
    switch (layout) {
      case Layout::steps:
        return run_.first(t) + begin_;
      case Layout::state:
        if (shift) return rows + run_.first(t) + begin_;
        return t == 0 ? begin_ : rows + run_.first(t - 1) + begin_;
      case Layout::ring:
        return ((t + shift) & 1) * rows + begin_;
      case Layout::rows:
        return begin_;
      case Layout::window:
        return (t - from_) * (end_ - begin_);
      default:
        return 0;
    }
  }

  std::int64_t stride(const Reference& r) const {
    const Buffer& b = plan_.buffers[r.buffer];
    return b.layout == Layout::vector || b.layout == Layout::number ? 0 : b.width;
  }

  // The steps of the chunk in the order of the plan, those at which the slice has rows.
  template <class F>
  void each_step(F f) {
    for (std::int64_t k = from_; k < to_; ++k) {
      const std::int64_t t = plan_.backward ? to_ - 1 - (k - from_) : k;
      const std::int64_t rows = std::min(end_, run_.active(t)) - begin_;
      if (rows > 0) f(t, rows);
    }
  }

  void at_step(const Stage& s, std::int64_t t, std::int64_t rows) {
    if (s.is_product)
      product(s.product, t, 0, rows, stride(s.product.operand), stride(s.product.result),
              s.product.started ? stride(s.product.start) : 0);
    else if (!member_ || member_->rank == 0)
      pointwise(s.pointwise, t, rows);
    if (member_) member_->barrier.wait();
  }

  // A stage for all steps of the chunk: as one run of rows where its buffers lie so.
  void for_all(const Stage& s) {
    const std::int64_t steps = to_ - from_;
    const std::int64_t slice = end_ - begin_;
    const bool dense = run_.grid.first == nullptr;
    if (dense && slice == run_.grid.rows && flat(s)) {
      at_step(s, from_, steps * slice);
    } else if (dense && s.is_product && steps > slice && flat(s)) {
      // few rows a step: a row over time is more rows for the product than the rows of a step
      const Product& p = s.product;
      for (std::int64_t b = 0; b < slice; ++b)
        product(p, from_, b, steps, pitch(p.operand), pitch(p.result),
                p.started ? pitch(p.start) : 0);
    } else {
      each_step([&](std::int64_t t, std::int64_t rows) { at_step(s, t, rows); });
    }
  }

  // Whether the rows of successive steps lie behind one another wherever the stage reads or writes.
  bool flat(const Stage& s) const {
    const auto fits = [&](const Reference& r) {
      switch (plan_.buffers[r.buffer].layout) {
        case Layout::steps:
        case Layout::state:
        case Layout::window:
        case Layout::vector:
        case Layout::number:
        case Layout::tile:
          return true;
        default:
          return false;
      }
    };
    if (s.is_product) {
      const Product& p = s.product;
      return fits(p.operand) && fits(p.result) && (!p.started || fits(p.start));
    }
    return std::all_of(s.pointwise.operands.begin(), s.pointwise.operands.end(), fits);
  }

  // From a row at one step to the same row at the next.
  std::int64_t pitch(const Reference& r) const {
    const bool own = plan_.buffers[r.buffer].layout == Layout::window;
    return stride(r) * (own ? end_ - begin_ : run_.grid.rows);
  }

  // A product of `rows` rows, the first of which is row b of the slice at step t. Members of a team
  // share its tiles of columns, which changes no bit of them.
  void product(const Product& p, std::int64_t t, std::int64_t b, std::int64_t rows,
               std::int64_t lda, std::int64_t ldc, std::int64_t start_stride) {
    const Weight& w = plan_.weights[p.weight];
    std::int64_t from = 0, to = w.out;
    if (member_) {
      const std::int64_t tile = run_.kernels.tile, tiles = ceiling(w.out, tile);
      from = tiles * member_->rank / member_->size * tile;
      to = std::min(w.out, tiles * (member_->rank + 1) / member_->size * tile);
      if (from >= to) return;
    }
    const auto place = [&](const Reference& r) { return at(r, t) + b * stride(r); };
    run_.kernels.gemm(place(p.operand), lda, run_.packed[p.weight] + from * w.in, rows, to - from,
                      w.in, p.started ? place(p.start) + from : nullptr, start_stride,
                      place(p.result) + from, ldc, &soon_);
  }

  void pointwise(const Pointwise& s, std::int64_t t, std::int64_t rows) {
    const std::size_t count = s.operands.size();
    for (std::size_t i = 0; i < count; ++i) {
      bases_[i] = at(s.operands[i], t);
      operands_[i].stride = stride(s.operands[i]);
    }
    for (std::int64_t r = 0; r < rows; r += s.rows) {
      for (std::size_t i = 0; i < count; ++i) {
        const bool tile = plan_.buffers[s.operands[i].buffer].layout == Layout::tile;
        operands_[i].p = tile ? bases_[i] : bases_[i] + r * operands_[i].stride;
      }
      run_.kernels.run(s.code.data(), static_cast<std::int64_t>(s.code.size()), operands_.data(),
                       std::min(s.rows, rows - r));
    }
  }

  const Run<R>& run_;
  const Plan& plan_;
  const Workspace<R>& space_;
  const Member* member_;
  std::int64_t begin_, end_;
  std::int64_t from_ = 0, to_ = 0;  // the steps of the chunk at hand
  std::vector<Operand<R>> operands_;
  std::vector<R*> bases_;
  std::vector<Ahead> ahead_;
  std::vector<Stretch> stretches_;
  std::int64_t pace_ = kLine;
  Soon soon_{};
};

// Whether a step reads enough of weights for its products to be worth sharing among threads, which
// then have to wait for one another at every stage of every step.
bool heavy(const Plan& plan, std::size_t element) {
  std::size_t bytes = 0;
  for (const Stage& s : plan.loop) {
    if (!s.is_product) continue;
    const Weight& w = plan.weights[s.product.weight];
    bytes += static_cast<std::size_t>(w.out * w.in) * element;
  }
  return bytes >= kSharedBytes;
}

// Where slice i of n begins, so that each has about as many rows over all steps.
template <class R>
std::vector<std::int64_t> slices(const Run<R>& run, std::int64_t n) {
  const std::int64_t rows = run.grid.rows;
  std::vector<std::int64_t> begins(n + 1);
  for (std::int64_t i = 0; i <= n; ++i) begins[i] = rows * i / n;
  if (!run.grid.first) return begins;
  std::vector<std::int64_t> length(rows, 0);
  for (std::int64_t t = 0; t < run.grid.steps; ++t)
    for (std::int64_t b = 0; b < run.active(t); ++b) ++length[b];
  const std::int64_t total = run.grid.total();
  std::int64_t done = 0, slice = 1;
  for (std::int64_t b = 0; b < rows && slice < n; ++b) {
    done += length[b];
    while (slice < n && done * n >= total * slice) begins[slice++] = b + 1;
  }
  while (slice < n) begins[slice++] = rows;
  return begins;
}

template <class R>
void pack(Run<R>& run, Block& block, int threads) {
  const Plan& plan = run.plan;
  const std::size_t count = plan.weights.size();
  std::vector<std::int64_t> at(count);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    at[i] = total;
    total += padded<R>(run.kernels.packed_size(plan.weights[i].out, plan.weights[i].in));
  }
  block = Block(static_cast<std::size_t>(total) * sizeof(R));
  for (std::size_t i = 0; i < count; ++i)
    run.packed.push_back(static_cast<R*>(block.data()) + at[i]);
  parallel(static_cast<std::int64_t>(count), total > 65536 ? threads : 1, [&](std::int64_t i) {
    const Weight& w = plan.weights[i];
    run.kernels.pack(run.memory[w.buffer] + w.offset, w.out, w.in, w.stride_out, w.stride_in,
                     run.packed[i]);
  });
}

// The state before every step as one row behind another, where rows end early: (first(T), width).
template <class R>
void gather(const Run<R>& run, const Reference& r, std::int64_t width, R* out) {
  const std::int64_t ld = run.plan.buffers[r.buffer].width;
  for (std::int64_t t = 0; t < run.grid.steps; ++t) {
    const std::int64_t from = t == 0 ? 0 : run.grid.rows + run.first(t - 1);
    for (std::int64_t b = 0; b < run.active(t); ++b, out += width)
      std::memcpy(out, run.memory[r.buffer] + (from + b) * ld + r.column, width * sizeof(R));
  }
}

template <class R>
void weight_gradients(const Run<R>& run, int threads) {
  const Plan& plan = run.plan;
  struct Task {
    const WeightGradient* gradient;
    const R* operand;
    std::int64_t stride, begin, end;
  };
  std::vector<Task> tasks;
  std::vector<Block> gathered;
  const std::int64_t total = run.grid.total();
  for (const WeightGradient& g : plan.weight_gradients) {
    const Buffer& b = plan.buffers[g.operand.buffer];
    const R* operand = run.memory[g.operand.buffer] + g.operand.column;
    std::int64_t stride = b.width;
    if (b.layout == Layout::state && g.operand.shift) {
      operand += run.grid.rows * stride;
    } else if (b.layout == Layout::state && run.grid.first) {
      gathered.emplace_back(static_cast<std::size_t>(total * g.n) * sizeof(R));
      gather(run, g.operand, g.n, static_cast<R*>(gathered.back().data()));
      operand = static_cast<R*>(gathered.back().data());
      stride = g.n;
    }
    for (std::int64_t m = 0; m < g.m; m += kGradientRows)
      tasks.push_back({&g, operand, stride, m, std::min(g.m, m + kGradientRows)});
  }
  parallel(static_cast<std::int64_t>(tasks.size()), threads, [&](std::int64_t i) {
    const Task& task = tasks[i];
    const WeightGradient& g = *task.gradient;
    const std::int64_t m = task.end - task.begin;
    Block scratch(static_cast<std::size_t>(run.kernels.gemm_tn_scratch(m, g.n)) * sizeof(R));
    const std::int64_t lda = plan.buffers[g.gradient.buffer].width;
    run.kernels.gemm_tn(run.memory[g.gradient.buffer] + g.gradient.column + task.begin, lda,
                        task.operand, task.stride, total, m, g.n,
                        run.memory[g.out] + g.offset + task.begin * g.n, g.n, false,
                        g.sums < 0 ? nullptr : run.memory[g.sums] + g.sums_offset + task.begin,
                        static_cast<R*>(scratch.data()));
  });
}

template <class R>
void column_sums(const Run<R>& run) {
  for (const ColumnSum& s : run.plan.column_sums) {
    const std::int64_t ld = run.plan.buffers[s.accumulator.buffer].width;
    const R* from = run.memory[s.accumulator.buffer] + s.accumulator.column;
    R* out = run.memory[s.out] + s.offset;
    std::memset(out, 0, s.width * sizeof(R));
    for (std::int64_t b = 0; b < run.grid.rows; ++b)
      for (std::int64_t j = 0; j < s.width; ++j) out[j] += from[b * ld + j];
  }
}

}  // namespace

template <class R>
void run(const Plan& plan, const Kernels<R>& kernels, const Grid& grid,
         const std::vector<R*>& memory, int threads) {
  Run<R> shared{plan, kernels, grid, memory, {}, {}};
  shared.numbers.assign(plan.numbers.begin(), plan.numbers.end());
  for (std::size_t i = 0; i < plan.buffers.size(); ++i)
    if (plan.buffers[i].layout == Layout::number) shared.memory[i] = shared.numbers.data();
  for (const std::int32_t i : plan.accumulators)
    std::fill_n(shared.memory[i], grid.rows * plan.buffers[i].width, R{0});
  if (grid.steps > 0 && grid.rows > 0) {
    Block packed;
    pack(shared, packed, threads);
    if (grid.rows < threads && heavy(plan, sizeof(R))) {
      const Workspace<R> space(shared, grid.rows);
      team(threads,
           [&](const Member& member) { Slice<R>(shared, space, 0, grid.rows, &member)(); });
    } else {
      const std::int64_t turns = ceiling(grid.rows, kSliceRows * threads);
      const std::int64_t count = std::min(turns * threads, grid.rows);
      const std::vector<std::int64_t> begins = slices(shared, count);
      parallel(count, threads, [&](std::int64_t i) {
        const std::int64_t rows = begins[i + 1] - begins[i];
        if (rows > 0) Slice<R>(shared, Workspace<R>(shared, rows), begins[i], begins[i + 1])();
      });
    }
  }
  weight_gradients(shared, threads);
  column_sums(shared);
}

template void run<float>(const Plan&, const Kernels<float>&, const Grid&,
                         const std::vector<float*>&, int);
template void run<double>(const Plan&, const Kernels<double>&, const Grid&,
                          const std::vector<double*>&, int);

}  // namespace mnemonist
