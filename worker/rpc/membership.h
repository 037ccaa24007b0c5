// A worker that has joined a coordinator: the files in its folder that prove it, how it gets them,
// and how they are renewed.
//
//   <folder>/tls/worker.key, worker.pem    its key and the certificate of it
//   <folder>/tls/ca.pem                    the authority of the coordinator's certificate
//   <folder>/tls/coordinator.json          where the coordinator is, and who the worker is there
#pragma once

#include <optional>
#include <string>
#include <thread>

#include "base/endpoint.h"
#include "base/status.h"
#include "rpc/join_line.h"
#include "worker/io/stop_signal.h"
#include "worker/rpc/link.h"

namespace braid::worker {

// The identity of a worker that has joined, and the address of its coordinator.
struct Membership {
  std::string address;
  std::string worker_id;
  std::string site;  // empty: the worker says
};

// Reads the files; nullopt if this folder's worker has not joined. kFailedPrecondition, with what
// to do, for files that are damaged, and for a certificate that has expired.
Result<std::optional<Membership>> ReadMembership(const std::string& folder);

// Joins with an invitation, under the id `wanted` (empty: the invitation's, or the host's name).
// The key is made once for each folder; only its public half leaves the machine. The same
// invitation may be used again by the same folder. Errors are the coordinator's, or those of the
// connection.
Result<Membership> Join(const rpc::JoinLine& line, const std::string& folder,
                        const std::string& wanted);

// How a member reaches its coordinator.
EndpointSource SourceOf(const Membership& membership, const std::string& folder);

// Renews the certificate while this lives: when a third of its time has passed, and again until it
// succeeds. The link then uses the new one.
class CertificateKeeper {
 public:
  // `link` outlives this.
  CertificateKeeper(RpcLink& link, std::string folder);
  ~CertificateKeeper();

 private:
  // The thread: sleeps until the certificate is due, asks for the next one and writes it.
  void Run();

  RpcLink& link_;
  const std::string folder_;
  StopSignal stop_;
  std::thread thread_;
};

}  // namespace braid::worker
