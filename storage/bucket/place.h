// Which bucket: the address that people write.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace braid::storage {

// The value of an environment variable; empty if it is not set. std::getenv, but in tests.
using Variables = std::function<std::string(const std::string&)>;
Variables Environment();

// A bucket, or the part of it below a prefix.
struct BucketPlace {
  std::string bucket;
  std::string prefix;    // without slashes at its ends; may be empty
  std::string endpoint;  // "https://s3.eu-west-1.amazonaws.com", without a slash at its end
  std::string region = "us-east-1";  // which servers that are not of AWS mostly ignore
  bool bucket_in_host = false;       // https://BUCKET.host/key, and not https://host/BUCKET/key
  bool plain = false;                // http:// is meant, also to another machine
  bool direct = true;  // workers may be given URLs to read from it and write to it themselves
  // Larger blobs are sent in parts of this size. No bucket takes parts below 5 MiB.
  uint64_t part_bytes = uint64_t{32} << 20;
  std::string ca_file;  // whose certificates are trusted; empty: the system's
  // For messages: where people name the bucket, and whether it is only read, as it is not for
  // blobs.
  std::string named_in = "--blobs";
  bool only_read = false;

  std::string Name() const;  // s3://bucket/prefix
};

// Reads s3://bucket/prefix?endpoint=https://host:port&region=r&style=path&direct=no&part=8MiB, of
// which all but the bucket may be missing: the region is then AWS_REGION or AWS_DEFAULT_REGION, the
// endpoint AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or that of AWS in the region, and the file of
// authorities AWS_CA_BUNDLE. kInvalidArgument quotes the text and says what is expected.
Result<BucketPlace> ParseBucket(const std::string& text, const Variables& variables);

}  // namespace braid::storage
