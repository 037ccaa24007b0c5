// A thread that runs the functions it is given, one after another.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "base/mutex.h"

namespace braid::worker {

// Keeps what must happen in order (a session's events, a stream's messages) in order, without locks
// around it.
class SerialQueue {
 public:
  // The destructor does what Close does.
  SerialQueue() : thread_([this] { Run(); }) {}
  ~SerialQueue() { Close(); }
  // Queues a function. Thread-safe.
  void Do(std::function<void()> work) {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.NotifyAll();
  }

  // Runs what is queued, then ends the thread. Functions queued later are never run.
  void Close() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  // The body of the thread. The lock is not held while a function runs.
  void Run() {
    while (true) {
      std::function<void()> work;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !closed_) changed_.Wait(mutex_);
        if (queue_.empty()) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ BRAID_GUARDED_BY(mutex_);
  bool closed_ BRAID_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace braid::worker
