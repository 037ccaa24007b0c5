#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace braid {

void RunOnThreads(size_t threads, const std::function<void(size_t)>& work) {
  std::mutex mutex;
  std::exception_ptr first;
  const auto guarded = [&](size_t i) noexcept {
    try {
      work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (first == nullptr) first = std::current_exception();
    }
  };
  std::vector<std::thread> started;
  started.reserve(threads - 1);
  try {
    while (started.size() + 1 < threads) started.emplace_back(guarded, started.size() + 1);
  } catch (const std::system_error&) {
    // The system is out of threads.
  }
  guarded(0);
  for (size_t i = started.size() + 1; i < threads; ++i) guarded(i);
  for (std::thread& thread : started) thread.join();
  if (first != nullptr) std::rethrow_exception(first);
}

size_t AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // Fails on machines with more cores than the set has room for.
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<size_t>(CPU_COUNT(&set));
  return std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace braid
