#include "storage/bucket/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>

#include "base/error_reason.h"
#include "base/excerpt.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"

namespace braid::storage {
namespace {

constexpr long kConnectMs = 10'000;
// A list of 1,000 objects has some 400 kB; nothing else that is kept is larger.
constexpr size_t kMostKept = size_t{16} << 20;
constexpr long kPiece = 256 << 10;  // bytes that libcurl reads and writes at once

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// What one request does while libcurl performs it.
struct Exchange {
  const HttpRequest* request = nullptr;
  CURL* curl = nullptr;
  HttpAnswer answer;
  Status wrong;       // of this side
  Status refused;     // why an address was not connected to
  UniqueFd file;      // of the body
  uint64_t sent = 0;  // bytes of it
};

int StatusOf(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

size_t TakeBody(char* data, size_t, size_t bytes, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const HttpRequest& request = *exchange->request;
  exchange->answer.status = StatusOf(exchange->curl);
  if (request.sink && exchange->answer.good()) {
    exchange->wrong = request.sink(exchange->answer, {data, bytes});
    return exchange->wrong.ok() ? bytes : 0;
  }
  std::string& body = exchange->answer.body;
  if (body.size() + bytes > kMostKept) {
    exchange->wrong = ResourceExhausted("the answer is too long");
    return 0;
  }
  body.append(data, bytes);
  return bytes;
}

size_t TakeHeader(char* data, size_t, size_t bytes, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::string_view line = Trim({data, bytes});
  // Another answer begins, behind one that only said to continue.
  if (line.starts_with("HTTP/")) exchange->answer.headers.clear();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), LowerCase);
  exchange->answer.headers[name] = Trim(line.substr(colon + 1));
  return bytes;
}

size_t GiveBody(char* into, size_t size, size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const HttpRequest& request = *exchange->request;
  const uint64_t total = request.file.empty() ? request.body.size() : request.bytes;
  const size_t bytes = std::min<uint64_t>(size * count, total - exchange->sent);
  if (request.file.empty()) {
    std::copy_n(request.body.data() + exchange->sent, bytes, into);
  } else {
    exchange->wrong = ReadAt(exchange->file.get(), request.offset + exchange->sent, into, bytes,
                             request.file);
    if (!exchange->wrong.ok()) return CURL_READFUNC_ABORT;
  }
  exchange->sent += bytes;
  return bytes;
}

// libcurl begins again when a connection that was kept turns out to be closed.
int SeekBody(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Exchange*>(user)->sent = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int StopAsked(void* stopped, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& ask = *static_cast<const std::function<bool()>*>(stopped);
  return ask && ask() ? 1 : 0;
}

curl_socket_t OpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
  auto* exchange = static_cast<Exchange*>(user);
  char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
  const int wrong = getnameinfo(&address->addr, address->addrlen, host, sizeof host, port,
                                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  const Status may = wrong != 0 ? Internal(std::string("an address: ") + gai_strerror(wrong))
                                : exchange->request->may_connect(host, std::atoi(port));
  if (!may.ok()) {
    exchange->refused = may;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void SetLimits(CURL* curl, const HttpRequest& request, int64_t idle_ms) {
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(idle_ms / 1000));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadline_ms));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kPiece);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, kPiece);
}

void SetMethod(CURL* curl, const HttpRequest& request, Exchange* exchange) {
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.method == "PUT" || request.method == "POST") {
    const uint64_t bytes = request.file.empty() ? request.body.size() : request.bytes;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(bytes));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, GiveBody);
    curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, SeekBody);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

// To whom a request may go, and as who.
void SetReach(CURL* curl, const HttpRequest& request, Exchange* exchange) {
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (request.may_connect) {
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
  }
  if (request.without_proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (request.login_file.empty()) return;
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  curl_easy_setopt(curl, CURLOPT_NETRC_FILE, request.login_file.c_str());
}

// What stands before the path.
std::string ServerOf(const std::string& url) {
  const size_t begin = url.find("//");
  return url.substr(0, url.find_first_of("/?", begin == std::string::npos ? 0 : begin + 2));
}

bool WasCut(CURLcode code) {
  return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_HTTP2_STREAM ||
         code == CURLE_HTTP2;
}

Status Trouble(CURLcode code, const char* error, const HttpRequest& request,
               const HttpOptions& options) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return Cancelled("this process stops");
  const std::string who = ServerOf(request.url);
  if (code == CURLE_OPERATION_TIMEDOUT)
    return Unavailable(who + " does not answer, or sends nothing for " +
                       FormatDuration(static_cast<double>(options.idle_ms) / 1000) +
                       ", or is too slow");
  const std::string text = Excerpt(*error != '\0' ? error : curl_easy_strerror(code), 300);
  if (WasCut(code)) return Unavailable("the connection to " + who + " was cut: " + text);
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
    return Status(StatusCode::kUnavailable, ErrorReason::kTls,
                  who + " is not reached: " + text +
                      "; if the server's authority is your own, name its file with " +
                      options.ca_variable);
  return Unavailable(who + " is not reached: " + text);
}

void BeginCurl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// A part of the URL; empty if it has none.
std::string PartOf(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

}  // namespace

struct HttpClient::Handle {
  Handle() {
    BeginCurl();
    curl = curl_easy_init();
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  CURL* curl = nullptr;
};

Result<UrlHost> HostOfUrl(const std::string& url) {
  BeginCurl();
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  const std::string scheme = PartOf(parsed.get(), CURLUPART_SCHEME, 0);
  if (code != CURLUE_OK || (scheme != "http" && scheme != "https"))
    return InvalidArgument("\"" + Excerpt(url.substr(0, url.find('?')), 300) +
                           "\" is no address of https://");
  UrlHost host;
  host.plain = scheme == "http";
  host.host = PartOf(parsed.get(), CURLUPART_HOST, 0);
  std::transform(host.host.begin(), host.host.end(), host.host.begin(), LowerCase);
  if (host.host.starts_with('[') && host.host.ends_with(']'))
    host.host = host.host.substr(1, host.host.size() - 2);
  if (host.host.ends_with('.')) host.host.pop_back();  // means the same
  host.port = std::atoi(PartOf(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).c_str());
  return host;
}

Result<std::string> JoinUrl(const std::string& base, const std::string& location) {
  BeginCurl();
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  std::string joined;
  if (curl_url_set(parsed.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK &&
      curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), 0) == CURLUE_OK)
    joined = PartOf(parsed.get(), CURLUPART_URL, 0);
  if (joined.empty())
    return InvalidArgument("\"" + Excerpt(location.substr(0, location.find('?')), 300) +
                           "\" is no address");
  return joined;
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::TakeHandle() {
  MutexLock lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

Result<HttpAnswer> HttpClient::Send(const HttpRequest& request) {
  std::unique_ptr<Handle> handle = TakeHandle();
  CURL* curl = handle->curl;
  if (curl == nullptr) return ResourceExhausted("no memory for a request");
  curl_easy_reset(curl);  // keeps its connections
  Exchange exchange;
  exchange.request = &request;
  exchange.curl = curl;
  if (!request.file.empty()) {
    exchange.file.Reset(open(request.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!exchange.file.valid()) return ErrnoStatus(errno, "opening " + request.file);
  }
  curl_slist* lines = nullptr;
  for (const auto& [name, value] : request.headers)
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  // libcurl would ask before it sends a body, and wait a second where nobody answers that.
  lines = curl_slist_append(lines, "Expect:");
  const std::unique_ptr<curl_slist, FreeList> headers(lines);
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  SetLimits(curl, request, options_.idle_ms);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, ("braid/" + std::string(kVersion)).c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, TakeHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, StopAsked);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &options_.stopped);
  if (!options_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
  SetReach(curl, request, &exchange);
  SetMethod(curl, request, &exchange);
  const CURLcode code = curl_easy_perform(curl);
  exchange.answer.status = StatusOf(curl);
  curl_easy_reset(curl);  // it must not remember what ends here
  if (!exchange.wrong.ok()) return exchange.wrong;
  if (code == CURLE_COULDNT_CONNECT && !exchange.refused.ok()) return exchange.refused;
  if (code != CURLE_OK) return Trouble(code, error, request, options_);
  MutexLock lock(mutex_);
  idle_.push_back(std::move(handle));
  return std::move(exchange.answer);
}

}  // namespace braid::storage
