// What people, browsers, programs and Prometheus may ask for, on a listener of its own: the
// dashboard (docs/dashboard.md), the API as JSON, /metrics, /healthz and /readyz. All but the
// dashboard's own files, health and signing in need a token, as a header or as the cookie of a
// signed-in browser, or under TLS a person's certificate; what a caller may do is decided as for
// gRPC. All need a Host that is this machine's, and no page of another origin may use it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "coordinator/http/request_guard.h"
#include "rpc/tls/authority.h"

namespace braid::catalog {
class Reader;
}

namespace braid::trace {
class Exporter;
}

namespace braid::coordinator {

class CallDurations;
class Core;
class CurveCache;
class JsonCalls;
class LoadTable;

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
    std::string address;             // port 0 takes a free one; without `tls` one of loopback
    std::vector<std::string> hosts;  // names that a Host header may have besides loopback ones and
                                     // the address's own; "*.example.org" for all of one level
    // OK for a token that may call the method ("/braid.v1.Runs/ListRuns"); otherwise an error that
    // says what to do. `sent` is false if no token came. Not null.
    std::function<Status(std::string_view method, bool sent, std::string_view token)> check;
    CertificateToken token_for;    // null: certificates of clients mean nothing
    JsonCalls* calls = nullptr;    // the API; null: it is not served. Outlives the server
    CurveCache* curves = nullptr;  // the same
    const catalog::Reader* reader = nullptr;  // for the list of runs; the same
    std::optional<rpc::ServerTls> tls;        // HTTPS with these files, read again as they change
    const CallDurations* call_durations = nullptr;  // for /metrics, and so are `spans`; null: there
                                                    // are none
    trace::Exporter* spans = nullptr;
    int strict_days = 0;  // for how long browsers use nothing but https for a name of this machine
    const LoadTable* loads = nullptr;  // for /metrics, too
  };
  // `core` outlives the server. kUnavailable if the address cannot be had, kInvalidArgument if the
  // files of `tls` cannot be used (errors name them), kPermissionDenied for an address of the
  // network without `tls`.
  static Result<std::unique_ptr<HttpServer>> Start(const Options& options, Core* core);
};

}  // namespace braid::coordinator
