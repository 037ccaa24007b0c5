// Composites beside dense models, by size and by time (Table 4 of PaPaformer,
// docs/papers/papaformer.md#s8).
#include "base/text.h"
#include "report/claims/claim.h"
#include "report/claims/composites.h"

namespace braid::report {
namespace {

constexpr char kNoTimes[] =
    "the times of the paths, the joint training or the dense model are not part of this run";

ClaimTest TestSize(const CompositeAndDense& pair) {
  const auto& [composite, dense] = pair;
  ClaimTest test{pair.subject()};
  const int64_t mine = composite.evaluation.parameters, theirs = dense.evaluation.parameters;
  if (mine <= 0 || theirs <= 0) {
    test.reason = "the sizes are not known: evaluate both models";
  } else {
    test.verdict = mine < theirs ? Verdict::kHolds : Verdict::kDoesNotHold;
    test.reason = Format("%s against %s, a ratio of %.2f",
                         FormatCount(static_cast<double>(mine)).c_str(),
                         FormatCount(static_cast<double>(theirs)).c_str(),
                         static_cast<double>(mine) / static_cast<double>(theirs));
  }
  return test;
}

ClaimTest TestCriticalPath(const Results& results, const CompositeAndDense& pair) {
  const auto& [composite, dense] = pair;
  ClaimTest test{pair.subject()};
  const SpeedComparison* speed = results.FindSpeed(composite, dense);
  if (speed == nullptr) {
    test.reason = kNoTimes;
  } else {
    // The claim is about time as it passed, whatever the number of cores; the reason names them.
    test.verdict = IsShorter(speed->critical_path, speed->dense_seconds);
    test.reason = Format(
        "critical path %s on up to %lld cores against %s on %lld; on equal cores the dense model "
        "would take %s if more "
        "cores cost it nothing",
        FormatDuration(speed->critical_path).c_str(), (long long)speed->cores,
        FormatDuration(speed->dense_seconds).c_str(), (long long)speed->dense_cores,
        FormatDuration(speed->dense_equal_cores).c_str());
  }
  return test;
}

ClaimTest TestDeviceTime(const Results& results, const CompositeAndDense& pair) {
  const auto& [composite, dense] = pair;
  ClaimTest test{pair.subject()};
  const SpeedComparison* speed = results.FindSpeed(composite, dense);
  if (speed == nullptr) {
    test.reason = kNoTimes;
  } else {
    const double dense_work = speed->dense_seconds * static_cast<double>(speed->dense_cores);
    test.verdict = IsShorter(speed->composite_core_seconds, dense_work);
    test.reason = Format("%s of one core against %s",
                         FormatDuration(speed->composite_core_seconds).c_str(),
                         FormatDuration(dense_work).c_str());
  }
  return test;
}

}  // namespace

Claim SizeClaim() {
  return {"A composite needs fewer parameters than the dense model.", kPapaformer,
          "29.4 M against 33.6 M", [](const Results& results) {
            std::vector<ClaimTest> tests;
            for (const CompositeAndDense& pair :
                 AgainstDense(results, {Role::kComposite, Role::kCompositeScratch}))
              tests.push_back(TestSize(pair));
            return tests;
          }};
}

Claim CriticalPathClaim() {
  return {"With its paths trained at the same time, a composite is ready before the dense model.",
          kPapaformer, "7.85 hours against 12.5, two devices against one",
          [](const Results& results) {
            std::vector<ClaimTest> tests;
            for (const CompositeAndDense& pair : AgainstDense(results, {Role::kComposite}))
              tests.push_back(TestCriticalPath(results, pair));
            return tests;
          }};
}

Claim DeviceTimeClaim() {
  return {"A composite needs less device time in all than the dense model.", kPapaformer,
          "9.35 hours against 12.5 of one device", [](const Results& results) {
            std::vector<ClaimTest> tests;
            for (const CompositeAndDense& pair : AgainstDense(results, {Role::kComposite}))
              tests.push_back(TestDeviceTime(results, pair));
            return tests;
          }};
}

}  // namespace braid::report
