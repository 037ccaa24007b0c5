// A worker's session (coordinator/sessions/session.h) on gRPC's stream.
#pragma once

#include <memory>
#include <string>

#include "braid/v1/worker.grpc.pb.h"
#include "coordinator/access/access.h"
#include "coordinator/services/open_call.h"
#include "coordinator/sessions/session.h"
#include "coordinator/waiting/turn.h"

namespace braid::coordinator {

// Reads one message after another, each once the core has taken the one before. Writes the worker's
// DesiredState; if the worker is slow, only the newest one. A session that another one replaces, or
// whose worker's credential ends, ends at once, and says why.
class SessionCall final
    : public OpenCall<grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>> {
 public:
  // Begins the call; what it returns is for gRPC, which keeps it until OnDone.
  static grpc::ServerBidiReactor<v1::WorkerSignal, v1::DesiredState>* Start(
      grpc::CallbackServerContext* context, Backend* backend);

  // gRPC has a message of the worker, or (`ok` false) its side of the stream is closed.
  void OnReadDone(bool ok) override;
  // The connection has taken the last message: the next one may be written.
  void OnWriteDone(bool ok) override;

 private:
  SessionCall(grpc::CallbackServerContext* context, Backend* backend)
      : OpenCall(context, backend) {}
  // Keeps the call alive in a callback.
  std::shared_ptr<SessionCall> Self();
  void OnEnd() override { session_->Close(); }
  void Refuse(const Status& why) override;
  // Asks gRPC for the next message of the worker.
  void Read();
  // The core has taken the message that was read, or refused it, which ends the session.
  void Taken(const Status& status);
  // The session has something new for its worker. In any thread; whoever has the turn writes.
  void Due();
  // Writes the newest state that the session wants of its worker, if it is not written yet.
  void Write();

  // What a worker says of itself is what it may say.
  Status CheckHello(v1::WorkerHello* hello) const;

  std::unique_ptr<Session> session_;
  // The message that is being read or taken; there is one at a time.
  v1::WorkerSignal signal_;
  // By its hello.
  std::string worker_;
  // Who has it may write: gRPC allows one write at a time.
  Turn writing_;
  v1::DesiredState state_;  // touched by who has the turn
};

}  // namespace braid::coordinator
