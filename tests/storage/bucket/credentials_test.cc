#include "storage/bucket/credentials.h"

#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "storage/bucket/caller.h"
#include "storage/bucket/machine_keys.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Variables Keys(std::map<std::string, std::string> values) {
  return [values](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  };
}

class AccessKeyTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text, mode_t mode = 0600) {
    const std::string path = JoinPath(folder_.path(), "credentials");
    EXPECT_TRUE(WriteFileAtomic(path, text).ok());
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  TemporaryFolder folder_ = TemporaryFolder::Create().value();
};

TEST_F(AccessKeyTest, IsThatOfTheVariables) {
  const AccessKey key = FindAccessKey(Keys({{"AWS_ACCESS_KEY_ID", "AK"},
                                            {"AWS_SECRET_ACCESS_KEY", "SK"},
                                            {"AWS_SESSION_TOKEN", "ST"}}))
                            .value();
  EXPECT_EQ(key.id + "/" + key.secret + "/" + key.session, "AK/SK/ST");
  EXPECT_THAT(FindAccessKey(Keys({{"AWS_ACCESS_KEY_ID", "AK"}})).status().message(),
              HasSubstr("set both or none"));
}

TEST_F(AccessKeyTest, IsThatOfTheProfileInAFileOfItsOwnerAlone) {
  const std::string text =
      "# keys\n[default]\naws_access_key_id = A1\naws_secret_access_key=S1=\n\n[lab]\n"
      "aws_access_key_id=A2\naws_secret_access_key=S2\naws_session_token=T2\n[half]\n"
      "aws_access_key_id=A3\n";
  const std::string path = Write(text);
  const auto find = [&](const std::string& profile) {
    return FindAccessKey(Keys({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", profile}}));
  };
  EXPECT_EQ(find("").value().secret, "S1=");
  EXPECT_EQ(find("lab").value().session, "T2");
  EXPECT_THAT(find("other").status().message(), HasSubstr(path + " has no profile [other]"));
  EXPECT_THAT(find("half").status().message(), HasSubstr("profile [half] needs"));
  Write(text, 0640);
  const Status open = find("").status();
  EXPECT_EQ(open.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(open.message(), HasSubstr("chmod 600 " + path));
  EXPECT_THAT(open.message(), Not(HasSubstr("S1")));
}

TEST_F(AccessKeyTest, WithoutAnySaysWhereToPutOne) {
  EXPECT_THAT(FindAccessKey(Keys({{"HOME", folder_.path()}})).status().message(),
              HasSubstr("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them to " +
                        folder_.path() + "/.aws/credentials (profile default)"));
}

// Services that give keys to machines, as their vendors describe the documents.
class MachineKeysTest : public AccessKeyTest {
 protected:
  MachineKeysTest() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      ++asked_;
      while (hangs_ && request.path == "/role") std::this_thread::yield();
      MutexLock lock(mutex_);
      requests_.push_back(request);
      const auto answer = answers_.find(request.method + " " + request.path);
      if (answer == answers_.end()) {
        response.status = 404;
        return;
      }
      response.status = answer->second.first;
      response.set_content(answer->second.second, "text/plain");
    };
    server_.Get("/.*", handle);
    server_.Put("/.*", handle);
    server_.Post("/.*", handle);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~MachineKeysTest() override {
    server_.stop();
    thread_.join();
  }
  std::string At(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  void Answer(const std::string& what, const std::string& text, int status = 200) {
    MutexLock lock(mutex_);
    answers_[what] = {status, text};
  }
  static std::string Document(const std::string& id, const std::string& ends) {
    return R"({"Code": "Success", "AccessKeyId": ")" + id +
           R"(", "SecretAccessKey": "S", "Token": "T", "Expiration": ")" + ends + R"("})";
  }
  // No key of a file, and the instance's service is the test's.
  Variables Machine(std::map<std::string, std::string> more = {}) const {
    more.insert({{"HOME", folder_.path()}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", At()}});
    return Keys(more);
  }
  static std::string Text(const AccessKey& key) {
    return key.id + "/" + key.secret + "/" + key.session + "/" + std::to_string(key.ends_ms);
  }
  std::vector<httplib::Request> Requests() {
    MutexLock lock(mutex_);
    return requests_;
  }

  std::atomic<int> asked_{0};
  std::atomic<bool> hangs_{false};
  Mutex mutex_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  std::vector<httplib::Request> requests_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

constexpr char kRoles[] = "/latest/meta-data/iam/security-credentials/";

TEST_F(MachineKeysTest, AnInstanceIsAskedWithATokenOfItsSession) {
  Answer("PUT /latest/api/token", "word");
  Answer(std::string("GET ") + kRoles, "trainer\n");
  Answer(std::string("GET ") + kRoles + "trainer", Document("AI", "2026-03-01T12:00:00Z"));
  EXPECT_EQ(Text(FindAnyKey(Machine(), "us-east-1").value()), "AI/S/T/1772366400000");
  const auto requests = Requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_NE(requests[0].get_header_value("x-aws-ec2-metadata-token-ttl-seconds"), "");
  EXPECT_EQ(requests[2].get_header_value("x-aws-ec2-metadata-token"), "word");
}

TEST_F(MachineKeysTest, AnInstanceWithoutARoleHasNone) {
  Answer("PUT /latest/api/token", "word");
  EXPECT_THAT(InstanceKey(Machine()).status().message(), HasSubstr("no role is attached to it"));
  Answer(std::string("GET ") + kRoles, "trainer");
  Answer(std::string("GET ") + kRoles + "trainer", R"({"Code": "AssumeRoleUnauthorizedAccess"})");
  const Status refused = InstanceKey(Machine()).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("gives no key: AssumeRoleUnauthorizedAccess"));
}

TEST_F(MachineKeysTest, AContainerIsAskedWithTheTokenOfItsFile) {
  const std::string token = JoinPath(folder_.path(), "token");
  ASSERT_TRUE(WriteFileAtomic(token, "Basic word\n").ok());
  Answer("GET /role", Document("AC", "2026-03-01T12:00:00Z"));
  const Variables pod = Machine({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", At("/role")},
                                 {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token}});
  EXPECT_EQ(Text(FindAnyKey(pod, "us-east-1").value()), "AC/S/T/1772366400000");
  EXPECT_EQ(Requests().at(0).get_header_value("authorization"), "Basic word");
  // What was asked for is the error, and not the key of somebody else.
  Answer("GET /role", "", 500);
  EXPECT_EQ(FindAnyKey(pod, "us-east-1").status().code(), StatusCode::kUnavailable);
  Answer("GET /role", "no document");
  EXPECT_THAT(FindAnyKey(pod, "us-east-1").status().message(),
              HasSubstr(At("/...") + " gives no key: is a role attached?"));
  EXPECT_EQ(Requests().size(), 3u);
}

TEST_F(MachineKeysTest, AContainersKeyDoesNotCrossANetworkInPlainText) {
  const Status status =
      ContainerKey(Keys({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/role"}})).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("http://10.0.0.1/... is another machine, where http://"));
}

TEST_F(MachineKeysTest, ARoleIsAssumedForTheTokenOfAServiceAccount) {
  const std::string token = JoinPath(folder_.path(), "token");
  ASSERT_TRUE(WriteFileAtomic(token, "a.b+c\n").ok());
  Answer("POST /",
         "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
         "<AccessKeyId>AW</AccessKeyId><SecretAccessKey>S/&amp;</SecretAccessKey>"
         "<SessionToken>T</SessionToken><Expiration>2026-03-01T12:00:00Z</Expiration>"
         "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
  const Variables pod = Machine({{"AWS_WEB_IDENTITY_TOKEN_FILE", token},
                                 {"AWS_ROLE_ARN", "arn:aws:iam::1:role/braid"},
                                 {"AWS_ENDPOINT_URL_STS", At()}});
  EXPECT_EQ(Text(FindAnyKey(pod, "us-east-1").value()), "AW/S/&/T/1772366400000");
  EXPECT_EQ(Requests().at(0).body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbraid&"
            "RoleSessionName=braid&Version=2011-06-15&WebIdentityToken=a.b%2Bc");
  Answer("POST /",
         "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>It is old.</Message>"
         "</Error></ErrorResponse>",
         400);
  EXPECT_THAT(FindAnyKey(pod, "us-east-1").status().message(),
              HasSubstr("the role arn:aws:iam::1:role/braid (InvalidIdentityToken It is old.): " +
                        At("/...") + " answers HTTP 400"));
  EXPECT_THAT(
      WebIdentityKey(Keys({{"AWS_WEB_IDENTITY_TOKEN_FILE", token}}), "x").status().message(),
      HasSubstr("but no AWS_ROLE_ARN: set both"));
  EXPECT_THAT(WebIdentityKey(Keys({{"AWS_WEB_IDENTITY_TOKEN_FILE", token},
                                   {"AWS_ROLE_ARN", "r"},
                                   {"AWS_ENDPOINT_URL_STS", "http://10.0.0.1"}}),
                             "x")
                  .status()
                  .message(),
              HasSubstr("AWS_ENDPOINT_URL_STS: http://10.0.0.1/... is another machine"));
}

TEST_F(MachineKeysTest, WithoutAnyAllThatWasTriedIsNamed) {
  const std::string message = FindAnyKey(Machine(), "us-east-1").status().message();
  for (const std::string& tried :
       {std::string("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them to ") +
            folder_.path() + "/.aws/credentials",
        std::string("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set"),
        std::string("AWS_CONTAINER_CREDENTIALS_FULL_URI and"),
        "the metadata of an instance: " + At("/...") + " answers HTTP 404"})
    EXPECT_THAT(message, HasSubstr(tried));
  EXPECT_THAT(FindAnyKey(Machine({{"AWS_EC2_METADATA_DISABLED", "True"}}), "x").status().message(),
              HasSubstr("AWS_EC2_METADATA_DISABLED is true"));
  EXPECT_EQ(FindAnyKey(Machine({{"AWS_PROFILE", "lab"},
                                {"AWS_SHARED_CREDENTIALS_FILE", Write("[default]\n")}}),
                       "x")
                .status()
                .code(),
            StatusCode::kFailedPrecondition);
}

// A key that ends soon is followed by another one before, and serves until it ends if there is
// none.
TEST_F(MachineKeysTest, KeysAreRenewedBeforeTheyEnd) {
  SimulatedClock clock(1'772'366'400'000);
  constexpr int64_t kMinute = 60'000;
  BucketPlace place;
  place.bucket = "models";
  place.endpoint = At();
  CallerOptions options;
  options.variables = Machine({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", At("/role")}});
  options.machine_keys = true;
  options.tries = 1;
  options.clock = &clock;
  BucketCaller caller(place, options);
  Answer("GET /models", "list");
  const auto asks_as = [&]() -> std::string {
    if (const Status status = caller.Do({.method = "GET"}, "asking").status(); !status.ok())
      return status.message();
    const std::string text = Requests().back().get_header_value("authorization");
    const size_t at = text.find("Credential=") + 11;
    return text.substr(at, text.find('/') - at);
  };
  Answer("GET /role", Document("A1", FormatUtc(clock.WallMs() + 60 * kMinute)));
  EXPECT_EQ(asks_as(), "A1");
  clock.Advance(50 * kMinute);
  Answer("GET /role", "", 500);
  EXPECT_EQ(asks_as(), "A1");
  clock.Advance(6 * kMinute);
  EXPECT_EQ(asks_as(), "A1") << "nobody gives another one yet";
  Answer("GET /role", Document("A2", FormatUtc(clock.WallMs() + 60 * kMinute)));
  EXPECT_EQ(asks_as(), "A1") << "it was asked for a moment ago";
  clock.Advance(kMinute);
  EXPECT_EQ(asks_as(), "A2");
  EXPECT_THAT(caller.SignedUrl("ab", 60), HasSubstr("X-Amz-Credential=A2%2F"));
  Answer("GET /role", "", 500);
  clock.Advance(60 * kMinute);
  EXPECT_THAT(asks_as(), HasSubstr("/... answers HTTP 500"));
}

TEST_F(MachineKeysTest, NobodyWhoHasAKeyWaitsForItsFollower) {
  SimulatedClock clock(1'772'366'400'000);
  BucketPlace place;
  place.bucket = "models";
  place.endpoint = At();
  CallerOptions options;
  options.variables = Machine({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", At("/role")}});
  options.machine_keys = true;
  options.clock = &clock;
  BucketCaller caller(place, options);
  EXPECT_EQ(caller.SignedUrl("ab", 60), "") << "it asks nobody";
  EXPECT_EQ(asked_, 0);
  Answer("GET /models", "list");
  Answer("GET /role", Document("A1", FormatUtc(clock.WallMs() + 600'000)));
  ASSERT_TRUE(caller.Do({.method = "GET"}, "asking").ok());
  clock.Advance(400'000);
  hangs_ = true;
  const int before = asked_;
  std::thread looks([&] { EXPECT_TRUE(caller.Do({.method = "GET"}, "asking").ok()); });
  while (asked_ == before) std::this_thread::yield();
  EXPECT_THAT(caller.SignedUrl("ab", 60), HasSubstr("A1%2F"));
  EXPECT_TRUE(caller.Do({.method = "GET"}, "asking").ok());
  hangs_ = false;
  looks.join();
}

}  // namespace
}  // namespace braid::storage
