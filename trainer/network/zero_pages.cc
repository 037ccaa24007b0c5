#include "trainer/network/zero_pages.h"

#include <ATen/ATen.h>
#include <sys/mman.h>

namespace braid::trainer {

at::Tensor ZeroPages(int64_t count) {
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return at::zeros({count}, at::kFloat);  // throws what everybody knows
  return at::from_blob(memory, {count}, [bytes](void* all) { munmap(all, bytes); }, at::kFloat);
}

}  // namespace braid::trainer
