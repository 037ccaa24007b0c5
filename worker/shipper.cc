#include "worker/shipper.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.h"
#include "worker/transfer.h"

namespace braid::worker {
namespace {

constexpr int64_t kEveryMs = 250;
constexpr int64_t kFlushLookMs = 20;
constexpr size_t kPiece = size_t{256} << 10;

}  // namespace

struct Shipper::State {
  State(std::string p, Send s, StopSignal& stopped)
      : path(std::move(p)), send(std::move(s)), stop(stopped) {}

  const std::string path;
  const Send send;
  StopSignal& stop;
  StopSignal drain;
  std::thread thread;
  std::atomic<int64_t> offset{0};  // that the coordinator has
  std::atomic<bool> ended{false};
  Status status;  // of the last piece; read after the thread ended

  // One pass over what is new. kNotFound (no file yet) is nothing new.
  Status Pass() {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return OkStatus();
    std::string piece(kPiece, '\0');
    while (!stop.IsSet()) {
      const ssize_t n = pread(fd.get(), piece.data(), piece.size(), offset);
      if (n <= 0) return OkStatus();
      BRAID_ASSIGN_OR_RETURN(const int64_t end,
                             send(offset, {piece.data(), static_cast<size_t>(n)}));
      offset = end;
    }
    return Cancelled("stopped");
  }

  void Run() {
    Ship();
    ended = true;
  }

  void Ship() {
    while (!stop.IsSet()) {
      const bool last = drain.IsSet();
      status = Pass();
      // The coordinator lost the end of what it had (its machine fell): from the beginning; what it
      // still has costs no bytes on its disk, and the answer to the first piece jumps over it.
      const bool hole = status.code() == StatusCode::kOutOfRange;
      if (hole) offset = 0;
      const bool again = hole || MayPass(status);
      if (last && !again) return;
      if (!status.ok() && !again) return;
      if (last) {
        if (stop.WaitFor(kEveryMs)) break;
      } else {
        drain.WaitFor(kEveryMs);
      }
    }
    status = Cancelled("stopped");
  }
};

Shipper::Shipper(std::string path, Send send, StopSignal& stop)
    : state_(std::make_unique<State>(std::move(path), std::move(send), stop)) {
  state_->thread = std::thread([this] { state_->Run(); });
}

Shipper::~Shipper() {
  (void)Drain();
}

Status Shipper::Flush() {
  const Result<uint64_t> size = FileSize(state_->path);
  if (!size.ok()) return OkStatus();  // no file yet
  while (state_->offset < static_cast<int64_t>(*size)) {
    if (state_->ended) return state_->status;
    if (state_->stop.WaitFor(kFlushLookMs)) return Cancelled("stopped");
  }
  return OkStatus();
}

Status Shipper::Drain() {
  state_->drain.Set();
  if (state_->thread.joinable()) state_->thread.join();
  return state_->status;
}

}  // namespace braid::worker
