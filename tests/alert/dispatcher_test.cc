#include "alert/dispatcher.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

namespace braid::alert {
namespace {

std::string TextIn(const std::string& path) {
  const auto text = ReadFile(path);
  return text.ok() ? *text : "";
}

constexpr int64_t kNowMs = 1'700'000'000'000;

// A command that writes the id of each alert to a file, as long as it may.
struct Bed {
  Bed() {
    std::string name = testing::TempDir() + "/braid alerts XXXXXX";
    folder = mkdtemp(name.data());
    const std::string script = JoinPath(folder, "tell");
    EXPECT_TRUE(WriteFileAtomic(script,
                                "#!/bin/sh\n[ -e \"$(dirname \"$0\")/closed\" ] && exit 1\n"
                                "echo \"$BRAID_ALERT_ID\" >> \"$(dirname \"$0\")/told\"\n")
                    .ok());
    chmod(script.c_str(), 0700);
    channel.name = "page";
    channel.kind = ChannelKind::kCommand;
    channel.command = {script};
  }
  ~Bed() { (void)RemoveTree(folder); }

  Journal Open(int64_t last_seq) {
    auto journal = Journal::Open(path(), {"page"}, last_seq);
    EXPECT_TRUE(journal.ok()) << journal.status().message();
    return *std::move(journal);
  }
  std::string path() const { return JoinPath(folder, "alerts.json"); }
  std::string Told() const { return TextIn(JoinPath(folder, "told")); }

  // Events 1 to `last`; each odd one is an alert.
  ReadAfter Events(int64_t last) const {
    return [last](int64_t seq) -> Result<std::vector<Found>> {
      std::vector<Found> found;
      while (++seq <= last && found.size() < 2) {
        Found& one = found.emplace_back();
        one.seq = seq;
        if (seq % 2 == 0) continue;
        one.alert.emplace();
        one.alert->kind = Kind::kFailed;
        one.alert->id = "e-" + std::to_string(seq);
        one.alert->time_ms = kNowMs;
      }
      return found;
    };
  }
  // Waits, without a limit of its own, until the channel is where `done` wants it.
  template <class Done>
  static ChannelState Await(Dispatcher& dispatcher, Done done) {
    while (true) {
      const ChannelState state = dispatcher.Channels().at(0);
      if (done(state)) return state;
      std::this_thread::yield();
    }
  }

  std::string folder;
  Channel channel;
  SimulatedClock clock{kNowMs};
};

TEST(Dispatcher, SendsInOrderAndOnceOverARestart) {
  Bed bed;
  {
    Journal journal = bed.Open(0);
    Dispatcher dispatcher({bed.channel}, &journal, bed.Events(3), &bed.clock);
    Bed::Await(dispatcher, [](const ChannelState& state) { return state.sent == 2; });
  }
  EXPECT_EQ(bed.Told(), "e-1\ne-3\n");
  Journal journal = bed.Open(6);
  Dispatcher dispatcher({bed.channel}, &journal, bed.Events(6), &bed.clock);
  Bed::Await(dispatcher, [](const ChannelState& state) { return state.sent == 3; });
  EXPECT_EQ(bed.Told(), "e-1\ne-3\ne-5\n");
}

TEST(Dispatcher, SendsAfterARestartWhatWasNotDelivered) {
  Bed bed;
  EXPECT_TRUE(WriteFileAtomic(JoinPath(bed.folder, "closed"), "").ok());
  {
    Journal journal = bed.Open(0);
    Dispatcher dispatcher({bed.channel}, &journal, bed.Events(1), &bed.clock);
    const auto state = Bed::Await(dispatcher,
                                  [](const ChannelState& at) { return !at.trouble.empty(); });
    EXPECT_EQ(state.trouble, "exit code 1");
  }
  EXPECT_EQ(bed.Told(), "");
  EXPECT_TRUE(RemoveFile(JoinPath(bed.folder, "closed")).ok());
  Journal journal = bed.Open(1);
  Dispatcher dispatcher({bed.channel}, &journal, bed.Events(1), &bed.clock);
  Bed::Await(dispatcher, [](const ChannelState& state) { return state.sent == 1; });
  EXPECT_EQ(bed.Told(), "e-1\n");
}

TEST(Dispatcher, GivesUpWhatIsTooOld) {
  Bed bed;
  bed.channel.keep_ms = 1000;
  bed.clock.Advance(2000);
  Journal journal = bed.Open(0);
  Dispatcher dispatcher({bed.channel}, &journal, bed.Events(1), &bed.clock);
  Bed::Await(dispatcher, [](const ChannelState& state) { return state.dropped == 1; });
  EXPECT_EQ(bed.Told(), "");
}

TEST(Dispatcher, KnowsItsChannels) {
  Bed bed;
  Journal journal = bed.Open(0);
  Dispatcher dispatcher({bed.channel}, &journal, bed.Events(0), &bed.clock);
  Alert alert;
  alert.id = "test-1";
  const auto sent = dispatcher.SendNow("page", alert);
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(sent->verdict, Verdict::kDelivered);
  EXPECT_EQ(bed.Told(), "test-1\n");
  EXPECT_EQ(dispatcher.SendNow("hook", alert).status().message(),
            "there is no channel \"hook\" for alerts; there are page");
}

TEST(Journal, BeginsWithWhatHappensAfterAChannelIsNew) {
  Bed bed;
  {
    Journal journal = bed.Open(7);
    EXPECT_EQ(journal.Of("page").seq, 7);
    EXPECT_TRUE(journal.Note("page", {9, 2, 1, kNowMs}).ok());
    EXPECT_TRUE(journal.NoteDiskLow(true).ok());
  }
  Journal journal = bed.Open(20);
  EXPECT_EQ(journal.Of("page"), (Progress{9, 2, 1, kNowMs}));
  EXPECT_TRUE(journal.disk_low());
  // After an older catalog was put back.
  EXPECT_EQ(bed.Open(4).Of("page").seq, 4);
}

TEST(Journal, SaysWhatToDoWithAFileThatIsDamaged) {
  Bed bed;
  EXPECT_TRUE(WriteFileAtomic(bed.path(), "{\"channels\": 3}").ok());
  const auto journal = Journal::Open(bed.path(), {"page"}, 0);
  EXPECT_EQ(journal.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(
      journal.status().message(),
      testing::HasSubstr("remove the file, and alerts begin with what happens from now on"));
}

}  // namespace
}  // namespace braid::alert
