#include "coordinator/bulk/curves.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "coordinator/bulk/curve_file.h"

namespace braid::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::string Line(int64_t step, double loss) {
  return Format("{\"step\":%lld,\"values\":{\"loss\":%.17g,\"tokens\":%lld}}\n",
                static_cast<long long>(step), loss, static_cast<long long>(step * 512));
}

struct CurveFiles {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<AppendFiles> files = AppendFiles::Open(folder.path()).value();

  void Append(int64_t epoch, const std::string& text) {
    const std::string name = "r-1/m/" + std::to_string(epoch) + ".jsonl";
    ASSERT_TRUE(files->Append(name, files->Size(name), text).ok());
  }
};

JobStanding Standing(int64_t epoch) {
  return {{"r-1", "m"}, epoch, false};
}

TEST(CurveTest, ASpikeIsSeenHoweverLongTheTrainingIs) {
  Curve curve;
  double sum = 0;
  for (int64_t step = 1; step <= 100'000; ++step) {
    const double value = step == 77'777 ? 1000.0 : 2.0 + 1e-5 * static_cast<double>(step % 100);
    sum += value;
    curve.Add(step, static_cast<double>(step) * 512, value);
  }
  EXPECT_EQ(curve.points(), 100'000);
  for (const size_t columns : {1, 7, 100, 600, 5000}) {
    const std::vector<CurveColumn> shown = curve.Columns(columns);
    ASSERT_LE(shown.size(), std::min<size_t>(columns, Curve::kMostColumns));
    double low = 1e9, high = 0, total = 0;
    int64_t points = 0, last = -1;
    for (const CurveColumn& column : shown) {
      EXPECT_GT(column.step, last);
      EXPECT_EQ(column.tokens, static_cast<double>(column.step) * 512);
      last = column.step;
      low = std::min(low, column.low);
      high = std::max(high, column.high);
      total += column.sum;
      points += column.count;
    }
    EXPECT_EQ(points, 100'000);
    EXPECT_EQ(high, 1000.0);
    EXPECT_EQ(low, 2.0);
    EXPECT_NEAR(total, sum, 1e-6);
  }
  EXPECT_GT(curve.Columns(600).size(), 300U);
}

TEST(CurveTest, FewPointsAreShownAsTheyAre) {
  Curve curve;
  curve.Add(1, 10, 3);
  curve.Add(2, 20, std::numeric_limits<double>::quiet_NaN());
  curve.Add(3, 30, 1);
  const auto columns = curve.Columns(800);
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[1].step, 3);
  EXPECT_EQ(columns[1].low, 1);
  EXPECT_EQ(columns[1].high, 1);
}

TEST(CurveCacheTest, ReadsOnWhereItStoppedAndWaitsForWholeLines) {
  CurveFiles files;
  CurveCache cache(files.files.get());
  EXPECT_TRUE(cache.Read(Standing(0), {}).value().names.empty());
  files.Append(1, Line(1, 5) + Line(2, 4).substr(0, 9));
  CurvesOfJob curves = cache.Read(Standing(1), {}).value();
  EXPECT_THAT(curves.names, ElementsAre("loss", "tokens"));
  EXPECT_EQ(curves.last_step, 1);
  files.Append(1, Line(2, 4).substr(9) + "nonsense\n" + Line(3, 3));
  curves = cache.Read(Standing(1), {.names = {"loss"}, .columns = 10}).value();
  ASSERT_EQ(curves.curves.size(), 1U);
  EXPECT_EQ(curves.curves[0].points, 3);
  EXPECT_EQ(curves.curves[0].last, 3);
  EXPECT_EQ(curves.version, 3);
}

// The quick reader takes what the slow one takes, and nothing else.
TEST(CurveCacheTest, LinesOfAnyShapeAreReadAsJson) {
  for (const std::string line : {R"({"step":3,"values":{"loss":1.5,"lr":-2e-05}})",
                                 R"({"step":3,"time_ms":1764400000000,"values":{"loss":1.5}})",
                                 R"({"step":3,"time_ms":"noon","values":{"loss":1.5}})",
                                 R"({"step":3,"time_ms":1.5,"values":{"loss":1.5}})",
                                 R"({"step":3,"values":{}})",
                                 R"({"step":3,"values":{"loss":null}})",
                                 R"({"values":{"loss":1},"step":3})",
                                 R"({"step": 3, "values": {"loss": 1}})",
                                 R"({"step":3,"values":{"a\u0062":1}})",
                                 R"({"step":3,"values":{"l\"x":1}})",
                                 R"({"step":03,"values":{"loss":1}})",
                                 R"({"step":3,"values":{"loss":01}})",
                                 R"({"step":3,"values":{"loss":1.}})",
                                 R"({"step":3,"values":{"loss":inf}})",
                                 R"({"step":3,"values":{"loss":1,}})",
                                 R"({"step":3.5,"values":{"loss":1}})",
                                 R"({"step":3,"values":{"loss":1}} x)",
                                 R"({"step":3,"values":{"loss":1},"more":2})",
                                 R"({"step":3,"values":{"loss":"1"}})",
                                 "{\"step\":3,\"values\":{\"\xff\":1}}",
                                 R"({"step":3,"values":{"\u00e9":1,"b":2}})",
                                 "{}",
                                 "",
                                 R"({"step":-1,"values":{"loss":-0}})"}) {
    CurveFiles files;
    files.Append(1, line + "\n");
    CurveCache cache(files.files.get());
    const CurvesOfJob curves = cache.Read(Standing(1), {}).value();
    const auto point = ParseMetricLine(line);
    ASSERT_EQ(curves.version, point.ok() ? 1 : 0) << line;
    if (!point.ok()) continue;
    EXPECT_EQ(curves.last_step, point->step) << line;
    for (const NamedCurve& curve : curves.curves) {
      if (!curve.columns.empty()) {
        EXPECT_EQ(curve.columns[0].time_ms, point->time_ms) << line;
      }
      if (curve.points > 0)
        EXPECT_EQ(curve.last, point->values.at(curve.name)) << line;
      else
        EXPECT_TRUE(std::isnan(point->values.at(curve.name))) << line;
    }
    EXPECT_EQ(curves.names.size(), point->values.size()) << line;
  }
}

// A second attempt begins at a checkpoint; what it repeats is not shown twice.
TEST(CurveCacheTest, ALaterAttemptIsRightAboutItsSteps) {
  CurveFiles files;
  CurveCache cache(files.files.get());
  for (int64_t step = 1; step <= 6; ++step) files.Append(1, Line(step, 10));
  (void)cache.Read(Standing(1), {}).value();
  for (int64_t step = 4; step <= 8; ++step) files.Append(2, Line(step, 7));
  files.Append(1, Line(7, 10));  // late, and overtaken
  const CurvesOfJob curves = cache.Read(Standing(2), {.names = {"loss"}}).value();
  std::vector<int64_t> steps;
  std::vector<double> values;
  for (const CurveColumn& column : curves.curves[0].columns) {
    steps.push_back(column.step);
    values.push_back(column.low);
  }
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(values, ElementsAre(10, 10, 10, 7, 7, 7, 7, 7));
}

// A part of a training has as many columns as the whole has, and the very points of the file.
TEST(CurveCacheTest, ARangeIsReadAgainAsFinelyAsTheWhole) {
  CurveFiles files;
  std::string text;
  for (int64_t step = 1; step <= 20'000; ++step) text += Line(step, static_cast<double>(step));
  ASSERT_GT(text.size(), 3 * JobCurves::kMarkBytes) << "it must not all be read";
  files.Append(1, text);
  CurveCache cache(files.files.get());
  const auto read = [&](const StepRange& range) {
    return cache.Read(Standing(1), {.names = {"loss"}, .columns = 500, .range = range}).value();
  };
  EXPECT_GT(read({}).curves[0].columns[0].count, 20) << "the whole is coarse";
  for (const int64_t begin : {int64_t{1}, int64_t{9'000}, int64_t{19'700}}) {
    const CurvesOfJob part = read({begin, begin + 299});
    const NamedCurve& curve = part.curves.at(0);
    ASSERT_EQ(curve.columns.size(), 300U) << begin;
    EXPECT_EQ(curve.points, 300);
    for (int64_t i = 0; i < 300; ++i) {
      const CurveColumn& column = curve.columns[static_cast<size_t>(i)];
      ASSERT_EQ(column.step, begin + i);
      ASSERT_EQ(column.low, static_cast<double>(begin + i));
      ASSERT_EQ(column.tokens, static_cast<double>(begin + i) * 512);
    }
    EXPECT_EQ(part.last_step, 20'000) << "that of the job";
  }
  EXPECT_EQ(read({19'990, 0}).curves.at(0).points, 11) << "to the last";
  EXPECT_TRUE(read({30'000, 40'000}).curves.empty());
  EXPECT_TRUE(read({5, 4}).curves.empty());
}

// What a later attempt has not come to yet is nothing that an earlier one may show.
TEST(CurveCacheTest, ARangeHasTheStepsOfTheLatestAttempts) {
  CurveFiles files;
  CurveCache cache(files.files.get());
  for (int64_t step = 1; step <= 60; ++step) files.Append(1, Line(step, 10));
  for (int64_t step = 41; step <= 50; ++step) files.Append(2, Line(step, 7));
  const auto read = [&](int64_t epochs, const StepRange& range) {
    const CurvesOfJob found =
        cache.Read(Standing(epochs), {.names = {"loss"}, .range = range}).value();
    std::map<int64_t, double> values;
    for (const NamedCurve& curve : found.curves)
      for (const CurveColumn& column : curve.columns) values[column.step] = column.low;
    return values;
  };
  EXPECT_THAT(read(2, {39, 42}), ElementsAre(Pair(39, 10), Pair(40, 10), Pair(41, 7), Pair(42, 7)));
  EXPECT_THAT(read(2, {49, 55}), ElementsAre(Pair(49, 7), Pair(50, 7)));
  for (int64_t step = 51; step <= 60; ++step) files.Append(3, Line(step, 5));
  EXPECT_THAT(read(3, {50, 52}), ElementsAre(Pair(50, 7), Pair(51, 5), Pair(52, 5)));
}

TEST(CurveCacheTest, WhatIsKnownIsNotSentAgain) {
  CurveFiles files;
  CurveCache cache(files.files.get());
  files.Append(1, Line(1, 5));
  const CurvesOfJob first = cache.Read(Standing(1), {}).value();
  EXPECT_FALSE(first.unchanged);
  const CurvesOfJob again = cache.Read(Standing(1), {.version = first.version}).value();
  EXPECT_TRUE(again.unchanged);
  EXPECT_TRUE(again.curves.empty());
  EXPECT_THAT(again.names, ElementsAre("loss", "tokens"));
  files.Append(1, Line(2, 4));
  const CurvesOfJob more = cache.Read(Standing(1), {.version = first.version}).value();
  EXPECT_FALSE(more.unchanged);
  EXPECT_EQ(more.curves.at(0).points, 2);
}

TEST(CurveCacheTest, KeepsABoundedNumberOfBytes) {
  CurveFiles files;
  CurveCache cache(files.files.get(), 20'000);
  for (int job = 0; job < 50; ++job) {
    const std::string name = "r-1/j" + std::to_string(job);
    for (int64_t step = 1; step <= 40; ++step)
      ASSERT_TRUE(files.files
                      ->Append(name + "/1.jsonl", files.files->Size(name + "/1.jsonl"),
                               Line(step, static_cast<double>(job)))
                      .ok());
    const CurvesOfJob curves =
        cache.Read({{"r-1", "j" + std::to_string(job)}, 1, true}, {.names = {"loss"}}).value();
    EXPECT_EQ(curves.curves[0].last, job);
    EXPECT_LE(cache.bytes(), 20'000U);
  }
  // What was dropped is read again.
  EXPECT_EQ(cache.Read({{"r-1", "j0"}, 1, true}, {.names = {"loss"}}).value().curves[0].points, 40);
}

// Metrics are parsed once: what a job that has ended leaves is a file of curves.
TEST(CurveFileTest, TheCurvesOfAnEndedJobAreKeptBesideItsMetrics) {
  CurveFiles files;
  std::string text;
  for (int64_t step = 1; step <= 8'000; ++step) text += Line(step, 1.0 / static_cast<double>(step));
  ASSERT_GT(text.size(), CurveCache::kWorthKeeping);
  files.Append(1, text);
  const std::string kept = files.folder.path() + "/r-1/m/curves";
  CurvesOfJob before;
  {
    CurveCache cache(files.files.get());
    (void)cache.Read(Standing(1), {}).value();
    EXPECT_FALSE(PathExists(kept)) << "more may come";
    cache.Keep({"r-1", "m", 1});
    EXPECT_TRUE(PathExists(kept));
    before = cache.Read({{"r-1", "m"}, 1, true}, {}).value();
  }
  // What stands in the metrics up to there is not looked at again.
  const std::string metrics = files.folder.path() + "/r-1/m/1.jsonl";
  ASSERT_TRUE(WriteFileAtomic(metrics, std::string(text.size(), '\n')).ok());
  const auto read = [&] {
    CurveCache cache(files.files.get());
    return cache.Read({{"r-1", "m"}, 1, true}, {}).value();
  };
  const CurvesOfJob after = read();
  EXPECT_EQ(after.version, before.version);
  EXPECT_EQ(after.last_step, 8'000);
  ASSERT_EQ(after.curves.size(), before.curves.size());
  for (size_t i = 0; i < after.curves.size(); ++i) {
    EXPECT_EQ(after.curves[i].points, 8'000);
    EXPECT_EQ(after.curves[i].last, before.curves[i].last);
    ASSERT_EQ(after.curves[i].columns.size(), before.curves[i].columns.size());
    for (size_t j = 0; j < after.curves[i].columns.size(); ++j) {
      EXPECT_EQ(after.curves[i].columns[j].step, before.curves[i].columns[j].step);
      EXPECT_EQ(after.curves[i].columns[j].sum, before.curves[i].columns[j].sum);
    }
  }
  // What has come since is read on.
  files.Append(1, Line(8'001, 5));
  EXPECT_EQ(read().last_step, 8'001);
  EXPECT_EQ(read().curves[0].last, 5);
  // Metrics that were lost, and a file that is broken, are no curves.
  ASSERT_TRUE(WriteFileAtomic(metrics, Line(1, 7)).ok());
  EXPECT_EQ(read().curves[0].points, 1);
}

TEST(CurveFileTest, WhatIsBrokenIsNothing) {
  JobCurves curves;
  for (int64_t step = 1; step <= 50; ++step) curves.Add({step, {{"loss", 1}, {"lr", 2}}, 1});
  const std::string good = CurveFile::Encode(curves);
  ASSERT_TRUE(CurveFile::Decode(good).has_value());
  EXPECT_EQ(CurveFile::Encode(*CurveFile::Decode(good)), good);
  for (size_t cut = 0; cut < good.size(); cut += 7)
    EXPECT_FALSE(CurveFile::Decode(good.substr(0, cut)).has_value()) << cut;
  for (size_t at = 0; at < good.size(); at += 11) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    EXPECT_FALSE(CurveFile::Decode(bad).has_value()) << at;
  }
}

TEST(JobCurvesTest, NamesBeyondTheBoundAreLeftOut) {
  JobCurves curves;
  MetricPoint point{1, {}, 1};
  for (int i = 0; i < 1000; ++i) point.values["value/" + std::to_string(i)] = i;
  curves.Add(point);
  EXPECT_EQ(curves.curves().size(), JobCurves::kMostNames);
}

}  // namespace
}  // namespace braid::coordinator
