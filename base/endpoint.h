// Where a coordinator listens, and the token that its clients must present. The token is one
// line in a file that only the coordinator's user can read; the address file names it, so that
// programs of that user find it by themselves.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

struct Endpoint {
  std::string address;     // of gRPC, "127.0.0.1:41234"
  std::string token;       // empty: none is known for this address
  std::string token_file;  // where it was read
};

// How to find a coordinator.
struct EndpointSource {
  std::string address;       // HOST:PORT; empty: what the address file says
  std::string address_file;  // written by the coordinator
  std::string token_file;  // empty: what the address file names, if it is the file of this address
};

// Reads the files each time. kUnavailable while there is no address file; kPermissionDenied if a
// file may not be read, or if the address is not loopback: without TLS the token would cross the
// network for all to read.
Result<Endpoint> FindEndpoint(const EndpointSource& source);

// "localhost", "[::1]", "::1" and the addresses 127.0.0.0/8, written as numbers. A name that only
// begins like one is none.
bool IsLoopbackHost(std::string_view host);
// The host of "HOST:PORT" or "[HOST]:PORT", with its brackets; all of it if there is no port.
std::string_view HostOf(std::string_view address);

// The token in `path`, made there (0600) if there is none. A file that others could read is made
// anew: they may have read it.
Result<std::string> MakeTokenFile(const std::string& path);
Result<std::string> ReadTokenFile(const std::string& path);
// Whether `given` is the secret, in a time that does not tell how much of it is right.
bool SameSecret(std::string_view given, std::string_view secret);

}  // namespace braid
