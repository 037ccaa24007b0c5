// Measures a training step of a dense model: forward, loss, backward, clipping, AdamW, zeroing of
// gradients.
//
//   train_step VOCAB WIDTH BLOCKS HEADS SEQUENCE BATCH THREADS SECONDS
//
// SEQUENCE is in tokens, BATCH in sequences. Prints one JSON line with the tokens/s of every step.
// bench/train_step.py runs it together with transformers on equal shapes.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "trainer/loop/settings.h"
#include "trainer/network/network.h"
#include "trainer/optim/optimizer.h"

namespace braid::trainer {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

int Run(int64_t vocab, int64_t width, int64_t blocks, int64_t heads, int64_t sequence,
        int64_t batch, int64_t threads, double seconds) {
  ConfigureRuntime(threads);
  model::ModelSpec spec;
  spec.name = "bench";
  spec.vocab = vocab;
  spec.pad_id = vocab - 1;
  spec.sequence = sequence;
  spec.dense = {"bench", width, heads, blocks, 4 * width};
  auto network = Network::Create(spec, "cpu");
  if (!network.ok()) return std::fprintf(stderr, "%s\n", network.status().message().c_str()), 1;
  (*network)->Initialize(42);
  const auto optimizer = MakeOptimizer(**network, {});
  const RandomStream draws(1, "tokens");
  std::vector<int32_t> ids(static_cast<size_t>(batch * sequence)), labels(ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int32_t>(draws.Below(i, static_cast<uint64_t>(vocab - 1)));
  for (int64_t b = 0; b < batch; ++b) {
    MakeLabels(ids.data() + b * sequence, sequence, static_cast<int32_t>(spec.pad_id),
               labels.data() + b * sequence);
  }
  // The mean over the predicted tokens: the last position of each sequence has no label.
  const double scale = 1.0 / static_cast<double>(batch * (sequence - 1));
  Json rates = Json::array();
  const Clock::time_point begun = Clock::now();
  for (int step = 0; step < 3 || Seconds(begun) < seconds; ++step) {
    const Clock::time_point start = Clock::now();
    (*network)->Backward(ids.data(), labels.data(), batch, sequence, {.scale = scale});
    optimizer->Step(5e-4);
    if (step > 0)
      // The first step allocates memory and fills caches.
      rates.push_back(static_cast<double>(batch * sequence) / Seconds(start));
  }
  std::printf("%s\n", Json{{"rates", rates}, {"instruction_set", InstructionSet()}}.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace braid::trainer

int main(int argc, char** argv) {
  if (argc != 9)
    return std::fprintf(stderr,
                        "train_step VOCAB WIDTH BLOCKS HEADS SEQUENCE BATCH THREADS SECONDS\n"),
           2;
  const auto number = [&](int i) { return std::atoll(argv[i]); };
  return braid::trainer::Run(number(1), number(2), number(3), number(4), number(5), number(6),
                             number(7), std::atof(argv[8]));
}
