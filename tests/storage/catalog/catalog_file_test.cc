#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "storage/catalog/reader.h"
#include "tests/storage/catalog/catalog_fixture.h"

namespace braid::catalog {
namespace {

using ::testing::HasSubstr;

using CatalogFileTest = CatalogTest;

// Devices and reasons of stops are words in the tables, which versions before this one wrote too.
TEST_F(CatalogFileTest, AWordThatThisVersionDoesNotKnowIsAnError) {
  const AttemptRecord attempt = SomeAttempt({"r1", "path_1"}, 1);
  {
    auto catalog = Open();
    Commit(*catalog,
           {RunCreated{SomeRun("r1")}, JobCreated{SomeJob("r1", "path_1", JobState::kQueued)},
            WorkerRegistered{SomeWorker("w1")}, AttemptGranted{attempt},
            AttemptStopping{attempt.key, StopReason::kDrain, {}}});
    EXPECT_TRUE(catalog->Load().value() == image_);
  }
  RunSql("UPDATE attempts SET stop_reason='mood' WHERE stop_reason='drain'");
  auto catalog = Open();
  ASSERT_NE(catalog, nullptr);
  EXPECT_THAT(catalog->Load().status().message(),
              HasSubstr("attempts.stop_reason has \"mood\", which this version does not know"));
}

TEST_F(CatalogFileTest, ALockOfAnotherProgramMayBeWaitedFor) {
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("r1")}});
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Status locked = catalog->Commit({RunCreated{SomeRun("r2")}}, 1);
  EXPECT_EQ(locked.code(), StatusCode::kUnavailable) << locked.ToString();
  EXPECT_THAT(locked.message(), HasSubstr("another program holds its lock"));
  EXPECT_TRUE(catalog->Load().value() == image_) << "reading goes on";
  ASSERT_EQ(sqlite3_exec(raw, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(raw);
  Commit(*catalog, {RunCreated{SomeRun("r2")}});
  EXPECT_TRUE(catalog->Load().value() == image_);
}

// A limit on the size of files stands for a quota: SQLite calls that an I/O error.
TEST_F(CatalogFileTest, AQuotaIsAFullDisk) {
  Open().reset();
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit few{100'000, 100'000};
    auto catalog = Catalog::Open({path_});
    if (!catalog.ok() || setrlimit(RLIMIT_FSIZE, &few) != 0) _exit(2);
    RunRecord run = SomeRun("large");
    run.recipe.assign(1'000'000, 'x');
    const Status status = (*catalog)->Commit({RunCreated{run}}, 1);
    const bool small = (*catalog)->Commit({RunCreated{SomeRun("small")}}, 1).ok();
    _exit(status.Is(ErrorReason::kStorageFull) && small ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(Open()->Load()->runs.contains("small"));
}

TEST_F(CatalogFileTest, RefusesTheFileOfANewerBraid) {
  Open().reset();
  RunSql("PRAGMA user_version = 99");
  auto catalog = Catalog::Open({path_});
  ASSERT_FALSE(catalog.ok());
  EXPECT_THAT(catalog.status().message(), HasSubstr("written by a newer braid (schema 99"));
  EXPECT_THAT(catalog.status().message(), HasSubstr(path_));
}

TEST_F(CatalogFileTest, RefusesTheFileOfAnotherProgram) {
  RunSql("CREATE TABLE notes (x)");
  EXPECT_THAT(Catalog::Open({path_}).status().message(), HasSubstr("another program"));
}

TEST_F(CatalogFileTest, AFullDiskLosesNothingAndMayBeTriedAgain) {
  {
    auto catalog = Open(/*max_pages=*/60);
    Status status;
    for (int i = 0; status.ok() && i < 10000; ++i) {
      RunRecord run = SomeRun("r" + std::to_string(i));
      run.recipe.assign(2000, 'x');
      status = catalog->Commit({RunCreated{run}}, 1);
      if (status.ok()) Apply(RunCreated{run}, image_);
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.reason(), "STORAGE_FULL") << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr("free space"));
    EXPECT_TRUE(*catalog->Load() == image_);
  }
  auto catalog = Open();
  Commit(*catalog, {RunCreated{SomeRun("after")}});
  EXPECT_TRUE(*catalog->Load() == image_);
}

TEST_F(CatalogFileTest, WhatWasAcknowledgedSurvivesSigkill) {
  for (int round = 0; round < 5; ++round) {
    int pipe_fds[2];
    ASSERT_EQ(pipe(pipe_fds), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto catalog = Catalog::Open({path_});
      for (int i = 0; catalog.ok(); ++i) {
        const std::string id = std::to_string(round) + "." + std::to_string(i);
        if (!(*catalog)->Commit({RunCreated{SomeRun(id)}}, 1).ok()) _exit(3);
        if (write(pipe_fds[1], &i, sizeof i) != sizeof i) _exit(4);
      }
      _exit(2);
    }
    close(pipe_fds[1]);
    int last = -1;
    while (last < 20 * (round + 1))
      ASSERT_EQ(read(pipe_fds[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    kill(child, SIGKILL);
    int value = 0;
    while (read(pipe_fds[0], &value, sizeof value) == sizeof value) last = value;
    close(pipe_fds[0]);
    waitpid(child, nullptr, 0);
    auto loaded = Open()->Load();
    ASSERT_TRUE(loaded.ok());
    for (int i = 0; i <= last; ++i) {
      ASSERT_TRUE(loaded->runs.contains(std::to_string(round) + "." + std::to_string(i)))
          << i << " of " << last;
    }
    EXPECT_EQ(loaded->last_seq, static_cast<int64_t>(loaded->runs.size()));
  }
}

TEST_F(CatalogFileTest, ACatalogHasAnIdOfItsOwnForGood) {
  std::string id;
  {
    auto catalog = Open();
    id = catalog->id();
    EXPECT_EQ(id.size(), 32u);
    const Reader reader(path_);
    ASSERT_TRUE(reader.CopyTo(path_ + ".copy").ok());
  }
  EXPECT_EQ(Open()->id(), id);
  EXPECT_EQ(Catalog::Open({path_ + ".copy", 0}).value()->id(), id) << "of what is restored, too";
  EXPECT_NE(Catalog::Open({path_ + ".other", 0}).value()->id(), id);
}

}  // namespace
}  // namespace braid::catalog
