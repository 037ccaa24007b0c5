// Work on several threads, whose exceptions reach the caller as if there were no threads.
#pragma once

#include <cstddef>
#include <functional>

namespace braid {

// Calls `work(i)` for each i in 0 .. threads - 1, each in a thread of its own (0 in the calling
// thread), and returns when all have ended. The first exception that one of them throws
// (std::bad_alloc, for example) is thrown again here; without that, an exception in a thread would
// end the program. If the system has no more threads, the remaining calls are made in the calling
// thread. REQUIRES: threads >= 1.
void RunOnThreads(size_t threads, const std::function<void(size_t)>& work);

// The number of CPU cores that this process may use, at least 1.
size_t AvailableCores();

}  // namespace braid
