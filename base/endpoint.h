// Where a coordinator listens, and the token that its clients must present. The token is one
// line in a file that only the coordinator's user can read; the address file names it, so that
// programs of that user find it by themselves.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace braid {

// The address of a coordinator together with the credentials for it.
struct Endpoint {
  // Of the gRPC server, as "HOST:PORT": "127.0.0.1:41234".
  std::string address;
  // The token that each call carries. Empty if no token is known for this address.
  std::string token;
  // The file that the token was read from; empty if there is none.
  std::string token_file;

  // TLS: the certificate (PEM) of the authority that must have signed the server's, and the file
  // that it was read from; or the SHA-256 of that certificate, if it is not at hand and has to be
  // fetched (rpc/tls/peer.h). All empty: no TLS, and the address is one of loopback.
  std::string ca;
  std::string ca_file;
  std::string ca_sha256;
  // The caller's own certificate and its key (PEM), by which the coordinator recognises a worker
  // that has joined; empty for callers that have a token.
  std::string certificate;
  std::string key;

  // Whether calls go over TLS. Without it, FindEndpoint accepts loopback addresses only.
  bool tls() const { return !ca.empty() || !ca_sha256.empty(); }
  bool operator==(const Endpoint&) const = default;
};

// How to find a coordinator, as command lines or the membership of a worker give it. Empty fields
// are not given.
struct EndpointSource {
  // HOST:PORT. Empty: the address is taken from the address file.
  std::string address;
  // The JSON file that a coordinator writes when it begins to listen (base/state_files.h,
  // kAddress).
  std::string address_file;
  // Empty: the file that the address file names, provided that the address file is about this
  // address. The token of one coordinator is never sent to another one.
  std::string token_file;
  // A file with the certificate of the coordinator's authority, or "sha256:" and its digest. Empty:
  // what the address file names, provided that it is about this address.
  std::string ca;
  // Files with the caller's own certificate and key, read again at each call; empty: none.
  std::string certificate_file;
  std::string key_file;
};

// Finds the coordinator's address and token. Both files are read at each call, because a restarted
// coordinator may have another port. kUnavailable while there is no address file; kPermissionDenied
// if a file may not be read, or if the address is not loopback and no authority is known for it:
// without TLS the token would cross the network in the clear.
Result<Endpoint> FindEndpoint(const EndpointSource& source);

// True iff `host` is "localhost", "[::1]", "::1" or an address in 127.0.0.0/8 written as numbers. A
// name such as "127.0.0.1.example.org" is not one. Nothing is looked up in the DNS.
bool IsLoopbackHost(std::string_view host);
// The host part of "HOST:PORT" or "[HOST]:PORT", with its brackets; the whole text if it has no
// port. The result points into `address`.
std::string_view HostOf(std::string_view address);

// 64 random hex digits.
Result<std::string> NewSecret();
// Returns the token in the file `path`. A file that does not exist, holds no token, or could be
// read by other users is replaced by a new random token (mode 0600): another user may have copied
// the old one.
Result<std::string> MakeTokenFile(const std::string& path);

// Reads a token: one line of at least 32 printable ASCII characters. Other content is
// kInvalidArgument.
Result<std::string> ReadTokenFile(const std::string& path);
// Compares a token that a client presented with the right one. The time that this takes does not
// tell how many leading characters are right.
bool SameSecret(std::string_view given, std::string_view secret);

}  // namespace braid
