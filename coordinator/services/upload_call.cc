#include "coordinator/services/upload_call.h"

#include <utility>

#include "coordinator/access/bounds.h"
#include "coordinator/core/bound_data.h"
#include "coordinator/core/traffic.h"
#include "coordinator/services/unary.h"
#include "rpc/convert.h"

namespace braid::coordinator {

void Fill(const UploadStatus& status, v1::QueryUploadResponse* message) {
  message->set_committed(status.committed);
  message->set_complete(status.complete);
}

grpc::ServerReadReactor<v1::UploadBlobRequest>* UploadCall::Start(
    grpc::CallbackServerContext* context, Backend* backend, v1::QueryUploadResponse* reply) {
  const std::shared_ptr<UploadCall> call(new UploadCall(context, backend, reply));
  call->Open();
  call->Read();
  return call.get();
}

// Not at the end of the call: a piece may still be written then.
UploadCall::~UploadCall() {
  if (!traffic_.has_value()) return;
  backend()->core->Post({[key = *traffic_, bytes = received_](Transaction& tx) {
                           CountTraffic(key, bytes, tx);
                           return OkStatus();
                         },
                         nullptr, nullptr});
}

std::shared_ptr<UploadCall> UploadCall::Self() {
  return std::static_pointer_cast<UploadCall>(shared_from_this());
}

void UploadCall::Read() {
  if (!Enter()) return Last();  // what came so far is kept, whoever ended the call
  StartRead(&request_);
  Leave();
}

void UploadCall::OnReadDone(bool ok) {
  if (!ok) {
    backend()->uploads.Do([self = Self()] { self->Last(); });
    return;
  }
  // The last piece brings the digest of the whole blob with it. It may also be the first of this
  // call, when an upload is resumed near its end.
  const uint64_t bytes = request_.data().size();
  const bool completes = begun_ ? upload_.CompletesWith(bytes)
                                : request_.offset() + bytes >= request_.size();
  ThreadPool& pool = completes ? backend()->hashing : backend()->uploads;
  if (begun_) return pool.Do([self = Self()] { self->Take(); });
  backend()->core->Post({nullptr,
                         [self = Self()](const State& state) { return self->Check(state); },
                         [self = Self(), &pool](Status status) {
                           if (status.ok()) return pool.Do([self] { self->Take(); });
                           self->backend()->answers.Do([self, status] { self->End(status); });
                         }});
}

Status UploadCall::Check(const State& state) {
  if (request_.has_rank()) {
    const RankKey rank = rpc::RankOf(request_.rank());
    BRAID_RETURN_IF_ERROR(CheckOwnRank(who(), rank, state));
    traffic_ = SendingOf(rank, request_.role(), state);
    return CheckOutputMayLeave(rank.Job(), request_.role(), state);
  }
  return who().IsWorker() ? CheckUnnamedMayLeave(who().name, state) : OkStatus();
}

void UploadCall::Take() {
  const Status status = Guarded([&]() -> Status {
    if (!std::exchange(begun_, true)) {
      BRAID_RETURN_IF_ERROR(upload_.Begin(request_.sha256(), request_.size(), request_.offset()));
    }
    received_ += static_cast<int64_t>(request_.data().size());
    return upload_.complete() ? OkStatus() : upload_.Take(request_.data());
  });
  if (!status.ok()) return End(status);
  if (upload_.complete()) return Last();
  Read();
}

void UploadCall::Last() {
  Result<UploadStatus> last = UploadStatus();
  const Status status = Guarded([&]() -> Status {
    last = upload_.End();
    return last.status();
  });
  if (!Enter()) return;
  if (status.ok()) Fill(*last, reply_);
  End(status);
  Leave();
}

}  // namespace braid::coordinator
