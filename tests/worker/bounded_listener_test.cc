// How many connections a port bears.
#include "worker/network/bounded_listener.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

#include "base/mutex.h"
#include "worker/network/socket_address.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;

TEST(ConnectionCountsTest, AreBoundedForEachAddressAndInAll) {
  ConnectionCounts counts({/*in_all=*/5, /*of_an_address=*/2});
  EXPECT_TRUE(counts.Take("a"));
  EXPECT_TRUE(counts.Take("a"));
  EXPECT_FALSE(counts.Take("a"));
  EXPECT_TRUE(counts.Take("b"));
  EXPECT_TRUE(counts.Take("c"));
  EXPECT_TRUE(counts.Take("c"));
  EXPECT_FALSE(counts.Take("b")) << "although it has one only";
  EXPECT_EQ(counts.in_all(), 5u) << "those that were refused count for nothing";
  counts.Leave("a");
  EXPECT_TRUE(counts.Take("b"));
  EXPECT_FALSE(counts.Take("a"));
}

// What is served is kept open here, as a server would that is slow to close.
TEST(BoundedListenerTest, AConnectionCountsUntilItIsShutDownByWhoServesIt) {
  Mutex mutex;
  CondVar served;
  std::vector<UniqueFd> open;
  // Ends before what its thread uses.
  auto listener = BoundedListener::Listen("127.0.0.1", {/*in_all=*/9, /*of_an_address=*/1}).value();
  listener->Begin([&](UniqueFd fd) {
    MutexLock lock(mutex);
    open.push_back(std::move(fd));
    served.NotifyAll();
  });
  const auto dial = [&] {
    const SocketAddress there = SocketAddress::Of("127.0.0.1", listener->port()).value();
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), there.get(), there.size), 0);
    return fd;
  };
  const auto hangs_up = [](const UniqueFd& fd) {
    char byte = 0;
    return recv(fd.get(), &byte, 1, 0) <= 0;
  };
  const UniqueFd first = dial();
  const UniqueFd second = dial();
  EXPECT_TRUE(hangs_up(second)) << "one too many";
  {
    MutexLock lock(mutex);
    while (open.empty()) served.Wait(mutex);
    ASSERT_EQ(open.size(), 1u);
    shutdown(open[0].get(), SHUT_RDWR);
    open.clear();
  }
  EXPECT_TRUE(hangs_up(first));
  // The next one is served as soon as the listener has seen that.
  bool again = false;
  for (int i = 0; i < 3'000 && !again; ++i) {
    const UniqueFd next = dial();
    MutexLock lock(mutex);
    if (open.empty()) (void)served.WaitFor(mutex, 10);
    again = !open.empty();
  }
  EXPECT_TRUE(again);
}

TEST(BoundedListenerTest, AnAddressOfAnotherMachineIsNamed) {
  EXPECT_THAT(BoundedListener::Listen("192.0.2.1", {}).status().message(),
              HasSubstr("listening on 192.0.2.1"));
  EXPECT_THAT(BoundedListener::Listen("here", {}).status().message(),
              HasSubstr("\"here\" is no address"));
}

}  // namespace
}  // namespace braid::worker
