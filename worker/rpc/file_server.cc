#include "worker/rpc/file_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "braid/site/v1/files.grpc.pb.h"
#include "rpc/server_credentials.h"
#include "rpc/status.h"
#include "task/file_ticket.h"

namespace braid::worker {
namespace {

constexpr uint64_t kSentAtOnce = uint64_t{1} << 20;
constexpr int64_t kTenYearsS = int64_t{10} * 365 * 86'400;
// A connection is taken leave of after a minute, and broken off some time later: whoever reads
// nothing holds a place no longer than that.
constexpr int kConnectionMs = 60'000, kGraceMs = 15'000, kIdleMs = 30'000;
// A request is small; a connection has room for those that one worker sends at once.
constexpr int kMaxRequestBytes = 16 << 10, kMostCallsOfAConnection = 16;
// For all connections together.
constexpr size_t kMostMemory = size_t{64} << 20;

// The places in which files are read, by the readers' certificates. Thread-safe.
class Places {
 public:
  bool Take(const std::string& reader) {
    MutexLock lock(mutex_);
    int& own = taken_[reader];
    const bool free = all_ < FileServer::kMostAtOnce && own < FileServer::kMostOfAReader;
    if (free) {
      ++own;
      ++all_;
    } else if (own == 0) {
      taken_.erase(reader);
    }
    return free;
  }
  void Leave(const std::string& reader) {
    MutexLock lock(mutex_);
    --all_;
    if (--taken_[reader] == 0) taken_.erase(reader);
  }

 private:
  Mutex mutex_;
  std::map<std::string, int> taken_ BRAID_GUARDED_BY(mutex_);
  int all_ BRAID_GUARDED_BY(mutex_) = 0;
};

// One of them, which is taken already and free again with its end.
class Place {
 public:
  Place(Places& places, std::string reader) : places_(places), reader_(std::move(reader)) {}
  ~Place() { places_.Leave(reader_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Places& places_;
  const std::string reader_;
};

// Sends a part of a file, piece by piece, at the pace of the reader. Ends itself.
class Reading final : public grpc::ServerWriteReactor<site::v1::ReadFileResponse> {
 public:
  explicit Reading(const Status& refused) { Finish(rpc::ToGrpc(refused)); }
  Reading(std::unique_ptr<Place> place, std::unique_ptr<storage::BlobStore::Reader> file,
          uint64_t offset, uint64_t end)
      : place_(std::move(place)), file_(std::move(file)), offset_(offset), end_(end) {
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::CANCELLED, "the reader is gone"));
    Next();
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (offset_ >= end_) return Finish(grpc::Status::OK);
    Result<std::string> data = file_->Read(offset_, std::min(kSentAtOnce, end_ - offset_));
    if (!data.ok()) return Finish(rpc::ToGrpc(data.status()));
    offset_ += data->size();
    piece_.set_data(*std::move(data));
    StartWrite(&piece_);
  }

  std::unique_ptr<Place> place_;
  std::unique_ptr<storage::BlobStore::Reader> file_;
  uint64_t offset_ = 0;
  uint64_t end_ = 0;
  site::v1::ReadFileResponse piece_;
};

class FilesService final : public site::v1::Files::CallbackService {
 public:
  FilesService(std::string key, storage::BlobStore& cache) : key_(std::move(key)), cache_(cache) {}

  grpc::ServerWriteReactor<site::v1::ReadFileResponse>* ReadFile(
      grpc::CallbackServerContext* context, const site::v1::ReadFileRequest* request) override {
    // Who has no ticket learns nothing, and takes no place.
    const Result<std::string> reader = Check(*context, *request);
    if (!reader.ok()) return new Reading(reader.status());
    if (!places_.Take(*reader)) {
      return new Reading(ResourceExhausted(
          "at most " + std::to_string(FileServer::kMostAtOnce) + " files are read here at once, " +
          std::to_string(FileServer::kMostOfAReader) + " of them by one worker: ask again"));
    }
    auto place = std::make_unique<Place>(places_, *reader);
    auto file = cache_.OpenBlob(request->sha256());
    if (!file.ok()) return new Reading(file.status());
    const uint64_t size = (*file)->size(), offset = request->offset(), length = request->length();
    if (offset > size || length > size - offset)
      return new Reading(OutOfRange("the file has " + std::to_string(size) + " bytes"));
    return new Reading(std::move(place), *std::move(file), offset, offset + length);
  }

 private:
  // The SHA-256 of the reader's certificate.
  Result<std::string> Check(const grpc::CallbackServerContext& context,
                            const site::v1::ReadFileRequest& request) {
    if (!IsSha256Hex(request.sha256())) return InvalidArgument("this is no SHA-256");
    const auto facts = rpc::FactsOf(std::string(rpc::CallerOf(context).certificate));
    if (!facts.ok()) return PermissionDenied("the reader shows no certificate");
    BRAID_RETURN_IF_ERROR(task::CheckTicket(request.ticket(), key_, request.sha256(), facts->sha256,
                                            SystemClock().MonotonicMs()));
    return facts->sha256;
  }

  const std::string key_;
  storage::BlobStore& cache_;
  Places places_;
};

}  // namespace

struct FileServer::Parts {
  std::unique_ptr<grpc::Service> service;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<BoundedListener> listener;
};

Result<rpc::Certified> MakeOwnCertificate(const std::string& worker, const std::string& address) {
  BRAID_ASSIGN_OR_RETURN(const rpc::Certified issuer,
                         rpc::MakeAuthority("worker " + worker, kTenYearsS));
  rpc::Certified own;
  BRAID_ASSIGN_OR_RETURN(own.key, rpc::MakeKey());
  BRAID_ASSIGN_OR_RETURN(const std::string request, rpc::MakeRequest(own.key, worker));
  rpc::CertificateTerms terms{worker, {}, true, kTenYearsS};
  if (!address.empty()) terms.names.push_back(address);
  BRAID_ASSIGN_OR_RETURN(own.certificate, rpc::Sign(issuer, request, terms));
  own.certificate += issuer.certificate;
  return own;
}

FileServer::FileServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

int32_t FileServer::port() const {
  return parts_->listener->port();
}

// gRPC itself accepts every connection, so another listener does that, and hands them over.
Result<std::unique_ptr<FileServer>> FileServer::Start(const std::string& address,
                                                      const rpc::Certified& own,
                                                      const std::string& key,
                                                      storage::BlobStore& cache,
                                                      const Limits& limits) {
  // Every reader has a certificate of its own making: the ticket says which one.
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  tls.pem_key_cert_pairs.push_back({own.key, own.certificate});
  auto parts = std::make_unique<Parts>();
  BRAID_ASSIGN_OR_RETURN(parts->listener, BoundedListener::Listen(address, limits.connections));
  parts->service = std::make_unique<FilesService>(key, cache);
  grpc::ServerBuilder builder;
  parts->acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::SslServerCredentials(tls));
  builder.RegisterService(parts->service.get());
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("files").Resize(kMostMemory));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostCallsOfAConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kGraceMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, limits.handshake_ms);
  // Readers ping as clients of the coordinator do (rpc/channel.cc).
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr)
    return Unavailable("cannot serve files on " + address + " for workers of the same site");
  parts->listener->Begin([acceptor = parts->acceptor.get()](UniqueFd connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.fd = connection.Release();
    acceptor->HandleNewConnection(&parameters);
  });
  return std::unique_ptr<FileServer>(new FileServer(std::move(parts)));
}

// Whoever reads is cut off, and reads on elsewhere. The listener goes first: a server that shuts
// down closes nothing that it is given.
FileServer::~FileServer() {
  parts_->listener.reset();
  parts_->server->Shutdown(std::chrono::system_clock::now());
  parts_->server->Wait();
}

}  // namespace braid::worker
