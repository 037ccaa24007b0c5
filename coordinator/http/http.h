// What people and Prometheus may read, on a listener of its own: /healthz, /readyz, /metrics,
// /api/v1/runs and /api/v1/runs/<id>. GET only; nothing changes state over HTTP. All but /healthz
// and /readyz need a token of gRPC
// ("Authorization: Bearer TOKEN"), and all a Host that is this machine's: a web page elsewhere,
// whose name was made to point here, reads nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace braid::coordinator {

class Core;

// Listens from Start to Stop or its end. Requests are answered in threads of its own, which ask the
// core and wait for it.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // "127.0.0.1:41235".
  virtual std::string address() const = 0;
  // No new connections; those that are open end soon. May be repeated.
  virtual void Stop() = 0;

  struct Options {
    std::string address;             // loopback; port 0 takes a free one
    std::vector<std::string> hosts;  // names that a Host header may have besides loopback ones and
                                     // the address's own
    // OK for a token that may read; otherwise an error that says what to do. `sent` is false if no
    // token came. Not null.
    std::function<Status(bool sent, std::string_view token)> check;
  };
  // `core` outlives the server. kUnavailable if the address cannot be had.
  static Result<std::unique_ptr<HttpServer>> Start(const Options& options, Core* core);
};

}  // namespace braid::coordinator
