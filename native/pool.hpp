// The engine's threads. One pool a process, made on first use and grown to what calls ask for.
//
// A call says how many threads it wants (Python passes torch.get_num_threads()); the calling thread
// is one of them. Between calls the others spin for a moment and then sleep, so that torch's own
// threads have the cores. A thread that has not woken by the time there is nothing left to do is no
// longer waited for: on a busy machine the caller does the work itself.
//
// Calls may come from several threads at once, or from inside a task: one call has the pool, any
// other runs on its own thread alone. After fork() the child starts with a new pool.
//
// Which thread does what hangs on timing, so work must be cut such that its result does not: a task
// writes what no other task writes, and sums over tasks are added in the order of the tasks.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>

namespace mnemonist {

// Holds the members of a team together: wait() returns when all have called it. A waiting thread
// spins for some microseconds, then yields, then sleeps, so that a member which lost its core to
// another process gets one.
class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  // What the other members wrote before their wait() is seen after this one. Throws `Broken` when
  // a member has left with an exception.
  void wait();

  // Lets all who wait or will wait leave with `Broken`.
  void break_off();

  struct Broken {};

 private:
  const int size_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  std::atomic<bool> broken_{false};
  std::atomic<int> sleeping_{0};
  std::mutex mutex_;
  std::condition_variable awake_;
};

// One thread's place in a team: 0 <= rank < size. All members run at the same time.
struct Member {
  int rank;
  int size;
  Barrier& barrier;
};

namespace detail {
using TaskCall = void (*)(void* body, int task);
using MemberCall = void (*)(void* body, const Member& member);
void parallel(int tasks, int threads, TaskCall call, void* body);
void team(int threads, MemberCall call, void* body);
}  // namespace detail

// body(task) for every task in [0, tasks), by at most `threads` threads; returns when all are done.
// Tasks are handed out in order, one at a time. The first exception stops the handing out and is
// thrown to the caller.
template <class Body>
void parallel(int tasks, int threads, Body&& body) {
  using B = std::remove_reference_t<Body>;
  detail::parallel(
      tasks, threads, [](void* b, int task) { (*static_cast<B*>(b))(task); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// body(member) once on each thread of a team, all at the same time, for work that needs a barrier.
// The team has `threads` members or fewer: no more than the machine has cores, and of these the
// ones that came within some tens of microseconds. The body cuts its work by member.size, and the
// result may not hang on it. The first exception breaks the barrier and is thrown to the caller.
template <class Body>
void team(int threads, Body&& body) {
  using B = std::remove_reference_t<Body>;
  detail::team(
      threads, [](void* b, const Member& member) { (*static_cast<B*>(b))(member); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// How many threads the pool has now, callers not counted.
int pool_threads();

// Ends the threads; waits for a call in progress. Calls that come later run on their caller's
// thread alone. For the end of the process.
void pool_shutdown();

}  // namespace mnemonist
