// How busy workers were: pieces of time, means, and what is forgotten.
#include "coordinator/api/load_table.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace braid::coordinator {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kPiece = LoadHistory::kPieceMs;

task::MachineLoad Busy(int64_t cpu, int64_t used_mib = 1, int64_t mib = 4) {
  task::MachineLoad load;
  load.cpu_percent = cpu;
  load.memory_used_mib = used_mib;
  load.memory_mib = mib;
  return load;
}

TEST(LoadHistoryTest, APieceIsTheMeanOfWhatWasHeardInIt) {
  LoadHistory history;
  history.Note(Busy(10), 7 * kPiece + 5);
  history.Note(Busy(21), 7 * kPiece + 10'005);
  history.Note(Busy(90), 9 * kPiece);
  const LoadCurves curves = history.Curves(10 * kPiece + 1);
  ASSERT_THAT(curves.cpu, SizeIs(120));
  const auto end = curves.cpu.end();
  EXPECT_EQ(std::vector<int8_t>(end - 5, end), (std::vector<int8_t>{-1, 16, -1, 90, -1}));
  EXPECT_EQ(std::count(curves.cpu.begin(), end, -1), 118);
  EXPECT_EQ(curves.memory[116], 25);
  EXPECT_THAT(curves.gpu, IsEmpty()) << "it has none";
}

TEST(LoadHistoryTest, WhatIsOlderThanAnHourIsGone) {
  LoadHistory history;
  for (int64_t piece = 0; piece < 300; ++piece) history.Note(Busy(piece % 100), piece * kPiece);
  LoadCurves curves = history.Curves(299 * kPiece);
  EXPECT_EQ(curves.cpu.front(), 80);
  EXPECT_EQ(curves.cpu.back(), 99);
  // Half an hour of silence, and then a whole one.
  curves = history.Curves(359 * kPiece);
  EXPECT_EQ(curves.cpu[59], 99);
  EXPECT_THAT(std::vector<int8_t>(curves.cpu.begin() + 60, curves.cpu.end()), Each(-1));
  EXPECT_THAT(history.Curves(419 * kPiece).cpu, IsEmpty());
  // The ring holds nothing of the time before.
  history.Note(Busy(7), 500 * kPiece);
  curves = history.Curves(500 * kPiece);
  EXPECT_EQ(std::count(curves.cpu.begin(), curves.cpu.end(), -1), 119);
  EXPECT_EQ(curves.cpu.back(), 7);
}

TEST(LoadHistoryTest, GpusAreOneCurveOfTheirMean) {
  LoadHistory history;
  task::MachineLoad load;
  load.gpus = {{100, 10, 40}, {50, 30, 40}, {std::nullopt, 0, 0}};
  history.Note(load, 0);
  const LoadCurves curves = history.Curves(0);
  EXPECT_EQ(curves.gpu.back(), 75) << "of those that say";
  EXPECT_EQ(curves.gpu_memory.back(), 50);
  EXPECT_THAT(curves.cpu, IsEmpty());
  EXPECT_THAT(curves.memory, IsEmpty());
}

TEST(LoadTableTest, TheNewestIsGoodForAMinuteAndAllForAnHour) {
  LoadTable table;
  EXPECT_EQ(table.Newest("w", 0), std::nullopt);
  EXPECT_FALSE(table.Curves("w", 0).has_value());
  table.Note("w", Busy(40), 1'000);
  EXPECT_EQ(table.Newest("w", 61'000)->cpu_percent, 40);
  EXPECT_EQ(table.Newest("w", 61'001), std::nullopt);
  EXPECT_TRUE(table.Curves("w", 61'001).has_value());
  table.Note("other", Busy(1), 3'600'999);
  EXPECT_EQ(table.size(), 2u);
  table.Note("other", Busy(1), 3'700'000);
  EXPECT_EQ(table.size(), 1u) << "w was silent for an hour";
}

TEST(LoadTableTest, ImpossibleNumbersAreCut) {
  LoadTable table;
  task::MachineLoad load = Busy(-5, 9, 4);
  load.gpus.resize(1'000, {1'000, -1, int64_t{1} << 62});
  table.Note("w", load, 0);
  const task::MachineLoad cut = *table.Newest("w", 0);
  EXPECT_EQ(cut.cpu_percent, 0);
  EXPECT_EQ(cut.memory_used_mib, 4);
  EXPECT_EQ(cut.gpus.size(), 64u);
  EXPECT_EQ(cut.gpus[0].busy_percent, 100);
  EXPECT_EQ(cut.gpus[0].memory_used_mib, 0);
  EXPECT_GE(table.Curves("w", 0)->gpu_memory.back(), 0);
}

// Whole hours of five thousand workers are a few megabytes, whatever they have.
TEST(LoadTableTest, AWorkerCostsLittle) {
  EXPECT_LT(sizeof(LoadHistory), 600u);
}

}  // namespace
}  // namespace braid::coordinator
