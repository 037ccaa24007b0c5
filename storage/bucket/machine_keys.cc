#include "storage/bucket/machine_keys.h"

#include <algorithm>
#include <array>

#include "base/endpoint.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "storage/bucket/answers.h"
#include "storage/bucket/http.h"

namespace braid::storage {
namespace {

constexpr uint64_t kMaxTokenBytes = 64 << 10;
constexpr int64_t kNearMs = 2'000;  // of services on this machine, which may not be there
constexpr int64_t kFarMs = 10'000;
constexpr char kTokenSeconds[] = "21600";
// Where ECS and EKS answer.
constexpr char kEcs[] = "http://169.254.170.2";
constexpr std::array<std::string_view, 3> kOwnHosts = {"169.254.170.2", "169.254.170.23",
                                                       "fd00:ec2::23"};

// The server of a URL, for messages: whoever knows a path may get the key there.
std::string Shown(const std::string& url) {
  const size_t host = url.find("//");
  const size_t path = url.find('/', host == std::string::npos ? 0 : host + 2);
  return Excerpt(url.substr(0, path), 200) + (path == std::string::npos ? "" : "/...");
}

Result<HttpAnswer> Ask(HttpRequest request, int64_t deadline_ms, const Stopped& stopped,
                       const std::string& ca_file = "") {
  request.deadline_ms = deadline_ms;
  HttpClient client({.ca_file = ca_file, .idle_ms = deadline_ms, .stopped = stopped});
  return client.Send(request);
}

// The document of containers and instances.
Result<AccessKey> KeyIn(const std::string& text, const std::string& url) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto field = [&](const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  AccessKey key{field("AccessKeyId"), field("SecretAccessKey"), field("Token"),
                ParseUtc(field("Expiration"))};
  if (!key.id.empty() && !key.secret.empty()) return key;
  const std::string code = field("Code");
  return FailedPrecondition(Shown(url) + " gives no key" +
                            (code.empty() || code == "Success" ? "" : ": " + Excerpt(code, 100)) +
                            ": is a role attached?");
}

Status Refused(const HttpAnswer& answer, const std::string& url) {
  const std::string text = Shown(url) + " answers HTTP " + std::to_string(answer.status);
  return answer.status >= 500 || answer.status == 429 ? Unavailable(text)
                                                      : FailedPrecondition(text);
}

// The text of a file that was named by a variable, without the white space at its ends.
Result<std::string> Token(const Variables& variables, const std::string& variable) {
  auto text = ReadFile(variables(variable), kMaxTokenBytes);
  if (!text.ok()) return FailedPrecondition(variable + ": " + text.status().message());
  return std::string(Trim(*text));
}

Status CheckPlain(const std::string& url, const std::string& variable) {
  BRAID_ASSIGN_OR_RETURN(const UrlHost host, HostOfUrl(url));
  if (!host.plain || IsLoopbackHost(host.host) ||
      std::find(kOwnHosts.begin(), kOwnHosts.end(), host.host) != kOwnHosts.end())
    return OkStatus();
  return FailedPrecondition(variable + ": " + Shown(url) +
                            " is another machine, where http:// would show the key to everybody on "
                            "the way: use https://");
}

}  // namespace

Result<AccessKey> WebIdentityKey(const Variables& variables, const std::string& region,
                                 const Stopped& stopped) {
  const std::string role = variables("AWS_ROLE_ARN");
  if (variables("AWS_WEB_IDENTITY_TOKEN_FILE").empty())
    return NotFound("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not set");
  if (role.empty())
    return FailedPrecondition("AWS_WEB_IDENTITY_TOKEN_FILE is set, but no AWS_ROLE_ARN: set both");
  BRAID_ASSIGN_OR_RETURN(const std::string token, Token(variables, "AWS_WEB_IDENTITY_TOKEN_FILE"));
  const std::string session = variables("AWS_ROLE_SESSION_NAME");
  HttpRequest request;
  request.method = "POST";
  request.url = variables("AWS_ENDPOINT_URL_STS");
  if (request.url.empty()) request.url = "https://sts." + region + ".amazonaws.com";
  if (!request.url.ends_with('/')) request.url += '/';
  BRAID_RETURN_IF_ERROR(CheckPlain(request.url, "AWS_ENDPOINT_URL_STS"));
  request.headers["content-type"] = "application/x-www-form-urlencoded";
  request.body = QueryText({{"Action", "AssumeRoleWithWebIdentity"},
                            {"Version", "2011-06-15"},
                            {"RoleArn", role},
                            {"RoleSessionName", session.empty() ? "braid" : session},
                            {"WebIdentityToken", token}});
  const std::string url = request.url;
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer,
                         Ask(std::move(request), kFarMs, stopped, variables("AWS_CA_BUNDLE")));
  if (!answer.good()) {
    const std::string why = Element(answer.body, "Code") + " " + Element(answer.body, "Message");
    return Refused(answer, url).Wrap("the role " + Excerpt(role) + " (" + Excerpt(why, 200) + ")");
  }
  AccessKey key{XmlText(Element(answer.body, "AccessKeyId")),
                XmlText(Element(answer.body, "SecretAccessKey")),
                XmlText(Element(answer.body, "SessionToken")),
                ParseUtc(Element(answer.body, "Expiration"))};
  if (key.id.empty() || key.secret.empty())
    return FailedPrecondition("the role " + Excerpt(role) + ": " + Shown(url) + " gives no key");
  return key;
}

Result<AccessKey> ContainerKey(const Variables& variables, const Stopped& stopped) {
  const std::string relative = variables("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  HttpRequest request;
  request.method = "GET";
  request.url = relative.empty() ? variables("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                                 : kEcs + relative;
  if (request.url.empty())
    return NotFound(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are not "
        "set");
  BRAID_RETURN_IF_ERROR(CheckPlain(request.url, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
  std::string token = variables("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (!variables("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").empty()) {
    BRAID_ASSIGN_OR_RETURN(token, Token(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
  }
  if (token.find_first_of("\r\n") != std::string::npos)
    return FailedPrecondition("the token of AWS_CONTAINER_AUTHORIZATION_TOKEN has several lines");
  if (!token.empty()) request.headers["authorization"] = token;
  request.without_proxy = true;
  const std::string url = request.url;
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(std::move(request), kFarMs, stopped));
  if (!answer.good()) return Refused(answer, url);
  return KeyIn(answer.body, url);
}

Result<AccessKey> InstanceKey(const Variables& variables, const Stopped& stopped) {
  std::string off = variables("AWS_EC2_METADATA_DISABLED");
  for (char& c : off) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (off == "true") return NotFound("AWS_EC2_METADATA_DISABLED is true");
  std::string service = variables("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (service.empty()) service = "http://169.254.169.254";
  while (service.ends_with('/')) service.pop_back();
  HttpRequest begin;
  begin.method = "PUT";
  begin.url = service + "/latest/api/token";
  begin.headers["x-aws-ec2-metadata-token-ttl-seconds"] = kTokenSeconds;
  begin.without_proxy = true;
  const Result<HttpAnswer> token = Ask(begin, kNearMs, stopped);
  // Most machines are no instances of EC2, and other clouds answer something at this address.
  if (!token.ok()) return NotFound("the metadata of an instance: " + token.status().message());
  const Status refused = token->good() ? OkStatus() : Refused(*token, begin.url);
  if (refused.code() == StatusCode::kUnavailable) return refused;
  if (!refused.ok()) return NotFound("the metadata of an instance: " + refused.message());
  const auto read = [&](const std::string& path) {
    HttpRequest request;
    request.method = "GET";
    request.url = service + "/latest/meta-data/iam/security-credentials/" + path;
    request.headers["x-aws-ec2-metadata-token"] = std::string(Trim(token->body));
    request.without_proxy = true;
    return Ask(request, kNearMs, stopped);
  };
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer roles, read(""));
  const std::string role(Trim(roles.body.substr(0, roles.body.find('\n'))));
  if (roles.status == 404 || (roles.good() && role.empty()))
    return NotFound("the metadata of an instance: no role is attached to it");
  if (!roles.good()) return Refused(roles, service);
  BRAID_ASSIGN_OR_RETURN(const HttpAnswer answer, read(UriEncode(role, false)));
  if (!answer.good()) return Refused(answer, service);
  return KeyIn(answer.body, service);
}

}  // namespace braid::storage
