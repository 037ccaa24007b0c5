// HTTP requests, for buckets and for files of the web, by libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace braid::storage {

struct HttpAnswer;

// One request. Redirections are not followed. Proxies are those of the environment (https_proxy,
// no_proxy, ...).
struct HttpRequest {
  std::string method;
  std::string url;
  std::map<std::string, std::string> headers;
  // The body: the text, or `bytes` bytes of the file from `offset` on, which are read as they are
  // sent.
  std::string body;
  std::string file;
  uint64_t offset = 0, bytes = 0;
  // The longest time of all of it; 0: as long as something moves.
  int64_t deadline_ms = 0;
  // Takes the body of a good answer piece by piece, in place of HttpAnswer::body; status and
  // headers are there. An error ends the request and is its result.
  std::function<Status(const HttpAnswer& answer, std::string_view piece)> sink;
  // Asked before each address is connected to, that of a proxy perhaps. An error keeps it from
  // that, and is the result if no other address of the host may be connected to. Null: any may.
  std::function<Status(const std::string& address, int port)> may_connect;
  bool without_proxy = false;  // whatever the environment says
  // A file in the form of .netrc, with the logins of hosts; empty: none has one.
  std::string login_file;
};

// What came back. `headers` by their names in lower case.
struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  bool good() const { return status >= 200 && status < 300; }
  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// What all requests of a client have in common.
struct HttpOptions {
  // Whose certificates are trusted; empty: the system's. And the variable that names this file, for
  // messages.
  std::string ca_file;
  std::string ca_variable = "AWS_CA_BUNDLE";
  // A server that sends and takes nothing for so long is given up.
  int64_t idle_ms = 60'000;
  // Ends requests within about a second once it is true; may be null.
  std::function<bool()> stopped;
};

// The host of a URL in lower case, without brackets, and its port; addresses as numbers in their
// usual form. kInvalidArgument for what is no URL of http or https.
struct UrlHost {
  bool plain = false;  // http
  std::string host;
  int port = 0;
};
Result<UrlHost> HostOfUrl(const std::string& url);
// The URL to which the one in an answer's header leads.
Result<std::string> JoinUrl(const std::string& base, const std::string& location);

// Keeps connections open from one request to the next. Thread-safe: any number of requests at the
// same time.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any answer is one, of whatever status. kUnavailable if there was none, or not all of it, with
  // the cause; with the reason TLS if the server's certificate is not trusted. kCancelled if
  // `stopped` became true.
  Result<HttpAnswer> Send(const HttpRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> TakeHandle();

  const HttpOptions options_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
