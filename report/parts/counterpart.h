// Which model of the PaPaformer paper a model of this run stands for.
#pragma once

#include <string>

#include "report/results/results.h"

namespace braid::report {

// By role, connection and width: "Share_Linear", "LLaMA_256"; "-" if the paper has no such model.
std::string CounterpartOf(const Results& results, const ModelResult& model);

}  // namespace braid::report
