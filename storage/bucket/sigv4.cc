#include "storage/bucket/sigv4.h"

#include <ctime>
#include <utility>

#include "base/hmac.h"
#include "base/sha256.h"
#include "base/text.h"

namespace braid::storage {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// 20130524T000000Z; the first eight characters are the day.
std::string TimeOf(int64_t wall_ms) {
  const auto seconds = static_cast<time_t>(wall_ms / 1000);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  (void)strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

std::string ScopeOf(const std::string& time, const std::string& region) {
  return time.substr(0, 8) + "/" + region + "/s3/aws4_request";
}

std::string NamesOf(const std::map<std::string, std::string>& headers) {
  std::string names;
  for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;
  return names;
}

// The signature of the request with exactly these headers and this query.
std::string Signature(const ToSign& request, const std::map<std::string, std::string>& headers,
                      const std::map<std::string, std::string>& query, const AccessKey& key,
                      const std::string& region, const std::string& time) {
  std::string canonical = request.method + "\n" + request.path + "\n" + QueryText(query) + "\n";
  for (const auto& [name, value] : headers) canonical += name + ":" + value + "\n";
  canonical += "\n" + NamesOf(headers) + "\n" + request.payload;
  const std::string text = Join({kAlgorithm, time, ScopeOf(time, region), Sha256Hex(canonical)},
                                "\n");
  std::string signing = HmacSha256("AWS4" + key.secret, time.substr(0, 8));
  for (const std::string& part : {region, std::string("s3"), std::string("aws4_request")})
    signing = HmacSha256(signing, part);
  return Hex(HmacSha256(signing, text));
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain)
      encoded += c;
    else
      encoded += Format("%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return encoded;
}

std::string QueryText(const std::map<std::string, std::string>& query) {
  std::string text;
  for (const auto& [name, value] : query)
    text += (text.empty() ? "" : "&") + UriEncode(name, false) + "=" + UriEncode(value, false);
  return text;
}

std::map<std::string, std::string> SignedHeaders(const ToSign& request, const AccessKey& key,
                                                 const std::string& region, int64_t wall_ms) {
  const std::string time = TimeOf(wall_ms);
  std::map<std::string, std::string> headers = request.headers;
  headers["host"] = request.host;
  headers["x-amz-content-sha256"] = request.payload;
  headers["x-amz-date"] = time;
  if (!key.session.empty()) headers["x-amz-security-token"] = key.session;
  const std::string signature = Signature(request, headers, request.query, key, region, time);
  std::string authorization = kAlgorithm;
  authorization += " Credential=" + key.id + "/" + ScopeOf(time, region);
  authorization += ",SignedHeaders=" + NamesOf(headers) + ",Signature=" + signature;
  headers["authorization"] = std::move(authorization);
  return headers;
}

std::map<std::string, std::string> SignedQuery(const ToSign& request, const AccessKey& key,
                                               const std::string& region, int64_t wall_ms,
                                               int64_t seconds) {
  const std::string time = TimeOf(wall_ms);
  std::map<std::string, std::string> headers = request.headers;
  headers["host"] = request.host;
  std::map<std::string, std::string> query = request.query;
  query["X-Amz-Algorithm"] = kAlgorithm;
  query["X-Amz-Credential"] = key.id + "/" + ScopeOf(time, region);
  query["X-Amz-Date"] = time;
  query["X-Amz-Expires"] = std::to_string(seconds);
  query["X-Amz-SignedHeaders"] = NamesOf(headers);
  if (!key.session.empty()) query["X-Amz-Security-Token"] = key.session;
  ToSign free_body = request;
  free_body.payload = "UNSIGNED-PAYLOAD";
  query["X-Amz-Signature"] = Signature(free_body, headers, query, key, region, time);
  return query;
}

}  // namespace braid::storage
