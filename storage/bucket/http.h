// HTTP requests for buckets, by libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"

namespace braid::storage {

// One request. Redirections are not followed.
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

// Keeps connections open from one request to the next. Thread-safe: any number of requests at the
// same time.
class HttpClient {
 public:
  // `ca_file`: whose certificates are trusted; empty: the system's. A server that sends and takes
  // nothing for `idle_ms` is given up. `stop` ends requests within about a second; it may be null,
  // and outlives this.
  HttpClient(std::string ca_file, int64_t idle_ms, const std::atomic<bool>* stop);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any answer is one, of whatever status. kUnavailable if there was none, with the reason;
  // kCancelled if `stop` became true.
  Result<HttpAnswer> Send(const HttpRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> TakeHandle();

  const std::string ca_file_;
  const int64_t idle_ms_;
  const std::atomic<bool>* const stop_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_ BRAID_GUARDED_BY(mutex_);
};

}  // namespace braid::storage
