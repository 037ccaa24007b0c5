// A worker's session (coordinator/sessions/session.h) on gRPC's stream.
#pragma once

#include <memory>

#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/access.h"
#include "coordinator/services/open_call.h"
#include "coordinator/sessions/session.h"
#include "coordinator/waiting/turn.h"

namespace braid::coordinator {

// Reads one message after another, each when the core has the one before; writes what the core
// wants of the worker, only the newest if the worker is slow. A session that another one replaces
// ends at once, and says why.
class SessionCall final
    : public OpenCall<grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>> {
 public:
  static grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>* Start(
      grpc::CallbackServerContext* context, Backend* backend);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;

 private:
  SessionCall(grpc::CallbackServerContext* context, Backend* backend)
      : OpenCall(context, backend) {}
  std::shared_ptr<SessionCall> Self();
  void OnEnd() override { session_->Close(); }
  void Read();
  void Taken(const Status& status);
  void Due();
  void Write();

  // What a worker says of itself is what it may say.
  Status CheckHello(v1::WorkerHello* hello) const;

  Identity who_;
  std::unique_ptr<Session> session_;
  v1::WorkerSignal signal_;
  Turn writing_;
  v1::DesiredState state_;  // touched by who has the turn
};

}  // namespace braid::coordinator
