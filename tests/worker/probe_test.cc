// Probes between workers: who knows the secret is answered, everybody else is told nothing.
#include "worker/network/probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/hmac.h"
#include "worker/network/address.h"

namespace braid::worker {
namespace {

using ::testing::HasSubstr;

constexpr char kLoopback[] = "127.0.0.1";
// Longer than any machine takes that answers at all.
constexpr int64_t kLongMs = 60'000;
const std::string kSecret(32, 'k');

std::unique_ptr<ProbeListener> Listener() {
  return ProbeListener::Listen(kLoopback, kSecret).value();
}

UniqueFd Dial(int32_t port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// What a caller gets who says this and waits for the end.
std::string AnswerTo(int32_t port, const std::string& said) {
  const UniqueFd fd = Dial(port);
  EXPECT_EQ(send(fd.get(), said.data(), said.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(said.size()));
  shutdown(fd.get(), SHUT_WR);
  std::string answer;
  char piece[256];
  for (ssize_t n; (n = recv(fd.get(), piece, sizeof piece, 0)) > 0;)
    answer.append(piece, static_cast<size_t>(n));
  return answer;
}

// The vectors of RFC 4231, cases 1 and 2.
TEST(HmacTest, IsTheStandardOne) {
  const auto hex = [](const std::string& bytes) {
    std::string text;
    for (const unsigned char byte : bytes) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  };
  EXPECT_EQ(hex(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(SecretBytes(32).value().size(), 32u);
  EXPECT_NE(SecretBytes(32).value(), SecretBytes(32).value());
}

TEST(ProbeTest, WhoKnowsTheSecretIsAnsweredAgainAndAgain) {
  const auto listener = Listener();
  for (int i = 0; i < 40; ++i)
    EXPECT_TRUE(Probe(kLoopback, listener->port(), kSecret, kLongMs).ok());
}

TEST(ProbeTest, ItSaysWhatIsWrong) {
  const auto listener = Listener();
  const std::string wrong(32, 'w');
  EXPECT_THAT(Probe(kLoopback, listener->port(), wrong, kLongMs).message(),
              HasSubstr("another program answers there, or another machine has this address"));
  EXPECT_THAT(Probe("no address", 1, kSecret, 100).message(), HasSubstr("\"no address\""));
  // A port at which nobody listens: it is bound, so that nobody else takes it.
  const UniqueFd bound(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(bound.get(), raw, size), 0);
  ASSERT_EQ(getsockname(bound.get(), raw, &size), 0);
  const int32_t port = ntohs(address.sin_port);
  const Status refused = Probe(kLoopback, port, kSecret, kLongMs);
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.message(), HasSubstr("127.0.0.1 port " + std::to_string(port)));
  EXPECT_THAT(refused.message(), HasSubstr("Connection refused"));
}

TEST(ProbeTest, ALineThatSwallowsEverythingIsGivenUp) {
  const UniqueFd mute(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(mute.get(), raw, size), 0);
  ASSERT_EQ(listen(mute.get(), 4), 0);
  ASSERT_EQ(getsockname(mute.get(), raw, &size), 0);
  EXPECT_THAT(Probe(kLoopback, ntohs(address.sin_port), kSecret, 50).message(),
              HasSubstr("the connection opens, and nothing comes through it"));
}

TEST(ProbeTest, StrangersAreToldNothing) {
  const auto listener = Listener();
  const std::string nonce(16, 'n');
  const std::string good = ProbeRequest(kSecret, nonce);
  ASSERT_EQ(good.size(), kProbeBytes);
  EXPECT_EQ(AnswerTo(listener->port(), good), HmacSha256(kSecret, "answer" + nonce));
  for (size_t at = 0; at < good.size(); at += 5) {
    std::string bad = good;
    bad[at] ^= 1;
    EXPECT_EQ(AnswerTo(listener->port(), bad), "") << "byte " << at;
  }
  EXPECT_EQ(AnswerTo(listener->port(), ""), "");
  EXPECT_EQ(AnswerTo(listener->port(), good.substr(0, 55)), "");
  EXPECT_EQ(AnswerTo(listener->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
}

// They hold what they may hold for two seconds; then those who wait behind them are served.
TEST(ProbeTest, CallersWhoSayNothingKeepNobodyOut) {
  const auto listener = Listener();
  std::vector<UniqueFd> mute;
  for (int i = 0; i < ProbeListener::kMostAtOnce + 4; ++i) mute.push_back(Dial(listener->port()));
  EXPECT_TRUE(Probe(kLoopback, listener->port(), kSecret, kLongMs).ok());
}

TEST(AddressTest, TheOneThatIsGivenMustBeThere) {
  const std::vector<NetworkAddress> addresses = {{"10.0.0.2", "eth0"}, {"fd00::2", "eth1"}};
  const NetworkAddress first = addresses[0];
  EXPECT_EQ(ChooseAddress("10.0.0.2", "", addresses).value(), first);
  EXPECT_EQ(ChooseAddress("10.0.0.2%eth0", "", addresses).value(), first);
  EXPECT_EQ(ChooseAddress("fd00::2%eth1", "", addresses).value(), addresses[1]);
  EXPECT_EQ(ChooseAddress("none", "", addresses).value(), NetworkAddress());
  EXPECT_EQ(ChooseAddress("auto", "127.0.0.1:7070", {}).value(), NetworkAddress());
  for (const std::string wrong : {"10.0.0.3", "10.0.0.2%eth1", "eth0"}) {
    const Status refused = ChooseAddress(wrong, "", addresses).status();
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.message(), HasSubstr("--advertise " + wrong + ": no interface"));
    EXPECT_THAT(refused.message(), HasSubstr("there are 10.0.0.2%eth0, fd00::2%eth1"));
  }
  EXPECT_THAT(ChooseAddress("10.0.0.3", "", {}).status().message(),
              HasSubstr("there is none but loopback"));
  // Whatever the routes of this machine are: of what there is, one is chosen.
  EXPECT_THAT(addresses,
              ::testing::Contains(ChooseAddress("auto", "127.0.0.1:7070", addresses).value()));
}

TEST(AddressTest, ThoseOfThisMachineAreNoLoopback) {
  const std::vector<NetworkAddress> addresses = LocalAddresses().value();
  for (const NetworkAddress& one : addresses) {
    EXPECT_FALSE(one.address.starts_with("127.") || one.address == "::1") << one.ToString();
    EXPECT_FALSE(one.address.starts_with("fe80:")) << one.ToString();
    EXPECT_FALSE(one.interface.empty());
  }
}

}  // namespace
}  // namespace braid::worker
