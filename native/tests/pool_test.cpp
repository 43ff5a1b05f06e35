// The thread pool: every task once, whoever calls; exceptions, forks and the end of the process.

#include "pool.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"

using mnemonist::Member;
using mnemonist::parallel;
using mnemonist::team;

namespace {

// The sum of 0..tasks-1, every task in a place of its own.
void sum_in_parallel(int tasks, int threads) {
  std::vector<int> done(tasks, 0);
  parallel(tasks, threads, [&](int task) { done[task] += task + 1; });
  for (int i = 0; i < tasks; ++i) CHECK(done[i] == i + 1);
}

void every_task_runs_once() {
  for (int round = 0; round < 300; ++round) {
    for (int threads : {1, 2, 3, 8}) {
      for (int tasks : {0, 1, 2, 7, 100}) sum_in_parallel(tasks, threads);
    }
  }
}

void a_task_may_call_the_pool() {
  std::vector<long> sums(16, 0);
  parallel(16, 4, [&](int outer) {
    std::vector<int> inner(50);
    parallel(50, 4, [&](int i) { inner[i] = outer * i; });
    team(4, [&](const Member& m) { CHECK(m.size == 1 && m.rank == 0); });
    sums[outer] = std::accumulate(inner.begin(), inner.end(), 0L);
  });
  for (int i = 0; i < 16; ++i) CHECK(sums[i] == i * 49L * 50 / 2);
}

void calls_may_come_from_several_threads() {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([] {
      for (int round = 0; round < 500; ++round) sum_in_parallel(20, 3);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

void the_first_exception_reaches_the_caller() {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ran{0};
    bool caught = false;
    try {
      parallel(1000, 3, [&](int task) {
        ++ran;
        if (task == 5) throw std::runtime_error("five");
      });
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "five";
    }
    CHECK(caught);
    CHECK(ran >= 6);
    sum_in_parallel(10, 3);
  }
}

// Members pass numbers round a ring: each step reads what the neighbour wrote in the last one.
void members_of_a_team_meet_at_the_barrier() {
  for (int threads : {1, 2, 3, 6}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<std::vector<long>> at(2, std::vector<long>(threads, 1));
      int size = 0;
      team(threads, [&](const Member& m) {
        CHECK(m.size >= 1 && m.size <= threads && m.rank >= 0 && m.rank < m.size);
        if (m.rank == 0) size = m.size;
        for (int step = 0; step < 100; ++step) {
          const auto& from = at[step % 2];
          at[(step + 1) % 2][m.rank] = (from[m.rank] + from[(m.rank + 1) % m.size]) % 1000003;
          m.barrier.wait();
        }
      });
      std::vector<long> now(size, 1);
      for (int step = 0; step < 100; ++step) {
        std::vector<long> next(size);
        for (int i = 0; i < size; ++i) next[i] = (now[i] + now[(i + 1) % size]) % 1000003;
        now = next;
      }
      for (int i = 0; i < size; ++i) CHECK(at[0][i] == now[i]);
    }
  }
}

void an_exception_lets_the_other_members_go() {
  for (int round = 0; round < 100; ++round) {
    bool caught = false;
    try {
      team(4, [&](const Member& m) {
        for (int step = 0; step < 10; ++step) {
          if (step == 5 && m.rank == m.size - 1) throw std::logic_error("enough");
          m.barrier.wait();
        }
      });
    } catch (const std::logic_error&) {
      caught = true;
    }
    CHECK(caught);
  }
}

void workers_round_as_their_caller_does() {
  volatile float three = 3;
  const float nearest = 1 / three;
  std::fesetround(FE_DOWNWARD);
  const float downward = 1 / three;
  std::vector<float> found(64);
  parallel(64, 4, [&](int task) {
    found[task] = 1 / three;
    std::this_thread::yield();
  });
  std::fesetround(FE_TONEAREST);
  CHECK(downward != nearest);
  for (float third : found) CHECK(third == downward);
  parallel(64, 4, [&](int task) { found[task] = 1 / three; });
  for (float third : found) CHECK(third == nearest);
}

// ThreadSanitizer knows nothing of threads that are made after a fork.
#if !defined(__SANITIZE_THREAD__)
void a_child_starts_anew() {
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) sum_in_parallel(50, 4);
  });
  for (int round = 0; round < 30; ++round) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(60);
      for (int i = 0; i < 20; ++i) sum_in_parallel(20, 3);
      CHECK(mnemonist::pool_threads() >= 1);
      _exit(0);
    }
    sum_in_parallel(20, 3);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  other.join();
}
#endif

void after_the_end_callers_work_alone() {
  std::thread other([] {
    for (int round = 0; round < 200; ++round) sum_in_parallel(20, 3);
  });
  mnemonist::pool_shutdown();
  mnemonist::pool_shutdown();
  other.join();
  CHECK(mnemonist::pool_threads() == 0);
  const std::thread::id self = std::this_thread::get_id();
  parallel(10, 4, [&](int) { CHECK(std::this_thread::get_id() == self); });
}

}  // namespace

int main() {
  every_task_runs_once();
  a_task_may_call_the_pool();
  calls_may_come_from_several_threads();
  the_first_exception_reaches_the_caller();
  members_of_a_team_meet_at_the_barrier();
  an_exception_lets_the_other_members_go();
  workers_round_as_their_caller_does();
#if !defined(__SANITIZE_THREAD__)
  a_child_starts_anew();
#endif
  after_the_end_callers_work_alone();
}
