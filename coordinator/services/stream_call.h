// A stream of the API (coordinator/api/streams.h) as gRPC sends it: one piece at a time, the next
// one is read when the client's connection has taken the last, so a slow client costs one piece.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "coordinator/api/streams.h"
#include "coordinator/services/open_call.h"
#include "coordinator/services/unary.h"
#include "coordinator/waiting/turn.h"

namespace braid::coordinator {

// `Piece` is what the stream yields, `Message` the message of the API that carries it.
template <class Piece, class Message>
class StreamCall final : public OpenCall<grpc::ServerWriteReactor<Message>> {
 public:
  // Makes the message of a piece, in a thread for files.
  using Convert = std::function<Message(const Piece&)>;
  // Begins the call; what it returns is for gRPC.
  static grpc::ServerWriteReactor<Message>* Start(grpc::CallbackServerContext* context,
                                                  Backend* backend,
                                                  std::unique_ptr<Stream<Piece>> stream,
                                                  Convert convert) {
    const std::shared_ptr<StreamCall> call(
        new StreamCall(context, backend, std::move(stream), std::move(convert)));
    call->Open();
    call->Wake();
    return call.get();
  }

  // The connection has taken the message; `ok` is false if the client is gone.
  void OnWriteDone(bool ok) override {
    this->Leave();
    if (!ok) return this->End(Cancelled("the client is gone"));
    Pool().Do([self = Self()] { self->Read(); });
  }

 private:
  StreamCall(grpc::CallbackServerContext* context, Backend* backend,
             std::unique_ptr<Stream<Piece>> stream, Convert convert)
      : OpenCall<grpc::ServerWriteReactor<Message>>(context, backend),
        stream_(std::move(stream)),
        convert_(std::move(convert)) {}

  std::shared_ptr<StreamCall> Self() {
    return std::static_pointer_cast<StreamCall>(this->shared_from_this());
  }

  ThreadPool& Pool() {
    return stream_->Remote() ? this->backend()->remote : this->backend()->files;
  }

  // In the thread of whoever wakes it.
  void Wake() {
    if (turn_.Enter()) Look();
  }

  // From here on by who has the turn.
  void Look() {
    Backend* const backend = this->backend();
    backend->alarms.Cancel(std::exchange(silence_, 0));
    backend->core->Post({nullptr,
                         [self = Self()](const State& state) { return self->stream_->Look(state); },
                         [self = Self(), backend](Status status) {
                           if (!status.ok())
                             return backend->answers.Do([self, status] { self->End(status); });
                           self->Pool().Do([self] { self->Read(); });
                         }});
  }

  // In a thread for files: sends the next piece, or waits for a wake-up, or ends the call.
  void Read() {
    if (!this->Enter()) return;  // ended: the turn is kept, and nobody steps any more
    if (!subscribed_) {
      subscribed_ = true;
      subscriptions_ = stream_->Subscribe(WakeWeakly());
      if (!subscriptions_.empty()) (void)turn_.Enter();  // notes one more look, when all is sent
    }
    StreamState state = StreamState::kEnd;
    const Status status = Guarded([&]() -> Status {
      BRAID_ASSIGN_OR_RETURN(state, stream_->Next(&piece_));
      if (state == StreamState::kPiece) message_ = convert_(piece_);
      return OkStatus();
    });
    if (status.ok() && state == StreamState::kPiece) {
      this->StartWrite(&message_);  // OnWriteDone leaves
      return;
    }
    this->Leave();
    if (!status.ok() || state == StreamState::kEnd) return this->End(status);
    if (stream_->LongestSilenceMs() > 0)
      silence_ = this->backend()->alarms.After(stream_->LongestSilenceMs(), WakeWeakly());
    if (turn_.Leave()) Look();
  }

  // For subscriptions and alarms, which may outlive the call.
  Wakeups::Wake WakeWeakly() {
    return [weak = std::weak_ptr<StreamCall>(Self())] {
      if (const auto self = weak.lock()) self->Wake();
    };
  }
  const std::unique_ptr<Stream<Piece>> stream_;
  const Convert convert_;
  Turn turn_;
  // The rest is touched by who has the turn. The stream's wake-ups are asked for once, before the
  // first piece is read.
  bool subscribed_ = false;
  std::vector<std::unique_ptr<Wakeups::Subscription>> subscriptions_;
  // Wakes a stream that has said nothing for its longest silence (bookmarks of events); 0: none.
  Alarms::Id silence_ = 0;
  Piece piece_;
  Message message_;
};

}  // namespace braid::coordinator
