// What browsers and Prometheus may read, on a listener of its own: /healthz, /readyz, /metrics, /api/v1/runs and
// /api/v1/runs/<id>. GET only; nothing changes state over HTTP.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"

namespace braid::coordinator {

class Core;

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // "127.0.0.1:41235".
  virtual std::string address() const = 0;
  virtual void Stop() = 0;

  // REQUIRES: `address` is loopback. `core` outlives the server.
  static Result<std::unique_ptr<HttpServer>> Start(const std::string& address, Core* core);
};

}  // namespace braid::coordinator
