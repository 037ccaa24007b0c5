// The one source that is compiled with OpenMP (trainer/CMakeLists.txt).
#include "trainer/kernels/parallel.h"

#include <ATen/Parallel.h>

#if AT_PARALLEL_OPENMP && !defined(_OPENMP)
#error "this source needs -fopenmp: at::parallel_for would be a loop in one thread"
#endif

namespace braid::trainer {

void ParallelFor(int64_t begin, int64_t end, int64_t grain,
                 c10::function_ref<void(int64_t, int64_t)> use) {
  at::parallel_for(begin, end, grain, use);
}

}  // namespace braid::trainer
