// A TLS handshake of our own with the program that listens at an address, in which no data is sent.
// It fetches the certificate of an authority whose fingerprint is known, and explains failures of
// which gRPC reports only that there is no connection.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/status.h"

namespace braid::rpc {

// The result of the handshake.
struct PeerView {
  bool tls = false;  // it answered the handshake
  // The certificates that it sent, PEM, its own first. They were not verified.
  std::vector<std::string> chain;
};

// Connects to HOST:PORT. kUnavailable if nothing listens there, or if there is no answer within 5
// s.
Result<PeerView> LookAt(const std::string& address);

// The certificate, PEM, with the SHA-256 `fingerprint` among those that the program at `address`
// sends. kUnavailable as above; kPermissionDenied, naming what was found, if it sends no such
// certificate or speaks no TLS.
Result<std::string> FetchAuthority(const std::string& address, const std::string& fingerprint);

// Why a connection with this endpoint's credentials cannot be made, as a sentence that says what to
// do. Empty if nobody listens there, or if nothing is wrong with its TLS.
std::string WhyNoConnection(const Endpoint& endpoint);
// The same of a coordinator's HTTPS, whose certificate has the name `server_name` (empty: the
// host).
std::string WhyNoHttps(const Endpoint& endpoint, const std::string& server_name);

}  // namespace braid::rpc
