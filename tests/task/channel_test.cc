#include "task/channel.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <string>
#include <thread>

#include "base/file.h"
#include "task/timed_span.h"

namespace braid::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A child that opens the channel on its end of a socket pair and runs `body`; the test plays the
// worker.
struct Child {
  pid_t pid;
  int fd;

  std::string ReadLine() const {
    std::string line;
    char c;
    while (read(fd, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  void Write(const std::string& line) const {
    ASSERT_TRUE(WriteAll(fd, line + "\n", "socket").ok());
  }
  int Wait() const {
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }
};

template <typename Body>
Child Spawn(Body body, const std::string& traceparent = "") {
  int pair[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(pair[0]);
    setenv("BRAID_TASK_FD", std::to_string(pair[1]).c_str(), 1);
    Task task;
    task.job = "job";
    task.traceparent = traceparent;
    auto channel = Channel::Open(task);
    if (!channel.ok()) _exit(9);
    Channel& opened = **channel;
    channel->release();  // as in a program: it lives until exit
    body(opened);
    _exit(0);
  }
  close(pair[1]);
  return {pid, pair[0]};
}

TEST(ChannelTest, EventsLeaveAsJsonLines) {
  const Child child = Spawn([](Channel& channel) {
    channel.Metric(7, {{"loss", 0.1}});
    channel.AddOutput("model", ArtifactKind::kCheckpoint, "model", {{"step", 7}});
    channel.Succeed({{"tokens", 3}});
  });
  EXPECT_EQ(child.ReadLine(), R"({"event":"metric","step":7,"values":{"loss":0.1}})");
  const Json result = Json::parse(child.ReadLine());
  EXPECT_EQ(result["outputs"]["model"]["folder"], "model");
  EXPECT_EQ(child.Wait(), 0);
  close(child.fd);
}

TEST(ChannelTest, PhasesAndPartsAreSpansWhereTheWorkerWantsThem) {
  const auto body = [](Channel& channel) {
    channel.Started();
    channel.Progress("counting", "bytes", 0, 10);
    channel.Progress("counting", "bytes", 10, 10);
    {
      const TimedSpan span(channel, "validation", {{"step", 3}});
    }
    channel.BeginPhase("writing");
    channel.Succeed(Json::object());
  };
  const auto events = [&](const std::string& traceparent) {
    const Child child = Spawn(body, traceparent);
    std::vector<Json> found;
    for (std::string line = child.ReadLine(); !line.empty(); line = child.ReadLine())
      found.push_back(Json::parse(line));
    EXPECT_EQ(child.Wait(), 0);
    close(child.fd);
    return found;
  };
  const std::string base = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";
  std::vector<std::string> spans;
  for (const Json& event : events(base + "1")) {
    if (event["event"] != "span") continue;
    spans.push_back(event["name"]);
    EXPECT_LE(event["begin_ms"], event["end_ms"]);
    EXPECT_EQ(event["attributes"],
              event["name"] == "validation" ? Json::parse(R"({"step": 3})") : Json::object());
  }
  EXPECT_THAT(spans, ElementsAre("loading", "validation", "counting", "writing"));
  for (const std::string& unwanted : {std::string(), base + "0"}) {
    const auto quiet = events(unwanted);
    EXPECT_EQ(quiet.size(), 4u) << "started, progress twice, result";
  }
}

TEST(ChannelTest, ObeysStopAndAnswersRendezvous) {
  const Child child = Spawn([](Channel& channel) {
    const auto value = channel.rendezvous().Get("address", 10'000);
    channel.Progress(value.ok() ? *value : value.status().message(), "steps", 1, 1);
    while (!channel.stop_requested() || !channel.TakeCheckpointRequest() ||
           channel.stored_checkpoint() != 12) {
      std::this_thread::yield();
    }
    channel.Fail(FailureCategory::kPreempted, Cancelled("stopped"), "", false);
  });
  const Json ask = Json::parse(child.ReadLine());
  EXPECT_EQ(ask["op"], "get");
  child.Write(R"({"control":"rendezvous","id":)" + ask["id"].dump() + R"(,"value":"aGFsbG8="})");
  EXPECT_EQ(Json::parse(child.ReadLine())["phase"], "hallo");
  child.Write(R"({"control":"checkpoint_stored","step":12})");
  child.Write(R"({"control":"stop"})");
  // The child polls in one expression from left to right, so the request stays until it is asked
  // for.
  kill(child.pid, SIGUSR1);
  EXPECT_EQ(Json::parse(child.ReadLine())["category"], "preempted");
  EXPECT_EQ(child.Wait(), 0);
  close(child.fd);
}

TEST(ChannelTest, TheEndOfTheSocketIsTheEndOfTheProgram) {
  const Child child = Spawn([](Channel& channel) {
    channel.Started();
    pause();
  });
  child.ReadLine();
  close(child.fd);
  const int status = child.Wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(ChannelTest, SigtermIsAStop) {
  const Child child = Spawn([](Channel& channel) {
    channel.Started();
    while (!channel.stop_requested()) std::this_thread::yield();
  });
  child.ReadLine();
  kill(child.pid, SIGTERM);
  EXPECT_EQ(child.Wait(), 0);
  close(child.fd);
}

TEST(RendezvousTest, FolderKeysAreWrittenOnce) {
  const auto folder = TemporaryFolder::Create();
  const auto one = FolderRendezvous(folder->path(), "job.1");
  const auto two = FolderRendezvous(folder->path(), "job.1");
  const auto later = FolderRendezvous(folder->path(), "job.2");
  ASSERT_TRUE(one->Put("a/b", "x").ok());
  EXPECT_EQ(two->Get("a/b", 0).value(), "x");
  EXPECT_TRUE(two->Put("a/b", "x").ok());
  EXPECT_THAT(two->Put("a/b", "y").message(), HasSubstr("another value"));
  EXPECT_EQ(later->Get("a/b", 0).status().code(), StatusCode::kDeadlineExceeded);
}

// Two gangs that share a folder by mistake: one of them is told, however close together they are.
TEST(RendezvousTest, OfTwoValuesAtTheSameTimeOneIsRefused) {
  const auto folder = TemporaryFolder::Create();
  const auto table = FolderRendezvous(folder->path(), "job.1");
  for (int round = 0; round < 50; ++round) {
    const std::string key = std::to_string(round);
    std::latch together(2);
    Status other;
    std::thread rival([&] {
      together.arrive_and_wait();
      other = table->Put(key, "theirs");
    });
    together.arrive_and_wait();
    const Status mine = table->Put(key, "ours");
    rival.join();
    ASSERT_NE(mine.ok(), other.ok()) << "round " << round;
    EXPECT_EQ(table->Get(key, 0).value(), mine.ok() ? "ours" : "theirs");
  }
}

}  // namespace
}  // namespace braid::task
