#include "base/process.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "base/text.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

ProcessOptions Shell(const std::string& script) {
  return {{"/bin/sh", "-c", script}, {}, "", false};
}

bool Alive(pid_t pid) {
  const auto stat = ReadFile(Format("/proc/%d/stat", pid));
  return stat.ok() && stat->find(") Z ") == std::string::npos;
}

// Waits for a condition that other processes make true; fails loudly instead of hanging.
template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(ProcessTest, ExitCodesSignalsAndOutput) {
  const auto folder = TemporaryFolder::Create();
  ProcessOptions options = Shell("echo out; echo err >&2; echo $GREETING; exit 7");
  options.output = folder->path() + "/log";
  options.env = {{"GREETING", "hallo"}};
  const auto process = Process::Start(options);
  ASSERT_TRUE(process.ok()) << process.status().message();
  ASSERT_TRUE((*process)->Wait(-1));
  EXPECT_EQ((*process)->exit().code, 7);
  EXPECT_EQ((*process)->exit().signal, 0);
  EXPECT_EQ(ReadFile(options.output).value(), "out\nerr\nhallo\n");
  options.standard_output = folder->path() + "/out";
  ASSERT_TRUE(Process::Start(options).value()->Wait(-1));
  EXPECT_EQ(ReadFile(options.standard_output).value(), "out\nhallo\n");
  EXPECT_EQ(ReadFile(options.output).value(), "out\nerr\nhallo\nerr\n");

  const auto killed = Process::Start(Shell("kill -SEGV $$"));
  ASSERT_TRUE((*killed)->Wait(-1));
  EXPECT_EQ((*killed)->exit().signal, SIGSEGV);
}

TEST(ProcessTest, ARaisedLimitOfDescriptorsIsNotThatOfItsChildren) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_max, 321);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  RaiseDescriptorLimit();
  rlimit raised{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &raised), 0);
  EXPECT_EQ(raised.rlim_cur, before.rlim_max);
  const auto folder = TemporaryFolder::Create();
  ProcessOptions options = Shell("ulimit -n");
  options.output = folder->path() + "/log";
  ASSERT_TRUE(Process::Start(options).value()->Wait(-1));
  EXPECT_EQ(ReadFile(options.output).value(), std::to_string(low.rlim_cur) + "\n");
  // For the children of later tests.
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  RaiseDescriptorLimit();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ProcessTest, AMissingProgramIsAnErrorWithItsName) {
  EXPECT_THAT(Process::Start({{"/nowhere/braid-trainer"}, {}, "", false}).status().message(),
              HasSubstr("starting /nowhere/braid-trainer: No such file"));
}

TEST(ProcessTest, AdoptedProcessesDoNotStayAsZombies) {
  const bool adopts = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
  ASSERT_TRUE(adopts);
  // A grandchild in a session of its own, so that it outlives the group of its parent, until
  // somebody kills it.
  const auto folder = TemporaryFolder::Create();
  const std::string mark = folder->path() + "/pid";
  const auto parent = Process::Start(Shell("setsid sh -c 'echo $$ > " + mark + ".new; mv " + mark +
                                           ".new " + mark +
                                           "; exec sleep 1000' &\n"
                                           "while [ ! -e " +
                                           mark + " ]; do sleep 0.01; done"));
  ASSERT_TRUE((*parent)->Wait(-1));
  const pid_t orphan = std::atoi(ReadFile(mark).value().c_str());
  ASSERT_TRUE(Alive(orphan));
  EXPECT_EQ(ReapOrphans(), 0) << "it still runs";
  ASSERT_EQ(kill(orphan, SIGKILL), 0);
  // Its `mv` may still be ending, and is then an orphan, too: their number says nothing.
  EXPECT_TRUE(Eventually([&] {
    ReapOrphans();
    return kill(orphan, 0) != 0;
  })) << "it stays as a zombie";
  // The exit of a child that a Process waits for is left to it.
  const auto child = Process::Start(Shell("exit 7"));
  const pid_t pid = (*child)->pid();
  EXPECT_TRUE(Eventually([&] { return !Alive(pid); }));
  EXPECT_EQ(ReapOrphans(), 0);
  ASSERT_TRUE((*child)->Wait(-1));
  EXPECT_EQ((*child)->exit().code, 7);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(ProcessTest, TheSocketSpeaksBothWays) {
  ProcessOptions options = Shell(
      "read line <&$BRAID_TASK_FD; echo \"heard $line\" >&$BRAID_TASK_FD");
  options.task_socket = true;
  const auto process = Process::Start(options);
  ASSERT_TRUE(WriteAll((*process)->socket(), "hello\n", "socket").ok());
  char answer[64] = "";
  ASSERT_GT(recv((*process)->socket(), answer, sizeof answer - 1, 0), 0);
  EXPECT_STREQ(answer, "heard hello\n");
  EXPECT_TRUE((*process)->Wait(-1));
}

TEST(ProcessTest, NoDescriptorLeaksIntoTheChild) {
  const auto folder = TemporaryFolder::Create();
  const int leaky = dup(0);  // without close-on-exec
  // No pipe: the shell itself would have its ends for a moment.
  ProcessOptions options = Shell("ls /proc/$$/fd; exit 0");
  options.output = folder->path() + "/log";
  options.task_socket = true;
  const auto process = Process::Start(options);
  ASSERT_TRUE((*process)->Wait(-1));
  close(leaky);
  EXPECT_EQ(ReadFile(options.output).value(), "0\n1\n2\n3\n");
}

TEST(ProcessTest, TheWholeGroupGoesWithTheProcess) {
  const auto folder = TemporaryFolder::Create();
  const std::string mark = folder->path() + "/grandchild";
  const auto process = Process::Start(Shell("sleep 1000 & echo $! > '" + mark + ".tmp'; mv '" +
                                            mark + ".tmp' '" + mark + "'; wait"));
  ASSERT_TRUE(Eventually([&] { return PathExists(mark); }));
  const auto grandchild = static_cast<pid_t>(ParseInt(Trim(ReadFile(mark).value())).value());
  EXPECT_TRUE(Alive(grandchild));
  EXPECT_FALSE((*process)->Wait(0));
  (*process)->Signal(SIGKILL);
  EXPECT_TRUE((*process)->Wait(-1));
  EXPECT_TRUE(Eventually([&] { return !Alive(grandchild); }));
}

TEST(ProcessTest, AChildDiesWithTheThreadThatStartedIt) {
  pid_t pid = -1;
  std::unique_ptr<Process> process;
  std::thread([&] {
    process = Process::Start(Shell("sleep 1000")).value();
    pid = process->pid();
  }).join();
  EXPECT_TRUE(process->Wait(60'000));
  EXPECT_EQ(process->exit().signal, SIGKILL);
}

TEST(ProcessTest, StartTimesTellProcessesApart) {
  EXPECT_GT(ProcessStartTime(getpid()), 0u);
  EXPECT_EQ(ProcessStartTime(getpid()), ProcessStartTime(getpid()));
  EXPECT_EQ(ProcessStartTime(0x7FFFFFF), 0u);
}

}  // namespace
}  // namespace braid
