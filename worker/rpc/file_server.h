// Serves the files of the worker's cache to workers of its site (braid/site/v1/files.proto), over
// TLS, to whoever shows a ticket of the coordinator's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "rpc/tls/certificates.h"
#include "storage/files/blob_store.h"
#include "worker/network/bounded_listener.h"

namespace braid::worker {

// The key of this process and its certificate, with behind it the certificate that signed it, whose
// own key is gone. `address` (as numbers; may be empty) is the one that it is for. Valid for longer
// than a process lives.
Result<rpc::Certified> MakeOwnCertificate(const std::string& worker, const std::string& address);

// Serves from its making to its end, in gRPC's threads. Training goes before: at most kMostAtOnce
// files are read at once, kMostOfAReader of them by one worker, and others are told to come again.
// Strangers, who may open connections and say nothing, get a bounded number of them, each for a
// bounded time.
class FileServer {
 public:
  static constexpr int kMostAtOnce = 4, kMostOfAReader = 2;
  struct Limits {
    ConnectionBounds connections{};
    int handshake_ms = 5'000;
  };

  // Listens on the address (as numbers), at a port that the system chooses. `key` is the one that
  // tickets are made with; `cache` outlives this.
  static Result<std::unique_ptr<FileServer>> Start(const std::string& address,
                                                   const rpc::Certified& own,
                                                   const std::string& key,
                                                   storage::BlobStore& cache, const Limits& limits);
  static Result<std::unique_ptr<FileServer>> Start(const std::string& address,
                                                   const rpc::Certified& own,
                                                   const std::string& key,
                                                   storage::BlobStore& cache) {
    return Start(address, own, key, cache, Limits());
  }
  ~FileServer();

  int32_t port() const;

 private:
  struct Parts;
  explicit FileServer(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace braid::worker
