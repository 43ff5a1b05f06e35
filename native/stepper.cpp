#include "stepper.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "arena.hpp"
#include "lowp.hpp"

namespace mnemonist {
namespace {

constexpr std::int64_t kLine = 64;  // bytes

// Numbers that all buffers together may have, so that no product of sizes overflows.
constexpr double kMost = 0x1p58;

std::int64_t padded(std::int64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

// A pointer into a buffer of the caller's, to be moved when the buffer is.
template <class R>
struct Patch {
  R** pointer;
  std::int64_t offset;
};

template <class R>
class StepperOf final : public Stepper {
 public:
  StepperOf(const Plan& plan, std::int64_t rows, Precision precision, Isa isa)
      : plan_(plan), kernels_(table(isa)), rows_(rows) {
    if constexpr (std::is_same_v<R, float>) {
      if (precision == Precision::bf16) narrow_ = &kernels_bf16(isa);
      if (precision == Precision::int8) narrow_ = &kernels_int8(isa);
    } else if (precision != Precision::full) {
      throw std::invalid_argument("weights of 16 or 8 bits go with float32");
    }
    int8_ = precision == Precision::int8;
    check();
    lay_out();
    for (const Stage& s : plan_.loop)
      if (s.is_product)
        add(s.product);
      else
        add(s.pointwise);
    resolve();
  }

  void load(const std::vector<const void*>& constants) override {
    if (constants.size() != plan_.buffers.size())
      throw std::invalid_argument("one address for each of the plan's buffers is needed");
    for (std::size_t i = 0; i < plan_.buffers.size(); ++i)
      if (plan_.buffers[i].layout == Layout::vector) {
        if (!constants[i]) throw std::invalid_argument("a constant has no address");
        if (base_[i]) std::memcpy(base_[i], constants[i], plan_.buffers[i].width * sizeof(R));
      }
    for (std::size_t i = 0; i < plan_.weights.size(); ++i) {
      const Weight& w = plan_.weights[i];
      const R* from = static_cast<const R*>(constants[w.buffer]) + w.offset;
      if constexpr (std::is_same_v<R, float>)
        if (is_narrow(w)) {
          narrow_->pack(from, w.out, w.in, w.stride_out, w.stride_in, packed_[i]);
          continue;
        }
      kernels_.pack(from, w.out, w.in, w.stride_out, w.stride_in, static_cast<R*>(packed_[i]));
    }
    loaded_ = true;
  }

  void bind(std::int32_t buffer, void* data) override {
    if (buffer < 0 || buffer >= static_cast<std::int32_t>(patches_.size()) || !is_callers(buffer))
      throw std::invalid_argument("no buffer of the caller's: " + std::to_string(buffer));
    for (const Patch<R>& patch : patches_[buffer])
      *patch.pointer = static_cast<R*>(data) + patch.offset;
  }

  bool ready() const override {
    const auto bound = [](const std::vector<Patch<R>>& patches) {
      return patches.empty() || *patches.front().pointer != nullptr;
    };
    return loaded_ && std::all_of(patches_.begin(), patches_.end(), bound);
  }

  void step() override {
    const Product* product = products_.data();
    const Pointwise* pointwise = pointwise_.data();
    for (const bool is_product : order_)
      if (is_product)
        run(*product++);
      else {
        kernels_.run(pointwise->code, pointwise->count, pointwise->operands, pointwise->rows);
        ++pointwise;
      }
  }

  std::int64_t work() const override {
    std::int64_t products = 0;
    for (const Product& p : products_) products += p.n * p.k * rows_;
    return products;
  }

  std::int64_t weight_bytes() const override { return weight_bytes_; }

 private:
  struct Product {
    R *a, *start, *c;
    std::int64_t lda, start_stride, ldc, n, k;
    const void* packed;
    bool narrow;
  };
  // A few rows of a stage.
  struct Pointwise {
    const Instruction* code;
    std::int64_t count, rows;
    Operand<R>* operands;
  };

  static const Kernels<R>& table(Isa isa) {
    if constexpr (std::is_same_v<R, float>)
      return kernels_f32(isa);
    else
      return kernels_f64(isa);
  }

  void run(const Product& p) const {
    if constexpr (std::is_same_v<R, float>)
      if (p.narrow) {
        narrow_->gemm(p.a, p.lda, p.packed, rows_, p.n, p.k, p.start, p.start_stride, p.c, p.ldc,
                      scratch_.data());
        return;
      }
    kernels_.gemm(p.a, p.lda, static_cast<const R*>(p.packed), rows_, p.n, p.k, p.start,
                  p.start_stride, p.c, p.ldc, nullptr);
  }

  void check() const {
    const auto fail = [](const char* why) {
      throw std::invalid_argument(std::string("not a plan of one step: it ") + why);
    };
    if (rows_ < 1) fail("has no rows");
    double width = 0;
    for (const Buffer& b : plan_.buffers) width += static_cast<double>(b.width);
    if (width * static_cast<double>(rows_) > kMost)
      fail("has more rows than a machine has room for");
    if (plan_.backward || !plan_.before.empty() || !plan_.after.empty())
      fail("has more than a loop");
    if (!plan_.accumulators.empty() || !plan_.weight_gradients.empty() ||
        !plan_.column_sums.empty())
      fail("sums over steps");
    for (const Buffer& b : plan_.buffers)
      if (b.layout == Layout::state || b.layout == Layout::ring)
        fail("keeps states of several steps");
  }

  bool is_callers(std::int32_t buffer) const {
    const Layout layout = plan_.buffers[buffer].layout;
    return layout == Layout::steps || layout == Layout::rows;
  }

  bool is_narrow(const Weight& w) const { return narrow_ && (!int8_ || w.in <= kDeepestInt8); }

  std::int64_t packed_bytes(const Weight& w) const {
    if constexpr (std::is_same_v<R, float>)
      if (is_narrow(w)) return narrow_->packed_size(w.out, w.in);
    return kernels_.packed_size(w.out, w.in) * static_cast<std::int64_t>(sizeof(R));
  }

  // Which constants something reads as they are, rather than packed.
  std::vector<bool> read_plainly() const {
    std::vector<bool> found(plan_.buffers.size());
    for (const Stage& s : plan_.loop) {
      if (s.is_product) {
        found[s.product.operand.buffer] = true;
        if (s.product.started) found[s.product.start.buffer] = true;
      } else {
        for (const Reference& r : s.pointwise.operands) found[r.buffer] = true;
      }
    }
    return found;
  }

  // A place for everything that is not the caller's, in one block.
  void lay_out() {
    const std::size_t count = plan_.buffers.size();
    const std::vector<bool> plainly = read_plainly();
    std::vector<std::int64_t> at(count + plan_.weights.size(), -1);
    std::int64_t total = 0;
    const auto take = [&](std::size_t i, std::int64_t bytes) {
      at[i] = total;
      total += padded(bytes);
    };
    for (std::size_t i = 0; i < plan_.weights.size(); ++i)
      take(count + i, packed_bytes(plan_.weights[i]));
    weight_bytes_ = total;
    for (std::size_t i = 0; i < count; ++i) {
      const Buffer& b = plan_.buffers[i];
      const auto width = b.width * static_cast<std::int64_t>(sizeof(R));
      if (b.layout == Layout::vector && plainly[i]) take(i, width);
      if (b.layout == Layout::number) take(i, width);
      if (b.layout == Layout::window || b.layout == Layout::scratch) take(i, rows_ * width);
      if (b.layout == Layout::tile) take(i, std::min(rows_, plan_.tile_rows) * width);
    }
    memory_ = Block(static_cast<std::size_t>(std::max(total, kLine)));
    auto* const bytes = static_cast<char*>(memory_.data());
    for (std::size_t i = 0; i < at.size(); ++i) {
      void* const place = at[i] < 0 ? nullptr : bytes + at[i];
      if (i < count)
        base_.push_back(static_cast<R*>(place));
      else
        packed_.push_back(place);
    }
    for (std::size_t i = 0; i < count; ++i)
      if (plan_.buffers[i].layout == Layout::number)
        std::copy_n(plan_.numbers.begin(), plan_.buffers[i].width, base_[i]);
    std::int64_t scratch = 0;
    if (narrow_)
      for (const Weight& w : plan_.weights)
        scratch = std::max(scratch, narrow_->scratch_size(rows_, w.in));
    scratch_ = Block(static_cast<std::size_t>(scratch));
  }

  std::int64_t stride(const Reference& r) const {
    const Buffer& b = plan_.buffers[r.buffer];
    return b.layout == Layout::vector || b.layout == Layout::number ? 0 : b.width;
  }

  void add(const mnemonist::Product& p) {
    const Weight& w = plan_.weights[p.weight];
    products_.push_back({nullptr, nullptr, nullptr, stride(p.operand),
                         p.started ? stride(p.start) : 0, stride(p.result), w.out, w.in,
                         packed_[p.weight], is_narrow(w)});
    order_.push_back(true);
  }

  void add(const mnemonist::Pointwise& p) {
    for (std::int64_t r = 0; r < rows_; r += p.rows) {
      pointwise_.push_back({p.code.data(), static_cast<std::int64_t>(p.code.size()),
                            std::min(p.rows, rows_ - r), nullptr});
      for (const Reference& o : p.operands) operands_.push_back({nullptr, stride(o)});
      order_.push_back(false);
    }
  }

  // Pointers into what now stays where it is.
  void resolve() {
    patches_.resize(plan_.buffers.size());
    auto product = products_.begin();
    auto pointwise = pointwise_.begin();
    Operand<R>* operand = operands_.data();
    for (const Stage& s : plan_.loop) {
      if (s.is_product) {
        point(product->a, s.product.operand, 0);
        if (s.product.started) point(product->start, s.product.start, 0);
        point(product->c, s.product.result, 0);
        ++product;
        continue;
      }
      for (std::int64_t r = 0; r < rows_; r += s.pointwise.rows, ++pointwise) {
        pointwise->operands = operand;
        for (const Reference& o : s.pointwise.operands) point((operand++)->p, o, r);
      }
    }
  }

  void point(R*& pointer, const Reference& r, std::int64_t row) {
    const bool tile = plan_.buffers[r.buffer].layout == Layout::tile;
    const std::int64_t offset = r.column + (tile ? 0 : row * stride(r));
    if (is_callers(r.buffer))
      patches_[r.buffer].push_back({&pointer, offset});
    else
      pointer = base_[r.buffer] + offset;
  }

  const Plan plan_;
  const Kernels<R>& kernels_;
  const NarrowKernels* narrow_ = nullptr;
  bool int8_ = false;
  const std::int64_t rows_;
  Block memory_, scratch_;
  std::vector<R*> base_;  // by buffer; null for the caller's
  std::vector<void*> packed_;
  std::int64_t weight_bytes_ = 0;
  bool loaded_ = false;
  std::vector<bool> order_;  // of products and pointwise stages
  std::vector<Product> products_;
  std::vector<Pointwise> pointwise_;
  std::vector<Operand<R>> operands_;
  std::vector<std::vector<Patch<R>>> patches_;
};

}  // namespace

template <class R>
std::unique_ptr<Stepper> make_stepper(const Plan& plan, std::int64_t rows, Precision precision,
                                      Isa isa) {
  return std::make_unique<StepperOf<R>>(plan, rows, precision, isa);
}

template std::unique_ptr<Stepper> make_stepper<float>(const Plan&, std::int64_t, Precision, Isa);
template std::unique_ptr<Stepper> make_stepper<double>(const Plan&, std::int64_t, Precision, Isa);

}  // namespace mnemonist
