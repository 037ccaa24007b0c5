#include "rpc/tls/server_session.h"

#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <functional>

#include "base/file.h"
#include "rpc/tls/certificates.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

// A server's session and OpenSSL's client, joined by a pair of sockets.
class ServerSessionTest : public ::testing::Test {
 protected:
  ServerSessionTest() {
    factory_ = SessionFactory::Open(authority_.OwnServer({"localhost"}).value()).value();
    Connect();
  }
  // A connection of its own, which goes on with an earlier `session` if there is one.
  void Connect(SSL_SESSION* session = nullptr) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_.reset();
    session_.reset();
    near_.Reset(ends[0]);
    far_.Reset(ends[1]);
    session_ = factory_->Begin(near_.get());
    EXPECT_EQ(session_->Certificate().pem + session_->Certificate().wrong, "") << "not shown yet";
    client_.reset(SSL_new(context_.get()));
    SSL_set_fd(client_.get(), far_.get());
    if (session != nullptr) SSL_set_session(client_.get(), session);
    for (int i = 0; i < 10 && SSL_connect(client_.get()) != 1; ++i) (void)Read();
    EXPECT_EQ(SSL_is_init_finished(client_.get()), 1);
    (void)Read();  // the client's last message
  }
  // The certificate of a new key is what clients show from now on.
  std::string Show(const std::function<Result<std::string>(const std::string& request)>& sign) {
    const std::string key = MakeKey().value(), request = MakeRequest(key, "ada").value();
    const std::string certificate = sign(request).value();
    const OwnedBio reader = ReaderOf(key);
    const OwnedKey read(PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr));
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), ReadX509(certificate).get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), read.get()), 1);
    return certificate;
  }
  Moved Read() {
    char piece[64 << 10];
    return session_->Read(piece, sizeof piece);
  }
  int Unread() const {
    int bytes = 0;
    EXPECT_EQ(ioctl(near_.get(), FIONREAD, &bytes), 0);
    return bytes;
  }

  TemporaryFolder folder_ = TemporaryFolder::Create().value();
  const Authority authority_ = Authority::Open(folder_.path() + "/tls").value();
  UniqueFd near_, far_;
  std::unique_ptr<SessionFactory> factory_;
  std::unique_ptr<ServerSession> session_;
  const OwnedContext context_{SSL_CTX_new(TLS_client_method())};
  OwnedSsl client_;
};

// Who sends nothing else must not keep a read from ending.
TEST_F(ServerSessionTest, ARecordWithoutDataEndsARead) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client_.get()), 1);
  }
  const int before = Unread();
  EXPECT_EQ(Read().state, Moved::State::kLater);
  EXPECT_LT(Unread(), before);
  EXPECT_GT(Unread(), 0) << "one at a time";
  ASSERT_EQ(SSL_write(client_.get(), "x", 1), 1);
  Moved moved = Read();
  for (int i = 0; i < 3 && moved.state == Moved::State::kLater; ++i) moved = Read();
  EXPECT_EQ(moved.state, Moved::State::kSome);
  EXPECT_FALSE(session_->HasHungUp());
  SSL_shutdown(client_.get());
  EXPECT_TRUE(session_->HasHungUp());
}

// Also when the connection goes on with an earlier session, in which nothing is shown again.
TEST_F(ServerSessionTest, ACertificateOfTheAuthorityIsTold) {
  EXPECT_EQ(session_->Certificate().pem, "");
  EXPECT_EQ(session_->Certificate().wrong, "");
  const std::string shown = Show(
      [&](const std::string& request) { return authority_.SignClient(request, "ada", 60); });
  Connect();
  EXPECT_TRUE(shown.starts_with(session_->Certificate().pem)) << shown;
  EXPECT_THAT(session_->Certificate().pem, testing::StartsWith("-----BEGIN CERTIFICATE-----"));
  ASSERT_EQ(session_->Write("x").state, Moved::State::kSome);
  char byte;
  ASSERT_EQ(SSL_read(client_.get(), &byte, 1), 1);  // and the session's ticket before it
  const std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>> earlier(
      SSL_get1_session(client_.get()));
  SSL_shutdown(client_.get());  // or OpenSSL would not go on with it
  Connect(earlier.get());
  EXPECT_EQ(SSL_session_reused(client_.get()), 1);
  EXPECT_TRUE(shown.starts_with(session_->Certificate().pem));
  EXPECT_NE(session_->Certificate().pem, "");
}

// Whoever shows one is heard, so that it can be told, and is nobody.
TEST_F(ServerSessionTest, WhatIsWrongWithACertificateIsTold) {
  const auto wrong = [&](const std::function<Result<std::string>(const std::string&)>& sign) {
    Show(sign);
    Connect();
    EXPECT_EQ(session_->Certificate().pem, "");
    return session_->Certificate().wrong;
  };
  const Certified other = MakeAuthority("other", 3'600).value();
  EXPECT_THAT(wrong([&](const std::string& request) {
                return Sign(other, request, {.common_name = "ada", .lifetime_s = 60});
              }),
              testing::HasSubstr("unable to"));
  EXPECT_EQ(
      wrong([&](const std::string& request) { return authority_.SignClient(request, "ada", -60); }),
      "certificate has expired");
  // That of a server is not one for clients.
  EXPECT_THAT(wrong([&](const std::string& request) {
                const std::string folder = folder_.path() + "/tls";
                return Sign(
                    {ReadFile(folder + "/ca.key").value(), ReadFile(folder + "/ca.pem").value()},
                    request, {.common_name = "ada", .server = true, .lifetime_s = 60});
              }),
              testing::HasSubstr("purpose"));
}

}  // namespace
}  // namespace braid::rpc
