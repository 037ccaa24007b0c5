// A look at who listens at an address, with a TLS handshake of our own, in which nothing is sent:
// to get the certificate of an authority whose fingerprint is known, and to say what is wrong where
// gRPC only says that there is no connection.
#pragma once

#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/status.h"

namespace braid::rpc {

// What a program that listens showed.
struct PeerView {
  bool tls = false;  // it answered the handshake
  // The certificates that it sent, PEM, its own first. They were not verified.
  std::vector<std::string> chain;
};

// kUnavailable if nobody listens at HOST:PORT, or if it says nothing within 5 s.
Result<PeerView> LookAt(const std::string& address);

// The certificate, PEM, with the SHA-256 `fingerprint` among those that the program at `address`
// sends. kUnavailable as above; kPermissionDenied, naming what was found, if it sends no such
// certificate or speaks no TLS.
Result<std::string> FetchAuthority(const std::string& address, const std::string& fingerprint);

// Why a connection with this endpoint's credentials cannot be made, as a sentence that says what to
// do. Empty if nobody listens there, or if nothing is wrong with its TLS.
std::string WhyNoConnection(const Endpoint& endpoint);

}  // namespace braid::rpc
