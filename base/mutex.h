// std::mutex with the annotations of clang's thread-safety analysis: `clang++ -Wthread-safety`
// proves that members marked BRAID_GUARDED_BY are accessed only while their mutex is held. Other
// compilers ignore the annotations. (absl::Mutex is not used because the version of Debian reports
// false data races under ThreadSanitizer.)
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BRAID_ANNOTATE_(x) __attribute__((x))
#else
#define BRAID_ANNOTATE_(x)
#endif

// The annotations: BRAID_GUARDED_BY(m) on a member that is accessed only while m is held;
// BRAID_REQUIRES(m) and BRAID_EXCLUDES(m) on a function whose caller holds, or does not hold, m.
// The others are for the classes below.
#define BRAID_CAPABILITY(x) BRAID_ANNOTATE_(capability(x))
#define BRAID_SCOPED_CAPABILITY BRAID_ANNOTATE_(scoped_lockable)
#define BRAID_GUARDED_BY(x) BRAID_ANNOTATE_(guarded_by(x))
#define BRAID_REQUIRES(...) BRAID_ANNOTATE_(requires_capability(__VA_ARGS__))
#define BRAID_EXCLUDES(...) BRAID_ANNOTATE_(locks_excluded(__VA_ARGS__))
#define BRAID_ACQUIRE(...) BRAID_ANNOTATE_(acquire_capability(__VA_ARGS__))
#define BRAID_RELEASE(...) BRAID_ANNOTATE_(release_capability(__VA_ARGS__))
#define BRAID_NO_THREAD_SAFETY_ANALYSIS BRAID_ANNOTATE_(no_thread_safety_analysis)

namespace braid {

// A mutex that is not recursive. Use MutexLock instead of Lock and Unlock wherever a scope fits.
class BRAID_CAPABILITY("mutex") Mutex {
 public:
  void Lock() BRAID_ACQUIRE() { mutex_.lock(); }
  void Unlock() BRAID_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a mutex from its construction to its destruction.
class BRAID_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BRAID_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() BRAID_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable for Mutex. Wakes may be spurious, so wait in a loop on the condition: `while
// (!ready_) changed_.Wait(mutex_);`
class CondVar {
 public:
  // Releases `mutex`, waits for a notification, and takes `mutex` again. The analysis is switched
  // off inside because it cannot follow the lock through std::unique_lock.
  void Wait(Mutex& mutex) BRAID_REQUIRES(mutex) BRAID_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    variable_.wait(lock);
    lock.release();
  }
  // As Wait, for at most `timeout_ms` milliseconds. Returns false iff that time passed without a
  // notification.
  bool WaitFor(Mutex& mutex, int64_t timeout_ms)
      BRAID_REQUIRES(mutex) BRAID_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto status = variable_.wait_for(lock, std::chrono::milliseconds(timeout_ms));
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void NotifyOne() { variable_.notify_one(); }
  void NotifyAll() { variable_.notify_all(); }

 private:
  std::condition_variable variable_;
};

}  // namespace braid
