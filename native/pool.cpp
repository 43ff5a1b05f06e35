#include "pool.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define MNEMONIST_POSIX 1
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#else
#include <cfenv>
#endif

namespace mnemonist {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `ready` or the time is over; says whether it is ready.
template <class Ready>
bool spin(microseconds limit, Ready ready) {
  if (ready()) return true;
  const auto end = Clock::now() + limit;
  do {
    for (int i = 0; i < 16; ++i) {
      pause();
      if (ready()) return true;
    }
  } while (Clock::now() < end);
  return false;
}

// The same, giving the core away between looks.
template <class Ready>
bool yield(microseconds limit, Ready ready) {
  const auto end = Clock::now() + limit;
  do {
    std::this_thread::yield();
    if (ready()) return true;
  } while (Clock::now() < end);
  return false;
}

// How long who waits stays awake before it sleeps: docs/decisions/thread-pool.md has the reasons.
constexpr microseconds spin_time{20};
constexpr microseconds yield_time{200};
constexpr microseconds gather_time{100};  // a caller, for the members of a team

template <class Ready>
bool stay_awake(Ready ready) {
  return spin(spin_time, ready) || yield(yield_time, ready);
}

// Rounding and the flushing of subnormal numbers are each thread's own. Workers take the caller's,
// else torch.set_flush_denormal() would make bits hang on which thread computed them.
#if defined(__x86_64__)
using FloatMode = unsigned;
FloatMode float_mode() { return _mm_getcsr(); }
void set_float_mode(const FloatMode& mode) { _mm_setcsr(mode); }
#else
using FloatMode = std::fenv_t;
FloatMode float_mode() {
  FloatMode mode;
  std::fegetenv(&mode);
  return mode;
}
void set_float_mode(const FloatMode& mode) { std::fesetenv(&mode); }
#endif

thread_local bool inside = false;  // this thread is running a task

class Inside {
 public:
  Inside() : before_(inside) { inside = true; }
  ~Inside() { inside = before_; }

 private:
  bool before_;
};

// What a call asks of each worker that takes its seat. The ranks of the workers are 1, 2, ...
struct Job {
  void (*run)(Job& job, int rank);
  FloatMode mode;
};

enum Seat : uint32_t {
  idle,     // nothing to do, or the work is done
  offered,  // a job waits for the worker; the caller may withdraw it
  taken,    // the worker has the job
};

struct Worker {
  alignas(64) std::atomic<uint32_t> seat{idle};
  std::atomic<bool> asleep{false};
  int rank = 0;
  std::mutex mutex;
  std::condition_variable awake;
  std::thread thread;
};

class Pool {
 public:
  // The pool of this process, or null when it has been shut down.
  static Pool* get();
  static void shutdown();
  static int threads();

  // Offers `job` to up to `count` workers, runs `own` and takes back what no worker has begun, then
  // waits for the others. False, and nothing done, when another call has the pool.
  template <class Own>
  bool run(Job& job, int count, Own own) {
    std::unique_lock<std::mutex> lock(owner_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    count = grow(count);
    job_ = &job;
    for (int i = 0; i < count; ++i) offer(workers_[i]);
    own(*this, count);
    for (int i = 0; i < count; ++i) withdraw(workers_[i]);
    wait_until_idle(count);
    return true;
  }

  bool all_taken(int count) {
    for (int i = 0; i < count; ++i) {
      if (workers_[i].seat.load(std::memory_order_acquire) == offered) return false;
    }
    return true;
  }

  // Takes the offer back. False when the worker has begun.
  bool withdraw(Worker& worker) {
    uint32_t expected = offered;
    return worker.seat.compare_exchange_strong(expected, idle, std::memory_order_acq_rel);
  }
  bool withdraw(int index) { return withdraw(workers_[index]); }

 private:
  int grow(int count);
  void offer(Worker& worker);
  void wait_until_idle(int count);
  void work(Worker& worker);
  void stop();

  std::mutex owner_;  // held by the call that has the pool
  Job* job_ = nullptr;
  std::deque<Worker> workers_;  // grows under owner_; its elements stay where they are
  std::atomic<bool> stopping_{false};
  std::atomic<bool> caller_asleep_{false};
  std::mutex finished_mutex_;
  std::condition_variable finished_;

  static std::atomic<Pool*> instance_;
  static std::atomic<bool> closed_;
};

std::atomic<Pool*> Pool::instance_{nullptr};
std::atomic<bool> Pool::closed_{false};

// The end of a process that is not Python's, where nobody calls pool_shutdown.
struct AtExit {
  ~AtExit() { Pool::shutdown(); }
} at_exit;

Pool* Pool::get() {
  if (closed_.load(std::memory_order_acquire)) return nullptr;
  Pool* pool = instance_.load(std::memory_order_acquire);
  if (pool) return pool;
#if defined(MNEMONIST_POSIX)
  // The threads do not exist in the child, and its copy of their locks may be locked: it leaves
  // that pool as it is and starts anew. `inside` is the forking thread's own, and remains right.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { instance_ = nullptr; });
  static_cast<void>(registered);
#endif
  auto made = std::make_unique<Pool>();
  if (instance_.compare_exchange_strong(pool, made.get(), std::memory_order_acq_rel)) {
    return made.release();
  }
  return pool;
}

void Pool::shutdown() {
  if (inside || closed_.exchange(true)) return;
  // Not deleted: a call that began before may still be about to try its lock.
  if (Pool* pool = instance_.load(std::memory_order_acquire)) pool->stop();
}

int Pool::threads() {
  Pool* pool = instance_.load(std::memory_order_acquire);
  if (!pool) return 0;
  std::lock_guard<std::mutex> lock(pool->owner_);
  return static_cast<int>(pool->workers_.size());
}

void Pool::stop() {
  std::lock_guard<std::mutex> lock(owner_);
  stopping_ = true;
  for (Worker& worker : workers_) {
    {
      std::lock_guard<std::mutex> asleep(worker.mutex);
      worker.awake.notify_one();
    }
    worker.thread.join();
  }
  workers_.clear();
}

// Makes workers until there are `count`; gives how many of them there are, fewer where the system
// refuses a thread.
int Pool::grow(int count) {
  if (stopping_) return 0;
  while (static_cast<int>(workers_.size()) < count) {
    Worker& worker = workers_.emplace_back();
    worker.rank = static_cast<int>(workers_.size());
#if defined(MNEMONIST_POSIX)
    // Signals are for the program's own threads: Python wants its main thread to be interrupted.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    bool made = true;
    try {
      worker.thread = std::thread([this, &worker] { work(worker); });
    } catch (const std::exception&) {  // no thread, or no memory for one
      made = false;
    }
#if defined(MNEMONIST_POSIX)
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
    if (!made) {
      workers_.pop_back();
      break;
    }
  }
  return std::min<int>(count, static_cast<int>(workers_.size()));
}

// The worker says that it sleeps and then looks at its seat; the caller changes the seat and then
// looks whether it sleeps. In the one order of these four, at least one of them sees the other.
void Pool::offer(Worker& worker) {
  worker.seat.store(offered, std::memory_order_seq_cst);
  if (worker.asleep.load(std::memory_order_seq_cst)) {
    std::lock_guard<std::mutex> lock(worker.mutex);
    worker.awake.notify_one();
  }
}

void Pool::work(Worker& worker) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "mnemonist");
#endif
  inside = true;
  const auto called = [&] {
    return worker.seat.load(std::memory_order_seq_cst) == offered ||
           stopping_.load(std::memory_order_relaxed);
  };
  for (;;) {
    if (!stay_awake(called)) {
      std::unique_lock<std::mutex> lock(worker.mutex);
      worker.asleep.store(true, std::memory_order_seq_cst);
      worker.awake.wait(lock, called);
      worker.asleep.store(false, std::memory_order_relaxed);
    }
    uint32_t expected = offered;
    if (!worker.seat.compare_exchange_strong(expected, taken, std::memory_order_acq_rel)) {
      if (stopping_) return;
      continue;
    }
    Job& job = *job_;
    set_float_mode(job.mode);
    job.run(job, worker.rank);
    worker.seat.store(idle, std::memory_order_seq_cst);  // from here on the job may be gone
    if (caller_asleep_.load(std::memory_order_seq_cst)) {
      std::lock_guard<std::mutex> lock(finished_mutex_);
      finished_.notify_one();
    }
  }
}

void Pool::wait_until_idle(int count) {
  const auto finished = [&] {
    for (int i = 0; i < count; ++i) {
      if (workers_[i].seat.load(std::memory_order_seq_cst) != idle) return false;
    }
    return true;
  };
  if (stay_awake(finished)) return;
  std::unique_lock<std::mutex> lock(finished_mutex_);
  caller_asleep_.store(true, std::memory_order_seq_cst);
  finished_.wait(lock, finished);
  caller_asleep_.store(false, std::memory_order_relaxed);
}

// The first exception of a job.
class Failure {
 public:
  void keep(std::exception_ptr error) {
    if (!failed_.exchange(true)) error_ = std::move(error);
  }
  bool any() const { return failed_.load(std::memory_order_relaxed); }
  // Only after every thread of the job is done.
  void raise() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
};

struct Tasks : Job {
  int count;
  detail::TaskCall call;
  void* body;
  alignas(64) std::atomic<int> next{0};
  Failure failure;

  void take() {
    Inside guard;
    while (!failure.any()) {
      const int task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= count) return;
      try {
        call(body, task);
      } catch (...) {
        failure.keep(std::current_exception());
      }
    }
  }
};

struct Team : Job {
  detail::MemberCall call;
  void* body;
  Failure failure;
  // Set by the caller once it is known who has come.
  std::atomic<Barrier*> barrier{nullptr};
  int size = 0;
  std::atomic<int> ranks{1};

  void join(int rank) {
    Inside guard;
    Barrier& all = *barrier.load(std::memory_order_acquire);
    try {
      call(body, Member{rank, size, all});
    } catch (const Barrier::Broken&) {
    } catch (...) {
      failure.keep(std::current_exception());
      all.break_off();
    }
  }

  // A worker that has its seat waits here for the others: some tens of microseconds at most, and
  // longer only where the caller has lost its core.
  void join_when_complete() {
    const auto complete = [&] { return barrier.load(std::memory_order_acquire) != nullptr; };
    if (!spin(gather_time, complete)) {
      while (!complete()) std::this_thread::yield();
    }
    join(ranks.fetch_add(1, std::memory_order_relaxed));
  }
};

}  // namespace

namespace detail {

void parallel(int tasks, int threads, TaskCall call, void* body) {
  const int workers = std::min(threads, tasks) - 1;
  Pool* pool = workers > 0 && !inside ? Pool::get() : nullptr;
  if (pool) {
    Tasks job;
    job.run = [](Job& j, int) { static_cast<Tasks&>(j).take(); };
    job.mode = float_mode();
    job.count = tasks;
    job.call = call;
    job.body = body;
    if (pool->run(job, workers, [&](Pool&, int) { job.take(); })) {
      job.failure.raise();
      return;
    }
  }
  Inside guard;
  for (int task = 0; task < tasks; ++task) call(body, task);
}

void team(int threads, MemberCall call, void* body) {
  // More members than cores would only wait for each other. (0: the number is not known.)
  static const int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (cores > 0) threads = std::min(threads, cores);
  Pool* pool = threads > 1 && !inside ? Pool::get() : nullptr;
  if (pool) {
    Team job;
    job.run = [](Job& j, int) { static_cast<Team&>(j).join_when_complete(); };
    job.mode = float_mode();
    job.call = call;
    job.body = body;
    std::optional<Barrier> barrier;
    const auto own = [&](Pool& p, int offers) {
      spin(gather_time, [&] { return p.all_taken(offers); });
      int size = 1;
      for (int i = 0; i < offers; ++i) size += !p.withdraw(i);
      job.size = size;
      barrier.emplace(size);
      job.barrier.store(&*barrier, std::memory_order_release);
      job.join(0);
    };
    if (pool->run(job, threads - 1, own)) {
      job.failure.raise();
      return;
    }
  }
  Inside guard;
  Barrier alone(1);
  call(body, Member{0, 1, alone});
}

}  // namespace detail

int pool_threads() { return Pool::threads(); }

void pool_shutdown() { Pool::shutdown(); }

void Barrier::wait() {
  if (broken_.load(std::memory_order_acquire)) throw Broken{};
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      awake_.notify_all();
    }
    return;
  }
  const auto open = [&] {
    return phase_.load(std::memory_order_seq_cst) != phase ||
           broken_.load(std::memory_order_seq_cst);
  };
  if (!stay_awake(open)) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    awake_.wait(lock, open);
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (phase_.load(std::memory_order_acquire) == phase) throw Broken{};
}

void Barrier::break_off() {
  broken_.store(true, std::memory_order_seq_cst);
  std::lock_guard<std::mutex> lock(mutex_);
  awake_.notify_all();
}

}  // namespace mnemonist
