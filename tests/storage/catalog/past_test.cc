#include <gtest/gtest.h>

#include "storage/catalog/reader.h"
#include "tests/storage/catalog/catalog_fixture.h"

namespace braid::catalog {
namespace {

using PastTest = CatalogTest;

TEST_F(PastTest, WhatIsLoadedAndWhatIsCountedIsAllThatThereIs) {
  auto catalog = Open();
  Commit(*catalog, AnEndedRunAndALiveOne());
  ExpectLiveRows(*catalog, image_);
  Commit(*catalog, {RunDeleted{"r1", "quick"}});
  const LiveRows live = catalog->LoadLive().value();
  RowCounts left;
  left.artifact_bytes = 24;
  left.bytes_of_user["ann"] = 12;
  EXPECT_TRUE(live.elsewhere == left) << "artifacts of a deleted run stay until they are removed";
  EXPECT_TRUE(catalog->past()->EndedUsersOf("t1", 5).value().empty());
}

// What lists are read from is kept by the tables themselves.
TEST_F(PastTest, RunsAreListedByTheirTags) {
  auto catalog = Open();
  const auto tagged = [](const std::string& id, int64_t ms, std::vector<std::string> tags) {
    RunRecord run = SomeRun(id);
    run.created_ms = ms;
    run.tags = std::move(tags);
    return RunCreated{run};
  };
  Commit(*catalog, {tagged("r1", 1, {"a", "b"}), tagged("r2", 2, {"a"}),
                    tagged("r3", 2, {"a", "b"}), tagged("r4", 4, {})});
  const auto listed = [&](std::vector<std::string> tags, std::optional<TimePlace> from = {},
                          int64_t limit = 9) {
    const auto snapshot = Reader(path_).Open().value();
    const std::vector<RunRecord> runs = snapshot->Runs({std::move(tags), from, limit}).value();
    std::string ids;
    for (const RunRecord& run : runs) ids += (ids.empty() ? "" : " ") + run.id;
    return ids;
  };
  EXPECT_EQ(listed({}), "r4 r3 r2 r1");
  EXPECT_EQ(listed({"a"}), "r3 r2 r1");
  EXPECT_EQ(listed({"a", "b"}), "r3 r1");
  EXPECT_EQ(listed({"b", "a"}), "r3 r1");
  EXPECT_EQ(listed({"c"}), "");
  EXPECT_EQ(listed({"a"}, {}, 2), "r3 r2");
  EXPECT_EQ(listed({"a"}, TimePlace{2, "r2"}), "r2 r1");
  Commit(*catalog, {RunTagged{"r4", {"' OR 1", "b"}, ""}, RunTagged{"r1", {"b"}, ""},
                    RunEnded{"r3", RunState::kFailed, "", 5}, RunDeleted{"r3", ""}});
  EXPECT_EQ(listed({"a"}), "r2");
  EXPECT_EQ(listed({"b"}), "r4 r1");
  EXPECT_EQ(listed({"' OR 1"}), "r4");
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// A prefix that no id has, or many; a name that several runs have.
TEST_F(PastTest, RowsAreFoundByWhatPeopleSayOfThem) {
  auto catalog = Open();
  RunRecord later = SomeRun("r12");
  later.created_ms = 9;
  Commit(*catalog, {RunCreated{SomeRun("r1")}, RunCreated{later}, RunCreated{SomeRun("r2")},
                    ArtifactCommitted{SomeArtifact("abc")}});
  Past& past = *catalog->past();
  using Texts = std::vector<std::string>;
  EXPECT_EQ(past.RunsWithPrefix("r1", 9).value(), (Texts{"r1", "r12"}));
  EXPECT_EQ(past.RunsWithPrefix("r", 2).value(), (Texts{"r1", "r12"}));
  EXPECT_EQ(past.RunsWithPrefix("q", 2).value(), Texts{});
  EXPECT_EQ(past.RunsWithPrefix("\xff", 2).value(), Texts{});
  EXPECT_EQ(past.ArtifactsWithPrefix("ab", 2).value(), Texts{"abc"});
  const auto named = past.RunsNamed("quick \"start\"", 2).value();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].second, "r12") << "the newest";
  EXPECT_EQ(named[1].second, "r2") << "of the same time the last by its id";
}

}  // namespace
}  // namespace braid::catalog
