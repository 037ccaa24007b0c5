#include "corpus/parallel.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace braid::corpus {

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

}  // namespace braid::corpus
