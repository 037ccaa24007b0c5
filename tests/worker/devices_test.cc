#include "worker/devices.h"

#include <gmock/gmock.h>
#include <sched.h>

namespace braid::worker {
namespace {

TEST(DevicesTest, GpusComeFromNvml) {
  const std::vector<Gpu> gpus = FindGpus(FAKE_NVML);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].uuid, "GPU-1");
  EXPECT_EQ(gpus[0].name, "Some GPU");
  EXPECT_EQ(gpus[0].memory_bytes, 1000u);
  EXPECT_EQ(gpus[1].memory_bytes, 0u);
}

TEST(DevicesTest, NoDriverMeansNoGpu) { EXPECT_TRUE(FindGpus("/nowhere/libnvidia-ml.so.1").empty()); }

TEST(DevicesTest, CoresFollowTheAffinity) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(UsableCores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(UsableCores(), 1);
}

}  // namespace
}  // namespace braid::worker
