#include "worker/devices/load.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "worker/devices/memory.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;

// Of a machine with two cores, as proc(5) has it.
constexpr char kStat[] =
    "cpu  310 20 50 700 40 0 10 0 0 0\n"
    "cpu0 300 0 40 600 40 0 10 5 100 0\n"
    "cpu1 10 20 10 100 0 0 0 0 0 0\n"
    "intr 12345 0 0\n";

TEST(LoadTest, TimesAreThoseOfTheCoresThatAreAskedFor) {
  // Guests' time (the ninth column) is in the user's already; waiting for disks is no work.
  EXPECT_EQ(CpuTimesOf(kStat, {0}), (CpuTimes{355, 995}));
  EXPECT_EQ(CpuTimesOf(kStat, {0, 1}), (CpuTimes{395, 1135}));
  EXPECT_EQ(CpuTimesOf(kStat, {7}), std::nullopt);
  EXPECT_EQ(CpuTimesOf("", {0}), std::nullopt);
  EXPECT_EQ(CpuTimesOf("cpu0 x\n", {0}), (CpuTimes{0, 0}));
}

TEST(LoadTest, ValuesAreFoundByTheirWholeName) {
  EXPECT_EQ(ValueOf("MemTotalX: 1\nMemTotal:       2048 kB\n", "MemTotal"), 2048u);
  EXPECT_EQ(ValueOf("usage_usec 77\nuser_usec 5\n", "usage_usec"), 77u);
  EXPECT_EQ(ValueOf("usage_usec 77", "usage"), std::nullopt);
  EXPECT_EQ(ValueOf("usage_usec\nusage_usec x", "usage_usec"), std::nullopt);
}

TEST(LoadTest, JobsMayHaveAllOfTheMemoryOrAPart) {
  constexpr int64_t kGib = int64_t{1} << 30;
  EXPECT_EQ(MemoryForJobs("", 8 * kGib).value(), 8 * kGib);
  EXPECT_EQ(MemoryForJobs("25%", 8 * kGib).value(), 2 * kGib);
  EXPECT_EQ(MemoryForJobs("3GiB", 8 * kGib).value(), 3 * kGib);
  EXPECT_EQ(MemoryForJobs("0.7812%", int64_t{1'000'000}).value(), 7812) << "one of 128";
  EXPECT_EQ(MemoryForJobs("50%", 0).value(), 0) << "it is not known of what";
  for (const char* text : {"0", "16", "0%", "101%", "-1GB", "much", "%"}) {
    EXPECT_EQ(MemoryForJobs(text, kGib).status().message(),
              "--memory " + std::string(text) +
                  ": expected a size such as 64GB or 16GiB, or a share of the memory of this "
                  "machine such as 50%");
  }
}

// Folders that say what a test wants.
class LoadMeterTest : public ::testing::Test {
 protected:
  LoadMeterTest() {
    for (const std::string& folder : {sources_.proc, sources_.cgroup})
      EXPECT_TRUE(MakeFolder(folder).ok());
    // The test's own first core is the one that is looked at.
    cpu_set_t own;
    CPU_ZERO(&own);
    EXPECT_EQ(sched_getaffinity(0, sizeof own, &own), 0);
    while (!CPU_ISSET(core_, &own)) ++core_;
  }
  void Write(const std::string& folder, const std::string& name, const std::string& text) {
    EXPECT_TRUE(WriteFileAtomic(JoinPath(folder, name), text).ok());
  }
  void Stat(int64_t busy, int64_t idle) {
    Write(sources_.proc, "stat",
          Format("cpu%d %lld 0 0 %lld 0 0 0 0 0 0\n", core_, static_cast<long long>(busy),
                 static_cast<long long>(idle)));
  }

  const TemporaryFolder folder_ = TemporaryFolder::Create().value();
  LoadSources sources_{folder_.path() + "/proc", folder_.path() + "/cgroup", FAKE_NVML};
  int core_ = 0;
};

TEST_F(LoadMeterTest, CoresAreBusyForTheShareOfTheTimeBetweenTwoLooks) {
  LoadMeter meter({}, sources_);
  Stat(100, 900);
  EXPECT_EQ(meter.Read(1'000).cpu_percent, std::nullopt) << "nothing to compare with";
  Stat(130, 970);
  EXPECT_EQ(meter.Read(2'000).cpu_percent, 30);
  EXPECT_EQ(meter.Read(2'001).cpu_percent, std::nullopt) << "no tick has passed";
  Stat(230, 970);
  EXPECT_EQ(meter.Read(3'000).cpu_percent, 100);
}

TEST_F(LoadMeterTest, AContainerWithALimitHasItsOwnTimeAndMemory) {
  LoadMeter meter({}, sources_);
  Stat(100, 900);
  Write(sources_.proc, "meminfo",
        "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 2097152 kB\n");
  Write(sources_.cgroup, "cpu.max", "50000 100000\n");  // half a core
  Write(sources_.cgroup, "cpu.stat", "usage_usec 1000000\n");
  task::MachineLoad load = meter.Read(10'000);
  EXPECT_EQ(load.cpu_percent, std::nullopt);
  EXPECT_EQ(load.memory_mib, 8192);
  EXPECT_EQ(MachineMemory(sources_), int64_t{8} << 30);
  EXPECT_EQ(load.memory_used_mib, 6144);
  Write(sources_.cgroup, "cpu.stat", "usage_usec 1100000\n");
  Write(sources_.cgroup, "memory.max", "1073741824\n");
  Write(sources_.cgroup, "memory.current", "629145600\n");
  Write(sources_.cgroup, "memory.stat", "anon 5\ninactive_file 104857600\n");
  load = meter.Read(11'000);
  EXPECT_EQ(load.cpu_percent, 20) << "0.1 s of half a second";
  EXPECT_EQ(load.memory_mib, 1024);
  EXPECT_EQ(load.memory_used_mib, 500);
  // Limits that are none.
  Write(sources_.cgroup, "cpu.max", "max 100000\n");
  Write(sources_.cgroup, "memory.max", "max\n");
  Stat(110, 990);
  load = meter.Read(12'000);
  EXPECT_EQ(load.cpu_percent, 10);
  EXPECT_EQ(load.memory_mib, 8192);
}

// As of a job of a batch system: it sees the whole tree, and its own limits are below the root.
TEST_F(LoadMeterTest, TheSmallestLimitAroundAProcessCounts) {
  const std::string job = sources_.cgroup + "/slurm/job_1";
  for (const std::string& folder :
       {sources_.proc + "/self", sources_.cgroup + "/slurm", job, sources_.cgroup + "/other"})
    EXPECT_TRUE(MakeFolder(folder).ok());
  Stat(100, 900);
  Write(sources_.proc, "meminfo", "MemTotal: 8388608 kB\nMemAvailable: 2097152 kB\n");
  Write(sources_.proc + "/self", "cgroup", "1:cpu:/x\n0::/slurm/job_1\n");
  Write(sources_.cgroup + "/slurm", "memory.max", "4294967296\n");
  Write(sources_.cgroup + "/slurm", "memory.current", "3221225472\n");
  Write(sources_.cgroup + "/slurm", "cpu.max", "100000 100000\n");
  Write(sources_.cgroup + "/slurm", "cpu.stat", "usage_usec 0\n");
  Write(job, "memory.max", "2147483648\n");
  Write(job, "memory.current", "1073741824\n");
  Write(job, "cpu.max", "max 100000\n");
  Write(job, "cpu.stat", "usage_usec 0\n");
  EXPECT_EQ(MachineMemory(sources_), int64_t{2} << 30);
  LoadMeter meter({}, sources_);
  task::MachineLoad load = meter.Read(1'000);
  EXPECT_EQ(load.memory_mib, 2048);
  EXPECT_EQ(load.memory_used_mib, 1024);
  Write(sources_.cgroup + "/slurm", "cpu.stat", "usage_usec 500000\n");
  EXPECT_EQ(meter.Read(2'000).cpu_percent, 50);
  // Another limit than before: nothing to compare with.
  Write(job, "cpu.max", "20000 100000\n");
  EXPECT_EQ(meter.Read(3'000).cpu_percent, std::nullopt);
  // A path that is not seen here, or leads out of it, is none.
  for (const char* path : {"0::/gone\n", "0::/../other\n"}) {
    Write(sources_.proc + "/self", "cgroup", path);
    EXPECT_EQ(LoadMeter({}, sources_).Read(4'000).memory_mib, 8192) << path;
  }
}

TEST_F(LoadMeterTest, WhatTheMachineDoesNotSayIsLeftOut) {
  EXPECT_EQ(LoadMeter({}, sources_).Read(1'000), task::MachineLoad());
}

TEST_F(LoadMeterTest, GpusAreAskedInTheirOrder) {
  LoadMeter meter({"GPU-2", "GPU-1", "GPU-9"}, sources_);
  const std::vector<task::GpuLoad> gpus = meter.Read(1'000).gpus;
  // In bytes: less than one MiB.
  EXPECT_THAT(gpus, ElementsAre(task::GpuLoad{}, task::GpuLoad{73, 0, 0}, task::GpuLoad{}));
}

TEST_F(LoadMeterTest, WithoutADriverNothingIsSaidOfGpus) {
  sources_.nvml = folder_.path() + "/libnvidia-ml.so.1";
  EXPECT_THAT(LoadMeter({"GPU-1"}, sources_).Read(1'000).gpus, ElementsAre(task::GpuLoad{}));
}

// The machine that the test runs on.
TEST(LoadWatchTest, MeasuresByItselfAndHandsOutEachMeasurementOnce) {
  LoadWatch watch({});
  const auto next = [&] {
    std::optional<task::MachineLoad> load;
    const int64_t end_ms = SystemClock().MonotonicMs() + 30'000;
    while (!(load = watch.TakeNew()).has_value() && SystemClock().MonotonicMs() < end_ms)
      usleep(1'000);
    return load;
  };
  const std::optional<task::MachineLoad> first = next();
  ASSERT_TRUE(first.has_value());
  EXPECT_GT(first->memory_mib, 0);
  EXPECT_LE(first->memory_used_mib, first->memory_mib);
  const std::optional<task::MachineLoad> second = next();
  ASSERT_TRUE(second.has_value());
  const Result<std::string> stat = ReadFile("/proc/stat");
  if (!stat.ok() || CpuTimesOf(*stat, {0}).value_or(CpuTimes()).all == 0)
    GTEST_SKIP() << "this machine does not say how busy its cores are";
  EXPECT_TRUE(second->cpu_percent.has_value());
}

}  // namespace
}  // namespace braid::worker
