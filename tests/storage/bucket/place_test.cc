#include "storage/bucket/place.h"

#include <gmock/gmock.h>

#include <map>

namespace braid::storage {
namespace {

using ::testing::HasSubstr;

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

TEST(BucketPlace, LeavesOutThePortThatRequestsLeaveOut) {
  const auto endpoint = [](const std::string& text) {
    return ParseBucket("s3://models?plain=yes&endpoint=" + text, Set({}))->endpoint;
  };
  EXPECT_EQ(endpoint("https://minio.example:443"), "https://minio.example");
  EXPECT_EQ(endpoint("http://minio.example:80"), "http://minio.example");
  EXPECT_EQ(endpoint("https://[fd00::1]:443"), "https://[fd00::1]");
  EXPECT_EQ(endpoint("https://minio.example:80"), "https://minio.example:80");
  EXPECT_EQ(endpoint("https://minio.example:9443"), "https://minio.example:9443");
}

TEST(BucketPlace, KeepsWorkersFromTheBucketIfItSaysSo) {
  EXPECT_TRUE(ParseBucket("s3://models", Set({}))->direct);
  EXPECT_FALSE(ParseBucket("s3://models?direct=no", Set({}))->direct);
  EXPECT_THAT(ParseBucket("s3://models?direct=yes", Set({})).status().message(),
              HasSubstr("plain=yes, direct=no and part=SIZE"));
}

TEST(BucketPlace, SaysHowLargePartsAre) {
  EXPECT_EQ(ParseBucket("s3://models", Set({}))->part_bytes, uint64_t{32} << 20);
  EXPECT_EQ(ParseBucket("s3://models?part=5MiB", Set({}))->part_bytes, uint64_t{5} << 20);
  for (const std::string wrong : {"5MB", "6GiB", "many", ""})
    EXPECT_THAT(ParseBucket("s3://models?part=" + wrong, Set({})).status().message(),
                HasSubstr("part=\"" + wrong + "\" is no size from 5MiB to 5GiB"));
}

}  // namespace
}  // namespace braid::storage
