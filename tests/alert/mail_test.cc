#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "alert/transfer.h"
#include "base/file.h"

namespace braid::alert {
namespace {

using testing::HasSubstr;

// A server of SMTP for one session, on a thread. It answers as told, and otherwise consents.
class MailServer {
 public:
  // `receiver`, `data` and `message`: the answers to RCPT, to DATA and to the end of the message.
  MailServer(std::string receiver, std::string data, std::string message)
      : receiver_(std::move(receiver)), data_(std::move(data)), message_(std::move(message)) {
    listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), raw, size), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    EXPECT_EQ(getsockname(listener_.get(), raw, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~MailServer() { thread_.join(); }
  std::string url() const { return "smtp://127.0.0.1:" + std::to_string(port_); }

 private:
  void Serve() {
    const UniqueFd client(accept(listener_.get(), nullptr, nullptr));
    Say(client, "220 here");
    bool in_message = false;
    std::string text;
    char bytes[512];
    for (ssize_t got = 0; (got = read(client.get(), bytes, sizeof bytes)) > 0;) {
      text.append(bytes, static_cast<size_t>(got));
      for (size_t end = 0; (end = text.find("\r\n")) != std::string::npos;) {
        const std::string line = text.substr(0, end);
        text.erase(0, end + 2);
        if (in_message && line != ".") continue;
        Say(client, in_message ? message_ : AnswerTo(line));
        in_message = !in_message && line == "DATA" && data_.starts_with("354");
      }
    }
  }
  std::string AnswerTo(const std::string& line) const {
    if (line.starts_with("RCPT")) return receiver_;
    if (line == "DATA") return data_;
    return line == "QUIT" ? "221 bye" : "250 ok";
  }
  static void Say(const UniqueFd& client, const std::string& answer) {
    const std::string line = answer + "\r\n";
    (void)send(client.get(), line.data(), line.size(), MSG_NOSIGNAL);
  }

  std::string receiver_, data_, message_;
  UniqueFd listener_;
  int port_ = 0;
  std::thread thread_;
};

Outcome MailTo(const MailServer& server) {
  Transfer transfer;
  transfer.url = server.url();
  Channel channel;
  channel.kind = ChannelKind::kEmail;
  channel.tls = false;
  channel.from = "braid@example.org";
  channel.to = {"ada@example.org"};
  return Mail(transfer, channel, "", "Subject: a run has ended\r\n\r\nIt has.\r\n");
}

TEST(MailTest, WhatTheServerTakesIsDelivered) {
  const MailServer server("250 ok", "354 go on", "250 queued as 42");
  const Outcome outcome = MailTo(server);
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.answer, "250 queued as 42");
}

// Another try with the same text would be refused again.
TEST(MailTest, AMessageThatIsRefusedForGoodIsGivenUp) {
  for (const std::string answer : {"554 looks like spam", "552 too large"}) {
    const MailServer server("250 ok", "354 go on", answer);
    const Outcome outcome = MailTo(server);
    EXPECT_EQ(outcome.verdict, Verdict::kRefused) << answer;
    EXPECT_THAT(outcome.answer, HasSubstr(answer));
  }
}

// Somebody may mend the address or the server's settings meanwhile.
TEST(MailTest, AReceiverThatIsRefusedIsTriedAgain) {
  const MailServer server("554 relaying is denied", "503 nobody is named", "");
  const Outcome outcome = MailTo(server);
  EXPECT_EQ(outcome.verdict, Verdict::kFailed);
  EXPECT_THAT(outcome.answer, HasSubstr("554 relaying is denied"));
}

TEST(MailTest, AServerWithoutRoomIsTriedAgain) {
  const MailServer server("250 ok", "354 go on", "452 no room at the moment");
  const Outcome outcome = MailTo(server);
  EXPECT_EQ(outcome.verdict, Verdict::kFailed);
  EXPECT_THAT(outcome.answer, HasSubstr("452 no room at the moment"));
}

}  // namespace
}  // namespace braid::alert
