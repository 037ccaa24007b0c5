#include "storage/bucket/place.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <map>

#include "base/file.h"

namespace braid::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Variables Set(std::map<std::string, std::string> values) {
  return [values](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? "" : found->second;
  };
}

TEST(BucketPlace, HasDefaultsForAllBehindTheBucket) {
  const BucketPlace place = ParseBucket("s3://models", Set({})).value();
  EXPECT_EQ(place.endpoint, "https://s3.us-east-1.amazonaws.com");
  EXPECT_EQ(place.Name(), "s3://models");
  EXPECT_FALSE(place.bucket_in_host);
}

TEST(BucketPlace, TakesVariablesAndThenWhatTheAddressSays) {
  const Variables variables = Set({{"AWS_REGION", "eu-west-1"},
                                   {"AWS_ENDPOINT_URL", "https://one.example"},
                                   {"AWS_ENDPOINT_URL_S3", "https://two.example/"},
                                   {"AWS_CA_BUNDLE", "/etc/own.pem"}});
  const BucketPlace from_variables = ParseBucket("s3://models/lab/a/", variables).value();
  EXPECT_EQ(from_variables.endpoint, "https://two.example");
  EXPECT_EQ(from_variables.region, "eu-west-1");
  EXPECT_EQ(from_variables.prefix, "lab/a");
  EXPECT_EQ(from_variables.ca_file, "/etc/own.pem");
  const BucketPlace said =
      ParseBucket("s3://models/lab?endpoint=http://127.0.0.1:8333&region=home&style=host",
                  variables)
          .value();
  EXPECT_EQ(said.endpoint, "http://127.0.0.1:8333");
  EXPECT_TRUE(ParseBucket("s3://models?endpoint=http://minio:9000&plain=yes", Set({})).ok());
  EXPECT_EQ(said.region, "home");
  EXPECT_TRUE(said.bucket_in_host);
}

TEST(BucketPlace, SaysWhatIsWrongWithAnAddress) {
  for (const auto& [text, why] : std::map<std::string, std::string>{
           {"/mnt/blobs", "no address of a bucket"},
           {"s3://ab", "3 to 63 letters"},
           {"s3://a_bucket/../x", "a prefix has letters"},
           {"s3://bucket//x", "a prefix has letters"},
           {"s3://bucket?endpoint=ftp://x", "neither https:// nor http://"},
           {"s3://bucket?endpoint=https://key:secret@host", "more or less than a host and a port"},
           {"s3://bucket?endpoint=http://minio.example:9000", "say plain=yes where the network"},
           {"s3://bucket?style=both", "none of endpoint=URL, region=NAME"}}) {
    const Status status = ParseBucket(text, Set({})).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr(why)) << text;
    EXPECT_THAT(status.message(), HasSubstr("expected s3://bucket/prefix?endpoint=")) << text;
  }
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
  const AccessKey key = FindAccessKey(Set({{"AWS_ACCESS_KEY_ID", "AK"},
                                           {"AWS_SECRET_ACCESS_KEY", "SK"},
                                           {"AWS_SESSION_TOKEN", "ST"}}))
                            .value();
  EXPECT_EQ(key.id + "/" + key.secret + "/" + key.session, "AK/SK/ST");
  EXPECT_THAT(FindAccessKey(Set({{"AWS_ACCESS_KEY_ID", "AK"}})).status().message(),
              HasSubstr("set both or none"));
}

TEST_F(AccessKeyTest, IsThatOfTheProfileInAFileOfItsOwnerAlone) {
  const std::string text =
      "# keys\n[default]\naws_access_key_id = A1\naws_secret_access_key=S1=\n\n[lab]\n"
      "aws_access_key_id=A2\naws_secret_access_key=S2\naws_session_token=T2\n[half]\n"
      "aws_access_key_id=A3\n";
  const std::string path = Write(text);
  const auto find = [&](const std::string& profile) {
    return FindAccessKey(Set({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", profile}}));
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
  EXPECT_THAT(FindAccessKey(Set({{"HOME", folder_.path()}})).status().message(),
              HasSubstr("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them to " +
                        folder_.path() + "/.aws/credentials (profile default)"));
}

}  // namespace
}  // namespace braid::storage
