#include "trainer/loop/data_loader.h"

#include <deque>
#include <thread>

#include "base/mutex.h"
#include "trainer/kernels/fault.h"

namespace braid::trainer {
namespace {

// Micro-batches that are read before the training asks for them. Reading one takes far less time
// than computing with it, so a few hide the pauses of a slow disk.
constexpr size_t kAhead = 4;

}  // namespace

struct DataLoader::State {
  const TrainSettings& settings;
  const corpus::Dataset& dataset;
  const StepPlan& plan;
  const int64_t rank;
  const int64_t world;
  Mutex mutex;
  CondVar changed;
  std::deque<Result<MicroBatch>> ready BRAID_GUARDED_BY(mutex);
  bool stop BRAID_GUARDED_BY(mutex) = false;
  std::thread thread;

  // This rank's share of the rows of a micro-batch, [count, T]. All ranks go through the same
  // places and differ in `first_row` alone, so that together they read what one rank would.
  MicroBatch Read(const corpus::Epoch& epoch, const MicroPlace& place) const {
    const int64_t T = settings.data.sequence;
    const int64_t count = settings.batch / world;
    MicroBatch batch;
    batch.number = place.number;
    batch.first_row = rank * count;
    batch.ids.resize(static_cast<size_t>(count * T));
    batch.labels.resize(batch.ids.size());
    for (int64_t i = 0; i < count; ++i) {
      int32_t* ids = batch.ids.data() + i * T;
      epoch.Read(place.first + batch.first_row + i, ids);
      batch.sources.push_back(epoch.SourceOf(place.first + batch.first_row + i));
      MakeLabels(ids, T, static_cast<int32_t>(settings.model.pad_id), batch.labels.data() + i * T,
                 settings.last_label);
    }
    batch.targets = settings.batch * TargetsOfSequence(T, settings.last_label);
    return batch;
  }

  // Blocks while kAhead micro-batches are ready, which bounds the memory. Returns false if the
  // loader is being destroyed.
  bool Hand(Result<MicroBatch> batch) {
    MutexLock lock(mutex);
    while (ready.size() >= kAhead && !stop) changed.Wait(mutex);
    if (stop) return false;
    ready.push_back(std::move(batch));
    changed.NotifyAll();
    return true;
  }

  void Run(int64_t first_step) {
    // An epoch's index is read once and kept until the next epoch.
    int64_t open = -1;
    std::shared_ptr<const corpus::Epoch> epoch;
    for (int64_t step = first_step; step < plan.total; ++step) {
      for (const MicroPlace& place : plan.At(settings, step).micro_batches) {
        if (place.epoch != open) {
          Result<std::shared_ptr<const corpus::Epoch>> opened = dataset.OpenEpoch(place.epoch);
          if (!opened.ok()) {
            Hand(opened.status());
            return;
          }
          epoch = *opened;
          open = place.epoch;
        }
        if (!Hand(Read(*epoch, place))) return;
      }
    }
  }
};

DataLoader::DataLoader(const TrainSettings& settings, const corpus::Dataset& dataset,
                       const StepPlan& plan, int64_t first_step, int64_t rank, int64_t world)
    : state_(new State{settings, dataset, plan, rank, world, {}, {}, {}, false, {}}) {
  state_->thread = std::thread([this, first_step] {
    try {
      state_->Run(first_step);
    } catch (const std::exception& error) {
      state_->Hand(StatusOf(error));
    }
  });
}

DataLoader::~DataLoader() {
  {
    MutexLock lock(state_->mutex);
    state_->stop = true;
    state_->changed.NotifyAll();
  }
  state_->thread.join();
}

Result<MicroBatch> DataLoader::Next() {
  MutexLock lock(state_->mutex);
  while (state_->ready.empty()) state_->changed.Wait(state_->mutex);
  Result<MicroBatch> batch = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->changed.NotifyAll();
  return batch;
}

}  // namespace braid::trainer
