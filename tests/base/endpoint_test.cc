#include "base/endpoint.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

class EndpointTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return JoinPath(folder_.path(), name); }
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(EndpointTest, ATokenIsMadeOnceForItsUserAlone) {
  const mode_t before = umask(0);
  const std::string token = MakeTokenFile(Path("token")).value();
  umask(before);
  EXPECT_EQ(token.size(), 64u);
  EXPECT_EQ(ModeOf(Path("token")), 0600u);
  EXPECT_EQ(MakeTokenFile(Path("token")).value(), token);
  EXPECT_EQ(ReadTokenFile(Path("token")).value(), token);
  EXPECT_NE(MakeTokenFile(Path("other")).value(), token);
}

TEST_F(EndpointTest, ATokenThatOthersCouldReadIsMadeAnew) {
  const std::string token = MakeTokenFile(Path("token")).value();
  ASSERT_EQ(chmod(Path("token").c_str(), 0640), 0);
  EXPECT_NE(MakeTokenFile(Path("token")).value(), token);
  EXPECT_EQ(ModeOf(Path("token")), 0600u);
}

TEST_F(EndpointTest, AFileThatHoldsNoTokenIsNamed) {
  for (const char* content : {"", "short", "0123456789012345678901234567890123456789 and more",
                              "0123456789012345678901234567890123456\xff\x01"}) {
    ASSERT_TRUE(WriteFileAtomic(Path("token"), content).ok());
    const Status status = ReadTokenFile(Path("token")).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(Path("token")));
  }
  ASSERT_EQ(chmod(Path("token").c_str(), 0600), 0);
  EXPECT_TRUE(MakeTokenFile(Path("token")).ok());
}

TEST_F(EndpointTest, SecretsAreEqualOrNot) {
  EXPECT_TRUE(SameSecret("abc", "abc"));
  for (const char* other : {"", "ab", "abcd", "abC"}) EXPECT_FALSE(SameSecret(other, "abc"));
}

TEST_F(EndpointTest, TheAddressFileNamesTheTokensFile) {
  EXPECT_EQ(FindEndpoint({"", Path("address.json"), ""}).status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(MakeFolder(Path("coordinator")).ok());
  const std::string token = MakeTokenFile(Path("coordinator/token")).value();
  ASSERT_TRUE(WriteJsonFile(Path("address.json"),
                            {{"grpc", "127.0.0.1:5"}, {"token_file", "coordinator/token"}})
                  .ok());
  auto found = FindEndpoint({"", Path("address.json"), ""});
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->address, "127.0.0.1:5");
  EXPECT_EQ(found->token, token);
  EXPECT_EQ(found->token_file, Path("coordinator/token"));
  // For the same address given by hand too; for another one a token is not sent unasked.
  EXPECT_EQ(FindEndpoint({"127.0.0.1:5", Path("address.json"), ""})->token, token);
  EXPECT_EQ(FindEndpoint({"127.0.0.1:6", Path("address.json"), ""})->token, "");
  const std::string other = MakeTokenFile(Path("other")).value();
  EXPECT_EQ(FindEndpoint({"127.0.0.1:6", Path("address.json"), Path("other")})->token, other);
  ASSERT_TRUE(RemoveFile(Path("coordinator/token")).ok());
  EXPECT_THAT(FindEndpoint({"", Path("address.json"), ""}).status().message(),
              HasSubstr(Path("coordinator/token")));
}

TEST_F(EndpointTest, AnAddressFileOfNonsenseIsNamed) {
  for (const char* content : {"[]", "7", "{}", "{\"grpc\": 5}", "{", ""}) {
    ASSERT_TRUE(WriteFileAtomic(Path("address.json"), content).ok());
    const Status status = FindEndpoint({"", Path("address.json"), ""}).status();
    EXPECT_FALSE(status.ok()) << content;
    EXPECT_THAT(status.message(), HasSubstr("address.json")) << content;
  }
}

TEST_F(EndpointTest, ATokenCrossesNoNetwork) {
  for (const char* address : {"10.0.0.1:5", "example.org:5", "127.evil.example:5", "[::2]:5",
                              "127.0.0.1.evil.example:5", "0.0.0.0:5"}) {
    EXPECT_EQ(FindEndpoint({address, "", ""}).status().code(), StatusCode::kPermissionDenied)
        << address;
  }
  for (const char* address : {"127.0.0.1:5", "127.3.2.1:5", "localhost:5", "[::1]:5"})
    EXPECT_TRUE(FindEndpoint({address, "", ""}).ok()) << address;
}

TEST_F(EndpointTest, TheAuthorityIsAFileOrADigest) {
  const std::string digest(64, '7');
  const std::string pem = "-----BEGIN CERTIFICATE-----\n";
  ASSERT_TRUE(WriteFileAtomic(Path("ca.pem"), pem).ok());
  ASSERT_TRUE(WriteJsonFile(Path("address.json"),
                            {{"grpc", "10.0.0.1:5"}, {"ca_file", "ca.pem"}, {"ca_sha256", digest}})
                  .ok());
  const Endpoint found = FindEndpoint({"", Path("address.json"), ""}).value();
  EXPECT_EQ(found.ca, pem);
  EXPECT_TRUE(found.tls());
  // Another address is another coordinator.
  EXPECT_EQ(FindEndpoint({"10.0.0.2:5", Path("address.json"), ""}).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(FindEndpoint({.address = "10.0.0.2:5", .ca = "sha256:" + digest})->ca_sha256, digest);
  EXPECT_EQ(FindEndpoint({.address = "10.0.0.2:5", .ca = Path("ca.pem")})->ca, pem);
  // Copied away from the file, the digest remains; a file that was asked for must be there.
  ASSERT_TRUE(RemoveFile(Path("ca.pem")).ok());
  const Endpoint moved = FindEndpoint({"", Path("address.json"), ""}).value();
  EXPECT_EQ(moved.ca_sha256, digest);
  EXPECT_EQ(moved.ca, "");
  EXPECT_THAT(FindEndpoint({.address = "10.0.0.2:5", .ca = Path("ca.pem")}).status().message(),
              HasSubstr(Path("ca.pem")));
  EXPECT_THAT(FindEndpoint({.address = "10.0.0.2:5", .ca = "sha256:12"}).status().message(),
              HasSubstr("64 lower-case hex digits"));
  ASSERT_TRUE(WriteFileAtomic(Path("ca.pem"), "nonsense").ok());
  EXPECT_THAT(FindEndpoint({.address = "10.0.0.2:5", .ca = Path("ca.pem")}).status().message(),
              HasSubstr("holds no certificate"));
}

TEST(HostOf, IsWhatStandsBeforeThePort) {
  EXPECT_EQ(HostOf("127.0.0.1:80"), "127.0.0.1");
  EXPECT_EQ(HostOf("localhost"), "localhost");
  EXPECT_EQ(HostOf("[::1]:80"), "[::1]");
  EXPECT_EQ(HostOf("[::1]"), "[::1]");
  EXPECT_EQ(HostOf("::1"), "::1");
  EXPECT_EQ(HostOf("[::1"), "[::1");
  EXPECT_EQ(HostOf(""), "");
}

}  // namespace
}  // namespace braid
