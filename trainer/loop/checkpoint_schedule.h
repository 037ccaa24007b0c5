// When a training writes a checkpoint.
#pragma once

#include <cstdint>

#include "trainer/loop/settings.h"

namespace braid::trainer {

// A checkpoint is due after every checkpoint_steps steps, after checkpoint_seconds, and when
// somebody asks for one. One that is due while the last one is still being written, or while the
// worker is behind, is not dropped: it begins as soon as that is over.
class CheckpointSchedule {
 public:
  // `settings` must outlive it. Steps are counted behind `step`, seconds from `now_ms` on.
  CheckpointSchedule(const TrainSettings& settings, int64_t step, int64_t now_ms)
      : settings_(settings), seen_step_(step), last_ms_(now_ms) {}

  void Ask() { due_ = true; }

  // Called after each step behind which a checkpoint can be taken, one or more steps after the last
  // call; whether one is to begin now, if it can.
  bool AfterStep(int64_t step, int64_t now_ms) {
    const int64_t every = settings_.checkpoint_steps;
    const bool by_steps = every > 0 && step / every > seen_step_ / every;
    seen_step_ = step;
    const bool by_time = settings_.checkpoint_seconds > 0 &&
                         now_ms - last_ms_ >= settings_.checkpoint_seconds * 1000;
    due_ = due_ || by_steps || by_time;
    return due_;
  }

  // One has begun.
  void Begun(int64_t now_ms) {
    due_ = false;
    last_ms_ = now_ms;
  }

 private:
  const TrainSettings& settings_;
  int64_t seen_step_;
  int64_t last_ms_;
  bool due_ = false;
};

}  // namespace braid::trainer
