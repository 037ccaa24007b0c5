// AWS Signature Version 4, by which buckets know who sends a request: pure functions over the parts
// of the request. The secret key signs, and is never sent.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace braid::storage {

// Who asks. `session` is empty but for keys that end after some hours.
struct AccessKey {
  std::string id;
  std::string secret;
  std::string session;
  int64_t ends_ms = 0;  // when the key ends, since 1970; 0: it does not, or nobody says so
};

// What is signed of a request.
struct ToSign {
  std::string method;                          // "GET"
  std::string host;                            // with the port, if the URL has one
  std::string path;                            // as it is sent, percent-encoded by UriEncode
  std::map<std::string, std::string> query;    // not encoded
  std::map<std::string, std::string> headers;  // further ones, by their names in lower case
  // The SHA-256 of the body in hex.
  std::string payload;
};

// Percent-encodes all bytes but letters, digits and "-._~", and a slash if it is kept.
std::string UriEncode(std::string_view text, bool keep_slash);
// name=value&..., in the order of the names, all of it encoded.
std::string QueryText(const std::map<std::string, std::string>& query);

// The headers by which the request is known to come from `key` at the time `wall_ms`: those of
// `request` and authorization, x-amz-date, x-amz-content-sha256 and perhaps x-amz-security-token.
std::map<std::string, std::string> SignedHeaders(const ToSign& request, const AccessKey& key,
                                                 const std::string& region, int64_t wall_ms);

// The query by which whoever has it can make the request, without a key, until `seconds` after
// `wall_ms`: that of `request` and X-Amz-... of the signature. Headers but the host and those of
// `request` are free, as a range is, and so is the body, whatever `payload` says.
std::map<std::string, std::string> SignedQuery(const ToSign& request, const AccessKey& key,
                                               const std::string& region, int64_t wall_ms,
                                               int64_t seconds);

}  // namespace braid::storage
