#include "coordinator/http/http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "coordinator/core/core.h"
#include "storage/catalog/catalog.h"

namespace braid::coordinator {
namespace {

using ::testing::StartsWith;

bool HasIpv6Loopback() {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return has;
}

struct Coordinator {
  TemporaryFolder folder = TemporaryFolder::Create().value();
  std::unique_ptr<catalog::Catalog> catalog = catalog::Catalog::Open({folder.path() + "/braid.db", 0}).value();
  std::unique_ptr<Core> core;

  Coordinator() {
    Options options;
    options.store = catalog.get();
    options.clock = &SystemClock();
    core = Core::Create(options).value();
  }
};

TEST(HttpTest, ListensOnTheIpv6Loopback) {
  if (!HasIpv6Loopback()) GTEST_SKIP() << "this machine has no ::1";
  Coordinator coordinator;
  const auto server = HttpServer::Start("[::1]:0", coordinator.core.get());
  ASSERT_TRUE(server.ok()) << server.status().message();
  EXPECT_THAT((*server)->address(), StartsWith("[::1]:"));
}

TEST(HttpTest, ATakenPortIsNamed) {
  Coordinator coordinator;
  const auto first = HttpServer::Start("127.0.0.1:0", coordinator.core.get());
  ASSERT_TRUE(first.ok());
  const auto second = HttpServer::Start((*first)->address(), coordinator.core.get());
  // With SO_REUSEPORT the second would share the port and take half of the requests.
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.status().message(), ::testing::HasSubstr((*first)->address()));
}

}  // namespace
}  // namespace braid::coordinator
