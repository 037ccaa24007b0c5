#include "pool/need.h"

#include <gmock/gmock.h>

#include "pool/memory.h"

namespace braid::pool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Settings Lab() {
  Settings settings;
  settings.name = "lab";
  settings.max_workers = 8;
  settings.cpu_slots = 4;
  settings.site = "lyon";
  return settings;
}

Demand Jobs(int64_t jobs, int64_t ranks, int64_t slots) {
  Demand demand;
  demand.requirements.kind = "train";
  demand.jobs = jobs;
  demand.requirements.ranks = ranks;
  demand.requirements.slots = slots;
  demand.run = "r-1";
  return demand;
}

TEST(NeedTest, AWorkerServesAsManyJobsAsItHasRoomFor) {
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(4, 1, 1)}), ElementsAre(Allocation{1, "r-1"}));
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(5, 1, 1)}), SizeIs(2));
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(3, 1, 3)}), SizeIs(3));
}

TEST(NeedTest, WorkersHaveTheMemoryThatTheirPoolSays) {
  Demand large = Jobs(3, 1, 1);
  large.requirements.memory_bytes = int64_t{24} << 30;
  EXPECT_THAT(AllocationsFor(Lab(), {large}), IsEmpty()) << "Slurm's own default is not known";
  EXPECT_TRUE(LacksMemory(Lab(), large));
  Settings settings = Lab();
  settings.memory = "64Gi";
  EXPECT_THAT(AllocationsFor(settings, {large}), SizeIs(2)) << "two of them fit on one worker";
  settings.memory = "16Gi";
  EXPECT_THAT(AllocationsFor(settings, {large}), IsEmpty());
  EXPECT_TRUE(LacksMemory(settings, large));
  EXPECT_FALSE(LacksMemory(settings, Jobs(1, 1, 1))) << "it is served";
  large.requirements.site = "oslo";
  EXPECT_FALSE(LacksMemory(settings, large)) << "memory would not help";
  // 4Gi for each of 4 CPUs.
  settings.memory.clear();
  settings.engine = "kubernetes";
  EXPECT_EQ(MemoryOfWorker(settings), int64_t{16} << 30);
}

TEST(NeedTest, MemoryIsWrittenAsTheEngineHasIt) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, int64_t>>{{"64Gi", int64_t{64} << 30},
                                                    {"64GiB", int64_t{64} << 30},
                                                    {"500M", 500'000'000},
                                                    {"1.5Gi", 3 * (int64_t{1} << 29)},
                                                    {"2000k", 2'000'000},
                                                    {"1048576", 1 << 20}})
    EXPECT_EQ(ParseMemory(text).value(), bytes) << text;
  for (const char* text : {"", "0", "16", "64 Gi", "Gi", "-1Gi", "lots"}) {
    EXPECT_EQ(ParseMemory(text).status().message(),
              "--memory \"" + std::string(text) + "\": for example 64Gi and 500M are possible");
  }
  Settings settings = Lab();
  EXPECT_EQ(SlurmMemory(settings, 1), "");
  settings.memory = "6GiB";
  EXPECT_EQ(QuantityOfWorker(settings), "6Gi");
  EXPECT_EQ(SlurmMemory(settings, 1), "--mem=6144M");
  EXPECT_EQ(SlurmMemory(settings, 3), "--mem-per-cpu=1536M") << "some may be on one node";
}

TEST(NeedTest, AGangThatNeedsSeveralWorkersGetsOneAllocation) {
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(1, 1, 1), Jobs(1, 8, 1)}),
              ElementsAre(Allocation{2, "r-1"}, Allocation{1, "r-1"}));
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(1, 4, 1)}), ElementsAre(Allocation{1, "r-1"}))
      << "it fits on one worker";
}

TEST(NeedTest, WhatThePoolCannotRunIsNotItsNeed) {
  Demand gpu = Jobs(1, 1, 1);
  gpu.requirements.device = Device::kCuda;
  Demand elsewhere = Jobs(1, 1, 1);
  elsewhere.requirements.site = "oslo";
  Demand here = Jobs(1, 1, 1);
  here.requirements.site = "lyon";
  EXPECT_FALSE(Serves(Lab(), gpu));
  EXPECT_FALSE(Serves(Lab(), elsewhere));
  EXPECT_FALSE(Serves(Lab(), Jobs(1, 1, 5)));
  EXPECT_TRUE(Serves(Lab(), here));
  Settings some = Lab();
  some.kinds = {"report"};
  EXPECT_FALSE(Serves(some, here));
  some = Lab();
  some.gpus = 2;
  EXPECT_TRUE(Serves(some, gpu));
  EXPECT_THAT(AllocationsFor(Lab(), {gpu, elsewhere}), IsEmpty());
}

TEST(NeedTest, NoMoreIsWantedThanThePoolMayHave) {
  EXPECT_THAT(AllocationsFor(Lab(), {Jobs(100'000, 1, 1)}), SizeIs(8));
}

TEST(NeedTest, WhatIsComingOrIdleIsNotMissing) {
  const std::vector<Allocation> two = {{1, "r-1"}, {1, "r-2"}};
  EXPECT_EQ(Missing(two, {}), two);
  EXPECT_THAT(Missing(two, {{.coming = 1}}), ElementsAre(Allocation{1, "r-2"}));
  EXPECT_THAT(Missing(two, {{.coming = 1}, {.idle = 1}}), IsEmpty());
  EXPECT_THAT(Missing(two, {{.idle = 2}}), IsEmpty());
}

TEST(NeedTest, AGangIsNotServedByWorkersOfSeveralAllocations) {
  const std::vector<Allocation> gang = {{2, "r-1"}};
  EXPECT_EQ(Missing(gang, {{.idle = 1}, {.coming = 1}}), gang);
  EXPECT_THAT(Missing(gang, {{.coming = 1, .idle = 1}}), IsEmpty());
  // The smallest that is large enough is taken.
  EXPECT_THAT(Missing({{2, "r-1"}, {3, "r-2"}}, {{.coming = 3}, {.coming = 2}}), IsEmpty());
}

}  // namespace
}  // namespace braid::pool
