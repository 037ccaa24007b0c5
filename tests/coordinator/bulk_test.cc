#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <optional>
#include <thread>

#include "base/file.h"
#include "coordinator/bulk/append_files.h"
#include "coordinator/bulk/bulk_names.h"
#include "coordinator/bulk/log_reader.h"
#include "coordinator/bulk/metric_lines.h"
#include "coordinator/bulk/rendezvous.h"

namespace {

bool fail_fsync = false;

}  // namespace

// In the place of the C library's.
extern "C" int fsync(int fd) {
  if (!fail_fsync) return static_cast<int>(syscall(SYS_fsync, fd));
  errno = EIO;
  return -1;
}

namespace braid::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct BulkFiles {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<AppendFiles> files = AppendFiles::Open(folder.path()).value();
};

// Folders are synced as they are made, and a disk may take long over that.
TEST(AppendFilesTest, ANewFolderKeepsNoOtherWriterWaiting) {
  const TemporaryFolder folder = TemporaryFolder::Create().value();
  AppendFiles* files = nullptr;
  bool inner = false;
  const auto make_folders = [&](const std::string& path) -> Status {
    // While the first attempt's folder is made, a second attempt writes: behind a lock it would
    // wait for ever.
    if (!inner) {
      inner = true;
      std::thread other([&] { EXPECT_EQ(files->Append("r/b/1.0", 0, "other").value(), 5u); });
      other.join();
    }
    return MakeFolder(path);
  };
  const auto opened = AppendFiles::Open(folder.path(), make_folders).value();
  files = opened.get();
  EXPECT_EQ(files->Append("r/a/1.0", 0, "first").value(), 5u);
  EXPECT_EQ(files->Read("r/a/1.0", 0, 9).value(), "first");
  EXPECT_EQ(files->Read("r/b/1.0", 0, 9).value(), "other");
}

JobStanding Standing(int64_t epoch, bool ended) {
  return {{"r", "a"}, epoch, ended};
}

TEST(LogReaderTest, ALogIsFollowedIntoTheNextAttemptAndToItsEnd) {
  BulkFiles f;
  ASSERT_TRUE(f.files->Append(LogName({{"r", "a", 1}, 0}), 0, "first\n").ok());
  LogReader reader(f.files.get(), {.follow = true});
  ASSERT_TRUE(reader.Begin(Standing(1, false)).ok());
  EXPECT_EQ(reader.Read(Standing(1, false))->data, "first\n");
  EXPECT_EQ(reader.Read(Standing(1, false))->state, LogReader::State::kNothingYet);
  ASSERT_TRUE(f.files->Append(LogName({{"r", "a", 2}, 0}), 0, "second\n").ok());
  const auto next = reader.Read(Standing(2, false)).value();
  EXPECT_EQ(next.data, "second\n");
  EXPECT_EQ(next.epoch, 2);
  EXPECT_EQ(next.offset, 0);
  EXPECT_EQ(reader.Read(Standing(2, false))->state, LogReader::State::kNothingYet);
  EXPECT_EQ(reader.Read(Standing(2, true))->state, LogReader::State::kEnd);
}

TEST(LogReaderTest, OneAttemptAloneEndsWhereTheNextBegins) {
  BulkFiles f;
  ASSERT_TRUE(f.files->Append(LogName({{"r", "a", 1}, 3}), 0, "rank three").ok());
  LogReader reader(f.files.get(), {.epoch = 1, .rank = 3, .offset = 5, .follow = true});
  ASSERT_TRUE(reader.Begin(Standing(1, false)).ok());
  EXPECT_EQ(reader.Read(Standing(1, false))->data, "three");
  EXPECT_EQ(reader.Read(Standing(2, false))->state, LogReader::State::kEnd);
  LogReader later(f.files.get(), {.epoch = 3});
  EXPECT_THAT(later.Begin(Standing(2, true)).message(), HasSubstr("has no attempt 3 yet"));
}

TEST(LogReaderTest, WithoutFollowItEndsAtWhatIsThere) {
  BulkFiles f;
  ASSERT_TRUE(f.files->Append(LogName({{"r", "a", 1}, 0}), 0, "one\ntwo\nthree\n").ok());
  LogReader tail(f.files.get(), {.tail_lines = 2});
  ASSERT_TRUE(tail.Begin(Standing(1, false)).ok());
  EXPECT_EQ(tail.Read(Standing(1, false))->data, "two\nthree\n");
  EXPECT_EQ(tail.Read(Standing(1, false))->state, LogReader::State::kEnd);
  LogReader all(f.files.get(), {.tail_lines = 9});
  ASSERT_TRUE(all.Begin(Standing(1, false)).ok());
  EXPECT_EQ(all.Read(Standing(1, false))->offset, 0);
}

TEST(AppendFilesTest, ARepeatedPieceChangesNothingAndAHoleIsRefused) {
  BulkFiles f;
  EXPECT_EQ(f.files->Append("r/a/1.0", 0, "hello ").value(), 6u);
  EXPECT_EQ(f.files->Append("r/a/1.0", 0, "hello ").value(), 6u);
  EXPECT_EQ(f.files->Append("r/a/1.0", 3, "lo world").value(), 11u);
  const Status hole = f.files->Append("r/a/1.0", 20, "x").status();
  EXPECT_EQ(hole.reason(), "OFFSET_MISMATCH");
  EXPECT_THAT(hole.message(), HasSubstr("go on at 11"));
  EXPECT_EQ(f.files->Read("r/a/1.0", 0, 100).value(), "hello world");
  EXPECT_EQ(f.files->Read("r/a/1.0", 6, 3).value(), "wor");
  EXPECT_EQ(f.files->Read("r/a/1.0", 11, 3).value(), "");
}

TEST(AppendFilesTest, ANameCannotLeaveTheFolder) {
  BulkFiles f;
  EXPECT_EQ(f.files->Append("../outside", 0, "x").status().code(), StatusCode::kInvalidArgument);
}

// Its writer then finds a hole and sends all of it again, instead of trusting a second fsync.
TEST(AppendFilesTest, AFailedFsyncRemovesTheFile) {
  BulkFiles f;
  ASSERT_TRUE(f.files->Append("r/a/1.0", 0, "hello").ok());
  EXPECT_TRUE(f.files->Sync("r/a/1.0").ok());
  EXPECT_TRUE(f.files->Sync("r/none/1.0").ok());
  fail_fsync = true;
  const Status status = f.files->Sync("r/a/1.0");
  fail_fsync = false;
  EXPECT_EQ(status.reason(), "FSYNC_FAILED");
  EXPECT_EQ(f.files->Append("r/a/1.0", 5, " world").status().reason(), "OFFSET_MISMATCH");
  EXPECT_EQ(f.files->Append("r/a/1.0", 0, "hello").value(), 5u);
}

TEST(MetricReaderTest, OfAStepThatRanTwiceTheLaterAttemptCounts) {
  BulkFiles f;
  const std::string first =
      "{\"step\":1,\"values\":{\"loss\":3}}\n{\"step\":2,\"values\":{\"loss\":2.5}}\n{\"step\":3,"
      "\"val";
  ASSERT_TRUE(f.files->Append("r/a/1.jsonl", 0, first).ok());
  ASSERT_TRUE(
      f.files
          ->Append(
              "r/a/2.jsonl", 0,
              "{\"step\":2,\"values\":{\"loss\":2.25}}\n{\"step\":3,\"values\":{\"loss\":null}}\n")
          .ok());
  MetricReader reader(f.files.get(), {"r", "a"});
  const auto points = reader.Next(2).value();
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_EQ(points[1].values.at("loss"), 2.25);
  EXPECT_EQ(points[1].epoch, 2);
  EXPECT_TRUE(std::isnan(points[2].values.at("loss")));
  EXPECT_THAT(reader.Next(2).value(), SizeIs(0));
}

// What a call that waits would be told.
struct Answer {
  std::optional<Result<std::string>> value;
  RendezvousTable::Done done = [this](Result<std::string> got) {
    EXPECT_FALSE(value.has_value()) << "answered twice";
    value = std::move(got);
  };
};

TEST(RendezvousTest, AGenerationGoesWithItsAttempt) {
  RendezvousTable table;
  const catalog::AttemptKey first{"r", "joint", 1}, other{"r", "other", 1};
  ASSERT_TRUE(table.Put(first, "a", "1").ok());
  ASSERT_TRUE(table.Put(other, "a", "1").ok());
  table.Forget(first);
  EXPECT_THAT(table.Generations(), ::testing::ElementsAre(other));
  Answer answer;
  const auto waiter = table.Get(first, "a", answer.done);
  EXPECT_FALSE(answer.value.has_value());
  table.GiveUp(waiter, DeadlineExceeded("too late"));
  EXPECT_EQ(answer.value->status().code(), StatusCode::kDeadlineExceeded);
}

TEST(RendezvousTest, AKeyAnswersAllWhoWaitForItAndIsWrittenOnce) {
  RendezvousTable table;
  const catalog::AttemptKey generation{"r", "joint", 2};
  Answer first, second, of_another_key, of_another_generation;
  table.Get(generation, "address", first.done);
  table.Get(generation, "address", second.done);
  table.Get(generation, "other", of_another_key.done);
  table.Get({"r", "joint", 3}, "address", of_another_generation.done);
  EXPECT_EQ(table.waiting(), 4u);
  EXPECT_TRUE(table.Put(generation, "address", "127.0.0.1:5").ok());
  ASSERT_TRUE(first.value.has_value() && second.value.has_value());
  EXPECT_EQ(first.value->value(), "127.0.0.1:5");
  EXPECT_EQ(second.value->value(), "127.0.0.1:5");
  EXPECT_FALSE(of_another_key.value.has_value());
  EXPECT_FALSE(of_another_generation.value.has_value());
  EXPECT_TRUE(table.Put(generation, "address", "127.0.0.1:5").ok())
      << "saying it again changes nothing";
  EXPECT_EQ(table.Put(generation, "address", "other").code(), StatusCode::kAlreadyExists);
  Answer later;
  table.Get(generation, "address", later.done);
  EXPECT_EQ(later.value->value(), "127.0.0.1:5") << "it is there already";
}

TEST(RendezvousTest, WhoHasItsAnswerCannotGiveUp) {
  RendezvousTable table;
  const catalog::AttemptKey generation{"r", "joint", 2};
  Answer answer;
  const auto waiter = table.Get(generation, "a", answer.done);
  ASSERT_TRUE(table.Put(generation, "a", "1").ok());
  table.GiveUp(waiter, DeadlineExceeded("too late"));
  EXPECT_EQ(answer.value->value(), "1");
}

TEST(RendezvousTest, ACoordinatorThatStopsAsksToTryAgain) {
  RendezvousTable table;
  Answer waiting, later;
  table.Get({"r", "joint", 1}, "address", waiting.done);
  table.Close();
  table.Get({"r", "joint", 1}, "address", later.done);
  // Anything but UNAVAILABLE would end the gang, which a restart of the coordinator must not.
  EXPECT_EQ(waiting.value->status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(later.value->status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace braid::coordinator
