// Where a training may have which precision.
#pragma once

#include <string>

#include "spec/common.h"
#include "spec/train.h"

namespace braid::spec {

// Why a training on this device cannot have this precision; empty if it can.
inline std::string WhyNotOn(Device device, Precision precision) {
  if (device == Device::kCpu || precision == Precision::kFp32) return "";
  return "precision: bf16 works on device: cpu only; for a training on a GPU set precision: fp32";
}

}  // namespace braid::spec
