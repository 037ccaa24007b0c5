// Rows of runs that have ended leave memory: a core that keeps none of them decides and answers the
// same as one that keeps all, step by step and across restarts, and its indices and counts are
// those of the rows.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "coordinator/api/lists.h"
#include "coordinator/api/queries.h"
#include "coordinator/services/convert.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/reader.h"
#include "tests/coordinator/history.h"

namespace braid::coordinator {
namespace {

std::string AnswerOf(const Result<const RunRecord*>& run) {
  return run.ok() ? (*run)->id : run.status().ToString();
}

// What a user is told of the run, as bytes: every field of it, of its jobs and of its attempts.
std::string Described(const std::string& run, const State& state) {
  const RunRecord* record = state.FindRun(run);
  return record == nullptr ? "none" : RunMessage(*record, state, Detail::kFull).SerializeAsString();
}

std::set<std::string> IdsIn(const catalog::Image& image) {
  std::set<std::string> ids;
  for (const auto& [id, run] : image.runs) ids.insert(id);
  return ids;
}

// `all` has every row in memory, `few` only those that it needs. Afterwards `few` has them, too.
void Compare(const State& all, const State& few, const Options& options,
             std::map<std::string, int>* seen) {
  for (const auto& [id, run] : all.image().runs)
    (*seen)[few.image().runs.contains(id) ? "in memory" : "elsewhere"] += 1;
  ASSERT_TRUE(all.Totals() == few.Totals());
  for (const std::string text : {"a", "b", "r-", "r-1", "r-12", "r-9", "none", ""})
    ASSERT_EQ(AnswerOf(all.ResolveRun(text)), AnswerOf(few.ResolveRun(text))) << text;
  for (const auto& [id, artifact] : all.image().artifacts) {
    ASSERT_EQ(all.IsUsed(id), few.IsUsed(id)) << id;
    (*seen)[all.IsUsed(id) ? "used" : "not used"] += 1;
    const auto* other = few.FindArtifact(id);
    ASSERT_TRUE(other != nullptr && artifact == *other) << id;
    if (artifact.removed_ms > 0) continue;
    ASSERT_EQ(WhyKept(artifact, all, options), WhyKept(*other, few, options)) << id;
  }
  for (const std::string& id : IdsIn(all.image())) {
    ASSERT_EQ(Described(id, all), Described(id, few)) << id;
    ASSERT_TRUE(all.MadeBy(id) == few.MadeBy(id)) << id;
  }
  ASSERT_TRUE(all.image() == few.image());
  ASSERT_TRUE(all.indices() == few.indices());
  ASSERT_TRUE(all.Totals() == few.Totals());
}

// Lists that are read from the file, against the rows in memory.
void CompareLists(const State& all, const catalog::Reader& reader) {
  std::vector<std::pair<int64_t, std::string>> newest;
  for (const auto& [id, run] : all.image().runs) newest.emplace_back(-run.created_ms, id);
  std::sort(newest.begin(), newest.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  const auto snapshot = reader.Open().value();
  std::vector<std::string> listed;
  PageRequest request{7, ""};
  do {
    const auto page = PageOfRuns({}, request, snapshot.get());
    ASSERT_TRUE(page.ok()) << page.status().message();
    for (const RunRecord& run : page->rows) {
      ASSERT_TRUE(run == *all.FindRun(run.id)) << run.id;
      listed.push_back(run.id);
    }
    request.token = page->next;
  } while (!request.token.empty());
  ASSERT_EQ(listed.size(), newest.size());
  for (size_t i = 0; i < listed.size(); ++i) ASSERT_EQ(listed[i], newest[i].second) << i;
}

TEST(EndedTest, ACoreThatKeepsNoEndedRunInMemoryAnswersTheSame) {
  // What the histories did at all, so that the test does not pass for having done nothing.
  std::map<std::string, int> seen;
  int restarts = 0;
  for (unsigned seed = 100; seed < 105; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryFolder folder = TemporaryFolder::Create().value();
    const std::string path = folder.path() + "/braid.db";
    const auto catalog = catalog::Catalog::Open({path, 0}).value();
    MemoryStore memory;
    // Sometimes some stay, so that runs come back beside those that never left.
    const int64_t rows = seed % 2 == 0 ? 0 : 25;
    History history(seed, {&memory, [](Options*) {}},
                    {catalog.get(), [rows](Options* options) { options->ended_rows = rows; }});
    for (int step = 0; step < 150; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      history.Step();
      if (::testing::Test::HasFatalFailure()) return;
      // Not after each step, so that the steps themselves have to bring rows in.
      if (step % 3 != 0) continue;
      const Core& now = *history.side(1).core;
      Compare(history.side(0).core->state(), now.state(), now.options(), &seen);
      if (::testing::Test::HasFatalFailure()) return;
    }
    CompareLists(history.side(0).core->state(), catalog::Reader(path));
    if (::testing::Test::HasFatalFailure()) return;
    restarts += history.restarts();
  }
  EXPECT_GT(restarts, 3);
  for (const char* what : {"in memory", "elsewhere", "used", "not used"})
    EXPECT_GT(seen[what], 0) << what << " never came";
}

}  // namespace
}  // namespace braid::coordinator
