// Loops over the threads of a step.
#pragma once

#include <c10/util/FunctionRef.h>

#include <cstdint>

namespace braid::trainer {

// Calls `use(first, last)` for consecutive pieces of [begin, end), each of at least `grain` indices
// where there are so many, on at most at::get_num_threads() threads, and returns when all have
// returned. Inside of another ParallelFor there is one piece, in the calling thread. An exception
// of `use` reaches the caller.
//
// To be used instead of at::parallel_for, whose template is a plain loop in every source that is
// compiled without OpenMP, and nothing says so.
void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 c10::function_ref<void(int64_t, int64_t)> use);

}  // namespace braid::trainer
