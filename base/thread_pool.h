// A pool of threads that are started when they are needed, up to a limit, and then stay.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace braid {

// Runs functions on its threads, and begins them in the order in which they were queued. A function
// must not wait for another one of the same pool, which may be behind it in the queue. Thread-safe.
class ThreadPool {
 public:
  // Starts no thread yet. REQUIRES: max_threads > 0.
  explicit ThreadPool(size_t max_threads) : max_threads_(max_threads) {}

  // Waits until all work that was given to it is done.
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

  // Queues a function, from any thread, also from one of the pool's. The function must not throw.
  // If the system cannot start another thread, the function waits for the existing ones; only if
  // there is none at all, std::system_error is thrown and the function is not queued.
  void Do(std::function<void()> work) {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(work));
    // Of a pool that is being closed, the thread that calls this takes the work before it ends.
    if (!closed_ && queue_.size() > idle_ && threads_.size() < max_threads_) {
      try {
        threads_.emplace_back([this] { Run(); });
        return;
      } catch (const std::system_error&) {
        if (!threads_.empty()) return;  // one of them takes it
        queue_.pop_back();
        throw;
      }
    }
    changed_.NotifyOne();
  }

 private:
  // The body of each thread: takes functions until the pool is closed and the queue is empty.
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
  // Threads that wait for work. A new one is started only if the queue is longer than that.
  size_t idle_ BRAID_GUARDED_BY(mutex_) = 0;
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
};

}  // namespace braid
