// Threads that carry out what they are given, in the order in which it was given. A thread begins
// when there is work and none is idle, up to a limit; all of them end with the pool.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace braid {

class ThreadPool {
 public:
  explicit ThreadPool(size_t max_threads) : max_threads_(max_threads) {}
  // Waits for everything that the pool was given. REQUIRES: nobody gives it more.
  ~ThreadPool() {
    std::vector<std::thread> threads;
    {
      MutexLock lock(mutex_);
      closed_ = true;
      threads.swap(threads_);
      changed_.NotifyAll();
    }
    for (std::thread& thread : threads) thread.join();
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Thread-safe. `work` must not throw.
  void Do(std::function<void()> work) {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(work));
    if (queue_.size() > idle_ && threads_.size() < max_threads_) {
      threads_.emplace_back([this] { Run(); });
    } else {
      changed_.NotifyOne();
    }
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> work;
      {
        MutexLock lock(mutex_);
        ++idle_;
        while (queue_.empty() && !closed_) changed_.Wait(mutex_);
        --idle_;
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  const size_t max_threads_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::thread> threads_ BRAID_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> queue_ BRAID_GUARDED_BY(mutex_);
  size_t idle_ BRAID_GUARDED_BY(mutex_) = 0;
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
};

}  // namespace braid
