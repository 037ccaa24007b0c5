// The gRPC server: all services, health and reflection, on one address, behind the checks of
// coordinator/access. No gRPC in this header.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "rpc/caller.h"

namespace braid::coordinator {

struct Backend;
class JsonCalls;

// Owns gRPC's server and the services. Thread-safe.
class Server {
 public:
  virtual ~Server() = default;
  // "127.0.0.1:41234": with the port that was chosen.
  virtual std::string address() const = 0;
  // Health of the service "coordinator": not while it waits for its workers after a start. At first
  // it is not.
  virtual void SetReady(bool ready) = 0;
  // Whether the caller may make the call. A refusal for the role has a row in the audit. Every
  // other entry to the API, such as HTTP, must call it, too.
  virtual Status Check(const rpc::Caller& caller) = 0;
  // The same calls as JSON; lives as long as the server.
  virtual JsonCalls* json_calls() = 0;
  // No new requests; streams and long calls end within about a second.
  virtual void Stop() = 0;

  // Listens on `address` ("127.0.0.1:0": any free port), with TLS if the backend has its files.
  // kPermissionDenied for an address beyond loopback without TLS, kUnavailable if the address
  // cannot be bound.
  static Result<std::unique_ptr<Server>> Start(const std::string& address, Backend* backend);
};

// "127.0.0.1:80", "[::1]:80" and "localhost:80" are loopback; anything else is an error that says
// what to do. `what` is served there: "HTTP".
Status CheckLoopback(const std::string& address, const std::string& what);

}  // namespace braid::coordinator
