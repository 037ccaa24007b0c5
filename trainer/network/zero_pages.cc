#include "trainer/network/zero_pages.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <sys/mman.h>

namespace braid::trainer {

at::Tensor ZeroPages(int64_t count) {
  if (count == 0) return at::zeros({0}, at::kFloat);
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // No memory of the heap instead: what is beside it must not be shared.
  TORCH_CHECK_WITH(OutOfMemoryError, memory != MAP_FAILED,
                   "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", bytes,
                   " bytes.");
  return at::from_blob(memory, {count}, [bytes](void* all) { munmap(all, bytes); }, at::kFloat);
}

}  // namespace braid::trainer
