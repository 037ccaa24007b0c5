#include "storage/bucket/place.h"

#include <algorithm>
#include <cstdlib>

#include "base/endpoint.h"
#include "base/excerpt.h"
#include "base/text.h"

namespace braid::storage {
namespace {

// S3's limits of a part.
constexpr int64_t kLeastPart = int64_t{5} << 20;
constexpr int64_t kMostPart = int64_t{5} << 30;
constexpr char kForm[] = "s3://bucket/prefix?endpoint=https://host:port&region=name";

Status Wrong(const std::string& text, const std::string& why) {
  return InvalidArgument("\"" + Excerpt(text) + "\": " + why + "; expected " + kForm +
                         ", of which all behind the bucket may be left out");
}

// Names of buckets and prefixes that need no encoding anywhere, as those of AWS.
bool IsPlain(std::string_view text, bool slash) {
  return std::all_of(text.begin(), text.end(), [slash](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || (c == '/' && slash);
  });
}

std::string FirstOf(const Variables& variables, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::string value = variables(name); !value.empty()) return value;
  }
  return "";
}

std::string WrongEndpoint(const std::string& endpoint) {
  const size_t begin = endpoint.starts_with("https://")  ? 8
                       : endpoint.starts_with("http://") ? 7
                                                         : 0;
  if (begin == 0) return "the endpoint begins with neither https:// nor http://";
  const std::string host = endpoint.substr(begin);
  if (host.empty() || host.find('@') != std::string::npos ||
      host.find_first_of("/?# ") != std::string::npos)
    return "the endpoint has more or less than a host and a port";
  return "";
}

// The port of the scheme is left out where the host is sent, and so must it be where it is signed.
std::string WithoutUsualPort(const std::string& endpoint) {
  const std::string port = endpoint.starts_with("https://") ? ":443" : ":80";
  if (!endpoint.ends_with(port)) return endpoint;
  const std::string rest = endpoint.substr(0, endpoint.size() - port.size());
  const bool whole = rest.ends_with(']') || rest.find(':') == rest.rfind(':');
  return whole ? rest : endpoint;  // else it is the end of an address of IPv6
}

// What stands behind the question mark.
Status TakeQuery(const std::string& text, const std::string& query, BucketPlace* place) {
  for (const std::string& item : Split(query, '&')) {
    const size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    if (name == "endpoint") {
      place->endpoint = value;
    } else if (name == "region" && !value.empty() && IsPlain(value, false)) {
      place->region = value;
    } else if (name == "style" && (value == "path" || value == "host")) {
      place->bucket_in_host = value == "host";
    } else if (name == "plain" && value == "yes") {
      place->plain = true;
    } else if (name == "direct" && value == "no") {
      place->direct = false;
    } else if (name == "part") {
      const Result<int64_t> bytes = ParseBytes(value);
      if (!bytes.ok() || *bytes < kLeastPart || *bytes > kMostPart)
        return Wrong(text, "part=\"" + Excerpt(value) + "\" is no size from 5MiB to 5GiB");
      place->part_bytes = static_cast<uint64_t>(*bytes);
    } else {
      return Wrong(
          text, "\"" + Excerpt(item) +
                    "\" is none of endpoint=URL, region=NAME, style=path, style=host, plain=yes, "
                    "direct=no and part=SIZE");
    }
  }
  return OkStatus();
}

}  // namespace

Variables Environment() {
  return [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

std::string BucketPlace::Name() const {
  return "s3://" + bucket + (prefix.empty() ? "" : "/" + prefix);
}

Result<BucketPlace> ParseBucket(const std::string& text, const Variables& variables) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) return Wrong(text, "no address of a bucket");
  const size_t question = text.find('?');
  const std::string path = text.substr(kScheme.size(), question == std::string::npos
                                                           ? std::string::npos
                                                           : question - kScheme.size());
  BucketPlace place;
  if (const std::string region = FirstOf(variables, {"AWS_REGION", "AWS_DEFAULT_REGION"});
      !region.empty())
    place.region = region;
  place.endpoint = FirstOf(variables, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  place.ca_file = variables("AWS_CA_BUNDLE");
  const size_t slash = path.find('/');
  place.bucket = path.substr(0, slash);
  if (slash != std::string::npos) place.prefix = path.substr(slash + 1);
  while (place.prefix.ends_with('/')) place.prefix.pop_back();
  if (place.bucket.size() < 3 || place.bucket.size() > 63 || !IsPlain(place.bucket, false))
    return Wrong(text, "the name of a bucket has 3 to 63 letters, digits, dots and dashes");
  if (place.prefix.size() > 512 || !IsPlain(place.prefix, true) || place.prefix.starts_with('/') ||
      place.prefix.find("//") != std::string::npos || place.prefix.find("..") != std::string::npos)
    return Wrong(text, "a prefix has letters, digits, '-', '_', '.' and single slashes");
  if (question != std::string::npos)
    BRAID_RETURN_IF_ERROR(TakeQuery(text, text.substr(question + 1), &place));
  if (place.endpoint.empty()) place.endpoint = "https://s3." + place.region + ".amazonaws.com";
  while (place.endpoint.ends_with('/')) place.endpoint.pop_back();
  if (const std::string wrong = WrongEndpoint(place.endpoint); !wrong.empty())
    return Wrong(text, wrong);
  place.endpoint = WithoutUsualPort(place.endpoint);
  constexpr std::string_view kPlain = "http://";
  if (place.endpoint.starts_with(kPlain) && !place.plain &&
      !IsLoopbackHost(HostOf(place.endpoint.substr(kPlain.size()))))
    return Wrong(text,
                 "over http:// everybody on the way can read blobs and answer in the bucket's "
                 "place: use https://, or say plain=yes where the network is trusted");
  return place;
}

}  // namespace braid::storage
