#include "worker/devices/devices.h"

#include <gmock/gmock.h>
#include <sched.h>

#include <cstdlib>

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Ids(const Result<std::vector<Gpu>>& gpus) {
  if (!gpus.ok()) return {gpus.status().message()};
  std::vector<std::string> ids;
  for (const Gpu& gpu : *gpus) ids.push_back(gpu.uuid);
  return ids;
}

std::vector<Gpu> Machine(const std::vector<std::string>& uuids) {
  std::vector<Gpu> gpus;
  for (const std::string& uuid : uuids)
    gpus.push_back({uuid, "H100", 80, static_cast<int64_t>(gpus.size()), "H100", "", ""});
  return gpus;
}

TEST(DevicesTest, GpusComeFromNvml) {
  const std::vector<Gpu> gpus = FindGpus(FAKE_NVML);
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].uuid, "GPU-1");
  EXPECT_EQ(gpus[0].name, "Some GPU");
  EXPECT_EQ(gpus[0].memory_bytes, 1000u);
  EXPECT_EQ(gpus[1].memory_bytes, 0u);
}

TEST(DevicesTest, NoDriverMeansNoGpu) {
  EXPECT_TRUE(FindGpus("/nowhere/libnvidia-ml.so.1").empty());
}

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

std::vector<std::string> Visible(const std::vector<Gpu>& gpus, const std::string& value,
                                 const std::string& order = "PCI_BUS_ID") {
  return Ids(VisibleGpus(gpus, value, order));
}

// What CUDA itself shows; torch.cuda counts devices without a driver's help by the same rules.
TEST(VisibleGpusTest, NumbersAreThoseOfTheBus) {
  const std::vector<Gpu> four = Machine({"GPU-a0", "GPU-b1", "GPU-b2", "GPU-c3"});
  EXPECT_THAT(Ids(VisibleGpus(four, std::nullopt, std::nullopt)),
              ElementsAre("GPU-a0", "GPU-b1", "GPU-b2", "GPU-c3"));
  EXPECT_THAT(Visible(four, "1"), ElementsAre("GPU-b1"));
  EXPECT_THAT(Visible(four, "2,0"), ElementsAre("GPU-b2", "GPU-a0")) << "in the order of the list";
  EXPECT_THAT(Visible(four, " 3 , 1 "), ElementsAre("GPU-c3", "GPU-b1"));
  EXPECT_THAT(Visible(four, "1gpu,2x"), ElementsAre("GPU-b1", "GPU-b2"));
  EXPECT_THAT(Visible(four, "+1"), ElementsAre("GPU-b1"));
}

TEST(VisibleGpusTest, TheListEndsAtTheFirstThatIsNotThere) {
  const std::vector<Gpu> four = Machine({"GPU-a0", "GPU-b1", "GPU-b2", "GPU-c3"});
  for (const char* nothing : {"", " ", "-1", "NoDevFiles", "none", "all", "void", "4",
                              "99999999999999999999", ",0", "x0", "-1,0", "MIG-1"}) {
    EXPECT_THAT(Visible(four, nothing), IsEmpty()) << nothing;
  }
  EXPECT_THAT(Visible(four, "0,2,-1,1"), ElementsAre("GPU-a0", "GPU-b2"));
  EXPECT_THAT(Visible(four, "1,7,2"), ElementsAre("GPU-b1"));
  EXPECT_THAT(Visible(four, "1,,2"), ElementsAre("GPU-b1"));
  EXPECT_THAT(Visible(four, "0,GPU-b1"), ElementsAre("GPU-a0")) << "of another form than the first";
  EXPECT_THAT(Visible(four, "GPU-b1,0"), ElementsAre("GPU-b1"));
}

TEST(VisibleGpusTest, OneThatComesTwiceHidesAll) {
  const std::vector<Gpu> four = Machine({"GPU-a0", "GPU-b1", "GPU-b2", "GPU-c3"});
  EXPECT_THAT(Visible(four, "0,1,0"), IsEmpty());
  EXPECT_THAT(Visible(four, "GPU-a0,GPU-a"), IsEmpty());
}

TEST(VisibleGpusTest, UuidsMayBeShortened) {
  const std::vector<Gpu> four = Machine({"GPU-a0", "GPU-b1", "GPU-b2", "GPU-b21"});
  EXPECT_THAT(Visible(four, "GPU-b1,GPU-a"), ElementsAre("GPU-b1", "GPU-a0"));
  EXPECT_THAT(Visible(four, "GPU-b"), IsEmpty()) << "could be any of three";
  EXPECT_THAT(Visible(four, "GPU-b2"), ElementsAre("GPU-b2"))
      << "a whole one is no beginning of another";
  EXPECT_THAT(Visible(four, "GPU-a0,GPU-zz,GPU-b1"), ElementsAre("GPU-a0"));
}

TEST(VisibleGpusTest, NumbersAmongDifferentGpusNeedTheOrderOfTheBus) {
  std::vector<Gpu> two = Machine({"GPU-a", "GPU-b"});
  two[1].model = two[1].name = "T4";
  EXPECT_THAT(Visible(two, "1"), ElementsAre("GPU-b"));
  for (const std::optional<std::string>& order :
       {std::optional<std::string>(), std::optional<std::string>("FASTEST_FIRST")}) {
    const auto hidden = VisibleGpus(two, "1", order);
    ASSERT_FALSE(hidden.ok());
    EXPECT_THAT(
        hidden.status().message(),
        HasSubstr("set CUDA_DEVICE_ORDER=PCI_BUS_ID, or give UUIDs: GPU-a (H100), GPU-b (T4)"));
    EXPECT_THAT(Ids(VisibleGpus(two, "GPU-b", order)), ElementsAre("GPU-b"));
    EXPECT_THAT(Ids(VisibleGpus(two, "-1", order)), IsEmpty());
    EXPECT_THAT(Ids(VisibleGpus(two, std::nullopt, order)), ElementsAre("GPU-a", "GPU-b"));
  }
  EXPECT_THAT(Ids(VisibleGpus(Machine({"GPU-a", "GPU-b"}), "1", std::nullopt)),
              ElementsAre("GPU-b"));
}

TEST(VisibleGpusTest, ADividedGpuIsItsInstances) {
  const std::vector<Gpu> gpus = FindGpus(FAKE_DIVIDED_NVML);
  EXPECT_THAT(Ids(gpus), ElementsAre("GPU-aaaa", "MIG-1111", "MIG-3333"));
  EXPECT_EQ(gpus[1].memory_bytes, 10u);
  EXPECT_EQ(gpus[1].name, "Some GPU MIG 1g.10gb");
  EXPECT_THAT(Ids(VisibleGpus(gpus, "MIG-3333,MIG-1", std::nullopt)),
              ElementsAre("MIG-3333", "MIG-1111"));
  EXPECT_THAT(Ids(VisibleGpus(gpus, "MIG-GPU-bbbb/3/0", std::nullopt)), ElementsAre("MIG-3333"));
  EXPECT_THAT(Ids(VisibleGpus(gpus, "MIG-GPU-bbbb/2/0", std::nullopt)), IsEmpty());
  EXPECT_THAT(Ids(VisibleGpus(gpus, "GPU-bbbb", std::nullopt)), ElementsAre("MIG-1111"))
      << "CUDA takes the first";
  EXPECT_THAT(Ids(VisibleGpus(gpus, "1,0", std::nullopt)), ElementsAre("MIG-1111", "GPU-aaaa"))
      << "names of instances are no other kinds";
  EXPECT_THAT(Ids(VisibleGpus(gpus, "2", std::nullopt)), IsEmpty());
}

TEST(ChooseGpusTest, AllNoneOrNamed) {
  const std::vector<Gpu> gpus = FindGpus(FAKE_DIVIDED_NVML);
  EXPECT_THAT(Ids(ChooseGpus(gpus, "all")), ElementsAre("GPU-aaaa", "MIG-1111", "MIG-3333"));
  EXPECT_THAT(Ids(ChooseGpus(gpus, "none")), IsEmpty());
  EXPECT_THAT(Ids(ChooseGpus(gpus, "MIG-3333, GPU-a")), ElementsAre("MIG-3333", "GPU-aaaa"));
  EXPECT_THAT(Ids(ChooseGpus(gpus, "GPU-bbbb")), ElementsAre("MIG-1111", "MIG-3333"));
  for (const char* wrong : {"", "0", "GPU-cccc", "MIG-", "GPU-aaaa,", "ALL"}) {
    const auto chosen = ChooseGpus(gpus, wrong);
    ASSERT_FALSE(chosen.ok()) << wrong;
    EXPECT_THAT(
        chosen.status().message(),
        HasSubstr("of what is visible here: GPU-aaaa (Some GPU), MIG-1111 (Some GPU MIG 1g.10gb)"));
  }
  EXPECT_THAT(Ids(ChooseGpus(gpus, "GPU-aaaa,GPU-a")),
              ElementsAre("--gpus GPU-aaaa,GPU-a: names GPU-aaaa twice"));
  EXPECT_THAT(Ids(ChooseGpus({}, "GPU-1")),
              ElementsAre(HasSubstr(
                  "\"GPU-1\" names none, or not one alone, of what is visible here: no GPU.")));
}

TEST(ChooseGpusTest, TheEnvironmentComesFirst) {
  ASSERT_EQ(setenv("CUDA_VISIBLE_DEVICES", "1", 1), 0);
  EXPECT_THAT(Ids(GpusForWorker("all", FAKE_NVML)), ElementsAre("GPU-2"));
  EXPECT_THAT(Ids(GpusForWorker("GPU-1", FAKE_NVML)),
              ElementsAre(HasSubstr("of what is visible here: GPU-2 (Some GPU)")));
  ASSERT_EQ(setenv("CUDA_VISIBLE_DEVICES", "", 1), 0);
  EXPECT_THAT(Ids(GpusForWorker("all", FAKE_NVML)), IsEmpty());
  ASSERT_EQ(unsetenv("CUDA_VISIBLE_DEVICES"), 0);
  EXPECT_THAT(Ids(GpusForWorker("all", FAKE_NVML)), ElementsAre("GPU-1", "GPU-2"));
  EXPECT_THAT(Ids(GpusForWorker("none", FAKE_NVML)), IsEmpty());
}

TEST(DevicesTest, AGpuJobHasAShareOfTheProcessor) {
  EXPECT_EQ(ThreadsOfGpuJob(16, 4), 4);
  EXPECT_EQ(ThreadsOfGpuJob(128, 2), 8) << "more would only wait";
  EXPECT_EQ(ThreadsOfGpuJob(2, 8), 1);
  EXPECT_EQ(ThreadsOfGpuJob(4, 0), 4);
}

}  // namespace
}  // namespace braid::worker
