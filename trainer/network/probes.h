// The read-outs of a block by name, as telemetry and evaluation record them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "trainer/network/intervention.h"

namespace braid::trainer {

// Calls use(name, values) for each read-out that the block has, values being [rows]: deep_share,
// cosine, gate_deep, gate_wide, gate_gap (|g_d - g_w| of each token: 1 in the corners (1, 0) and
// (0, 1), where the means of both gates may still be 1/2), norm_deep, norm_wide, norm_input,
// expected_steps, step_router_<k>.
void ForEachReading(const BlockReadout& block,
                    const std::function<void(const std::string&, const std::vector<float>&)>& use);

// Its learned scalars: scale_deep_<k>, scale_wide.
std::map<std::string, double> ScalesOf(const BlockReadout& block);

}  // namespace braid::trainer
