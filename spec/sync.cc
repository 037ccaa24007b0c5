#include "spec/sync.h"

#include "schema/builder.h"

namespace braid::spec {

const schema::Words& WordsOf(SyncMethod) {
  static const schema::Words words = {"gradients", "diloco"};
  return words;
}

const schema::Words& WordsOf(ExchangeFormat) {
  static const schema::Words words = {"fp32", "bf16"};
  return words;
}

const schema::Schema& OuterSgd::Fields() {
  static const schema::Schema fields = [] {
    schema::Builder<OuterSgd> field("outer", "The outer optimizer, SGD with Nesterov momentum.");
    field("lr", &OuterSgd::lr, "Rate of the outer optimizer; 1 with momentum 0 is plain averaging.")
        .Above(0);
    field("momentum", &OuterSgd::momentum, "Nesterov momentum of the outer optimizer.")
        .AtLeast(0)
        .Below(1);
    return field.Done();
  }();
  return fields;
}

const schema::Schema& Sync::Fields() {
  static const schema::Schema fields = [] {
    // So that what a training keeps of the steps of a round stays small.
    constexpr double kMostSteps = 100000;
    schema::Builder<Sync> field("sync", "How often the ranks agree.");
    field("method", &Sync::method,
          "`diloco`: each rank trains by itself, and every so many steps an outer optimizer makes "
          "a step of the mean of what they changed; `gradients`: ranks add up their gradients in "
          "each step, as without `sync`.");
    field("every", &Sync::every,
          "Steps from one outer step to the next; after the last step there is one, too.")
        .AtLeast(1)
        .AtMost(kMostSteps)
        .OnlyIf("method", SyncMethod::kDiloco);
    field("exchange", &Sync::exchange,
          "What a rank changed goes over the line as `fp32`, or as `bf16` in half of the bytes; "
          "`bf16` not on GPUs.")
        .OnlyIf("method", SyncMethod::kDiloco);
    field("outer", &Sync::outer).OnlyIf("method", SyncMethod::kDiloco);
    return field.Done();
  }();
  return fields;
}

std::string WhyNotOn(Device device, const Sync& sync) {
  if (device == Device::kCpu || sync.method == SyncMethod::kGradients ||
      sync.exchange == ExchangeFormat::kFp32)
    return "";
  return "bf16 works on device: cpu only; for ranks on GPUs set exchange: fp32";
}

}  // namespace braid::spec
