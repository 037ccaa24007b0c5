#include "rpc/tls/server_session.h"

#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "rpc/tls/openssl.h"

namespace braid::rpc {
namespace {

// A server's session and OpenSSL's client, joined by a pair of sockets.
class ServerSessionTest : public ::testing::Test {
 protected:
  ServerSessionTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    near_.Reset(ends[0]);
    far_.Reset(ends[1]);
    const Authority authority = Authority::Open(folder_.path() + "/tls").value();
    factory_ = SessionFactory::Open(authority.OwnServer({"localhost"}).value()).value();
    session_ = factory_->Begin(near_.get());
    client_.reset(SSL_new(context_.get()));
    SSL_set_fd(client_.get(), far_.get());
    for (int i = 0; i < 10 && SSL_connect(client_.get()) != 1; ++i) (void)Read();
    EXPECT_EQ(SSL_is_init_finished(client_.get()), 1);
    (void)Read();  // the client's last message
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

}  // namespace
}  // namespace braid::rpc
