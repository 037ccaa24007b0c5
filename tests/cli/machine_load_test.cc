#include "cli/shared/machine_load.h"

#include <gmock/gmock.h>

namespace braid::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;

v1::Worker Machine() {
  v1::Worker worker;
  worker.add_gpus()->set_name("H200");
  worker.add_gpus()->set_name("H200 \x1b[31m");
  v1::MachineLoad* load = worker.mutable_load();
  load->set_cpu_percent(37);
  load->set_memory_used_mib(3 * 1024);
  load->set_memory_mib(8 * 1024);
  v1::GpuLoad* gpu = load->add_gpus();
  gpu->set_busy_percent(0);
  gpu->set_memory_used_mib(512);
  gpu->set_memory_mib(1024);
  gpu = load->add_gpus();
  gpu->set_busy_percent(91);
  return worker;
}

TEST(MachineLoadTest, CellsSayWhatIsKnown) {
  const LoadCells cells = LoadCellsOf(Machine().load());
  EXPECT_EQ(cells.cpu.text, "37 %");
  EXPECT_EQ(cells.cpu.number, 37);
  EXPECT_EQ(cells.memory.text, "38 %");
  EXPECT_EQ(cells.gpu.text, "46 %") << "the mean";
  EXPECT_EQ(cells.gpu_memory.text, "50 %");
  const LoadCells none = LoadCellsOf({});
  EXPECT_EQ(none.cpu.text, "-");
  EXPECT_FALSE(none.cpu.number.has_value());
  EXPECT_EQ(none.gpu_memory.text, "-");
}

TEST(MachineLoadTest, LinesNameEachGpu) {
  EXPECT_THAT(LoadLines(Machine()),
              ElementsAre("CPU 37 % busy", "memory 3.0 GiB of 8.0 GiB in use",
                          "GPU 0 (H200) 0 % busy, memory 512.0 MiB of 1.0 GiB in use",
                          "GPU 1 (H200 ?[31m) 91 % busy"));
  EXPECT_THAT(LoadLines({}), IsEmpty());
}

TEST(MachineLoadTest, ACurveBeginsWithTheFirstThatWasHeard) {
  google::protobuf::RepeatedField<int32_t> percent;
  for (int i = 0; i < 100; ++i) percent.Add(-1);
  EXPECT_EQ(LoadCurveText(percent, 30'000), "");
  for (const int32_t value : {3, 98, -1, 50}) percent.Add(value);
  EXPECT_THAT(LoadCurveText(percent, 30'000), EndsWith("  3 to 98 % in the last 2 min"));
}

}  // namespace
}  // namespace braid::cli
