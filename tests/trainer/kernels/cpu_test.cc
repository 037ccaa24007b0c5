// A processor without the kernels' instructions is told so before anything runs.
#include "trainer/kernels/cpu.h"

#include <gmock/gmock.h>

#include <string>

#include "base/file.h"
#include "base/process.h"

namespace braid::trainer {
namespace {

using ::testing::HasSubstr;

TEST(CpuTest, ThisOneCanRunTheTests) {
  EXPECT_EQ(CpuRefusal(ThisCpu()), nullptr);
}

struct Probe {
  int code = -1;
  std::string output;
};

Probe RunProbe(const std::string& path) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  const auto process = Process::Start({{path}, {}, folder.path() + "/output", false}).value();
  EXPECT_TRUE(process->Wait(-1));
  return {process->exit().code, ReadFile(folder.path() + "/output").value()};
}

TEST(CpuTest, OneThatCanRunsThem) {
  const Probe probe = RunProbe(PROBE_BOTH);
  EXPECT_EQ(probe.code, 0);
  EXPECT_EQ(probe.output, "initialised\nmain\n");
}

TEST(CpuTest, OneThatCannotIsToldBeforeTheFirstInitialiser) {
  if (std::string(KernelSimd()) == "baseline")
    GTEST_SKIP() << "these kernels run on every processor";
  const std::string rest =
      ", which this build of braid's trainer needs; run it on another machine, or build it with -D "
      "BRAID_SIMD=baseline\n";
  const Probe neither = RunProbe(PROBE_NEITHER);
  EXPECT_EQ(neither.code, kUnfitMachine);
  EXPECT_EQ(neither.output, "cpu_gate_probe_neither: this CPU has neither AVX2 nor FMA" + rest);
  EXPECT_EQ(RunProbe(PROBE_AVX2).output, "cpu_gate_probe_avx2: this CPU has no FMA" + rest);
}

}  // namespace
}  // namespace braid::trainer
