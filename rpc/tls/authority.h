// The certificates of a coordinator: an authority of its own, which signs the server's certificate
// and those of workers, in a folder of the coordinator's state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "rpc/tls/certificates.h"

namespace braid::rpc {

// The files with which a server speaks TLS. They are read again whenever they change.
struct ServerTls {
  std::string certificate;  // its own first, then those of its issuers
  std::string key;
  std::string clients;  // the authorities of client certificates
  // The certificate that clients must have: they trust servers whose certificate it signed.
  std::string trust;
  std::string trust_sha256;
};

// The coordinator's own certificate authority, which signs its certificate and those of its
// workers.
class Authority {
 public:
  // Reads the authority in the folder, or makes one there: the folder has mode 0700, its keys 0600.
  // kFailedPrecondition if its files are damaged, with what to do.
  static Result<Authority> Open(const std::string& folder);

  // The files of a server that is reached by these names, with a certificate of this authority. A
  // new one is made if there is none, if the old one lacks a name, or if a third of its year or
  // less is left; the key stays.
  Result<ServerTls> OwnServer(const std::vector<std::string>& names) const;
  // The same with a certificate and key of the user's. The last certificate in the file is the one
  // that clients get to trust: it is copied to the file `trust` of the folder. Errors name the
  // files.
  Result<ServerTls> ServerOf(const std::string& certificate_file, const std::string& key_file,
                             const std::string& trust = "trust.pem") const;

  // When its own certificate ends, and with it all that it has signed; wall clock.
  Result<int64_t> EndsMs() const;
  // A certificate for a client's request, followed by the authority's own.
  Result<std::string> SignClient(const std::string& request, const std::string& common_name,
                                 int64_t lifetime_s) const;

 private:
  Authority(std::string folder, Certified own) : folder_(std::move(folder)), own_(std::move(own)) {}

  std::string folder_;
  Certified own_;
};

// The names and addresses of a server that listens on `listen` ("0.0.0.0:7070"): loopback, the
// host's name, the address, or all addresses of this machine if it listens on all, and `more`.
std::vector<std::string> ServerNames(const std::string& listen,
                                     const std::vector<std::string>& more);

}  // namespace braid::rpc
