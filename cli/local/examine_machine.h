// The checks of braid doctor about this machine, which need no coordinator.
#pragma once

#include <string>
#include <vector>

#include "cli/local/diagnosis.h"

namespace braid::cli {

// The programs that belong to braid in the folder `bin`: all there but for the trainer, of this
// version, and able to start. A library that one of them needs and this machine lacks is named.
std::vector<Diagnosis> ExaminePrograms(const std::string& bin);
// Cores, instruction set and memory.
Diagnosis ExamineMachine();
// NVIDIA GPUs: driver, management library, and the plug-in for CUDA in the folder `bin`.
Diagnosis ExamineGpus(const std::string& bin);

}  // namespace braid::cli
