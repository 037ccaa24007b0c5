// Work on several threads whose exceptions are errors of the caller, as without threads. Internal
// to corpus/.
#pragma once

#include <cstddef>
#include <functional>

namespace braid::corpus {

// Calls `work(i)` once for each i below `threads`, each on a thread of its own, 0 on this one, and
// returns when all have ended. What one of them throws (std::bad_alloc, say) is thrown again here,
// the first of several; an exception that left a thread would end the program. Where the system
// gives fewer threads, the calls that got none are made here, one after the other.
// REQUIRES: threads >= 1
void RunOnThreads(size_t threads, const std::function<void(size_t)>& work);

}  // namespace braid::corpus
