// How often the ranks of one training agree: `sync` of `joint`.
#pragma once

#include <cstdint>
#include <string>

#include "schema/schema.h"
#include "spec/common.h"

namespace braid::spec {

// kGradients: the ranks add up their gradients in each step, so that all make the same update.
// kDiloco: each rank trains by itself, and after every so many steps an outer optimizer makes one
// step of the mean of what the ranks have changed (DiLoCo, arXiv 2311.08105).
enum class SyncMethod { kGradients, kDiloco };
const schema::Words& WordsOf(SyncMethod);

// The numbers in which a rank's change goes over the line.
enum class ExchangeFormat { kFp32, kBf16 };
const schema::Words& WordsOf(ExchangeFormat);

// `outer`: SGD with Nesterov momentum (docs/models.md, "Outer steps"). lr 1 and momentum 0 are
// plain averaging.
struct OuterSgd {
  double lr = 0.7;
  double momentum = 0.9;

  static const schema::Schema& Fields();
};

// `sync`; where there is none, the method is kGradients. All but the method is of kDiloco.
struct Sync {
  SyncMethod method = SyncMethod::kDiloco;
  // Steps of a round, after each of which there is an outer step.
  int64_t every = 50;
  ExchangeFormat exchange = ExchangeFormat::kFp32;
  OuterSgd outer;

  // Whether an outer step follows step `step` of a training of `total` steps: after each whole
  // round, and after the last step always.
  bool EndsRound(int64_t step, int64_t total) const { return step % every == 0 || step == total; }
  // The step of the outer step before the one that ends the round of `step`. REQUIRES: step > 0.
  int64_t RoundBegin(int64_t step) const { return (step - 1) / every * every; }

  static const schema::Schema& Fields();
};

// Why ranks on this device cannot have sync.exchange; empty if they can.
std::string WhyNotOn(Device device, const Sync& sync);

}  // namespace braid::spec
