// How busy a worker's machine is, as commands print it.
#pragma once

#include <string>
#include <vector>

#include "braid/v1/admin.grpc.pb.h"
#include "cli/shared/list.h"

namespace braid::cli {

// "37 %", or "-" for what is not known. Of several GPUs the mean, and their memory together.
struct LoadCells {
  Cell cpu, memory, gpu, gpu_memory;
};
LoadCells LoadCellsOf(const v1::MachineLoad& load);

// Lines of "what  how much", for one worker: "CPU 37 % busy", "memory 3.1 GiB of 7.7 GiB in use",
// and one for each GPU. Nothing is said of what is not known.
std::vector<std::string> LoadLines(const v1::Worker& worker);

// The curve of the last hour with its least and largest value, in one line: "<curve>  3 to 98 % in
// the last 20 min". Empty if nothing was heard.
std::string LoadCurveText(const google::protobuf::RepeatedField<int32_t>& percent,
                          int64_t piece_ms);

}  // namespace braid::cli
