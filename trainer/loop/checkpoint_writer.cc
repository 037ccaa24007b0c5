#include "trainer/loop/checkpoint_writer.h"

#include <atomic>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "task/timed_span.h"
#include "trainer/kernels/fault.h"

namespace braid::trainer {

namespace {

// One that the worker takes over at present, and one that waits for that.
constexpr int64_t kMostUnstored = 2;

}  // namespace

struct CheckpointWriter::State {
  const std::string folder;
  const Network& network;
  task::Channel& channel;
  std::thread thread;
  std::atomic<bool> busy{false};
  std::atomic<int64_t> last{0};
  // Steps whose folders exist. Touched by the writing thread alone while `busy`.
  std::set<int64_t> kept;
  Mutex mutex;
  Status error BRAID_GUARDED_BY(mutex);

  std::string FolderOfStep(int64_t step) const {
    return JoinPath(folder, "step-" + std::to_string(step));
  }

  // A worker takes checkpoints over and confirms each on the channel; those up to the confirmed
  // step can go. Without a worker, the last two stay: if the newest should turn out to be damaged,
  // there is another one. The newest always stays, because the training may resume from it.
  void RemoveOld() {
    for (auto it = kept.begin(); it != kept.end();) {
      const bool newest = std::next(it) == kept.end();
      const bool done = channel.has_worker() ? *it <= channel.stored_checkpoint()
                                             : std::distance(it, kept.end()) > 2;
      if (newest || !done) {
        ++it;
        continue;
      }
      (void)RemoveTree(FolderOfStep(*it));
      it = kept.erase(it);
    }
  }

  void Write(const OptimizerSnapshot& snapshot, const TrainState& state,
             const std::string& history) {
    const std::string target = FolderOfStep(state.step);
    Status status;
    try {
      // Ends before the worker is told of the checkpoint.
      const task::TimedSpan span(channel, "write checkpoint", {{"step", state.step}});
      status = MakeFolder(folder);
      if (status.ok()) {
        status = WriteCheckpoint(target, network.spec(), network.layout(), snapshot, state, history,
                                 /*optimizer=*/true);
      }
      // An exception that left this thread would end the process.
    } catch (const std::exception& thrown) {
      status = StatusOf(thrown);
    }
    if (status.ok()) {
      kept.insert(state.step);
      last.store(state.step);
      channel.Checkpoint(state.step, target,
                         {{"step", state.step}, {"epoch", state.epoch}, {"tokens", state.tokens}});
      RemoveOld();
    } else {
      // Parts of it on a full disk would leave no room for the next one, either.
      (void)RemoveTree(target + ".tmp");
      MutexLock lock(mutex);
      error = status.Wrap("checkpoint of step " + std::to_string(state.step));
    }
    busy.store(false);
  }
};

CheckpointWriter::CheckpointWriter(std::string folder, const Network& network,
                                   task::Channel& channel)
    : state_(new State{std::move(folder), network, channel, {}, {}, {}, {}, {}, {}}) {}

CheckpointWriter::~CheckpointWriter() {
  (void)Finish();
}

bool CheckpointWriter::busy() const {
  return state_->busy.load();
}
bool CheckpointWriter::behind() const {
  const task::Channel& channel = state_->channel;
  const std::set<int64_t>& kept = state_->kept;
  return channel.has_worker() &&
         std::distance(kept.upper_bound(channel.stored_checkpoint()), kept.end()) >= kMostUnstored;
}
int64_t CheckpointWriter::last_written() const {
  return state_->last.load();
}

void CheckpointWriter::Begin(OptimizerSnapshot snapshot, TrainState state, std::string history) {
  if (state_->thread.joinable()) state_->thread.join();
  state_->busy.store(true);
  state_->thread = std::thread(
      [this, snapshot = std::move(snapshot), state = std::move(state),
       history = std::move(history)] { state_->Write(snapshot, state, history); });
}

Status CheckpointWriter::TakeError() {
  MutexLock lock(state_->mutex);
  return std::exchange(state_->error, OkStatus());
}

Status CheckpointWriter::Finish() {
  if (state_->thread.joinable()) state_->thread.join();
  return TakeError();
}

}  // namespace braid::trainer
