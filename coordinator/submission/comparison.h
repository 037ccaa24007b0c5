// Runs beside one another: the fields of their recipes, and the models that they train and measure.
// A pure function of rows; no gRPC.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/catalog/past.h"

namespace braid::coordinator {

// ComparedModel of the API.
struct ComparedModel {
  // Its name within its variant.
  std::string name;
  // The name of the variant that trains it; empty: all do, or there are none.
  std::string variant;
  // The jobs that train and measure it; empty: none.
  std::string job, evaluation;
  catalog::JobState state = catalog::JobState::kBlocked;
  // A place in Comparison::settings; -1: not known.
  int32_t settings = -1;
  double seconds = 0;
  // 0: not known yet.
  int64_t parameters = 0, tokens = 0;
  // The numbers of the evaluation's summary, by their path: "loss/all", "bits_per_byte/all".
  std::map<std::string, double> measured;
};

// ComparedRun of the API.
struct ComparedRun {
  catalog::RunRecord run;
  std::vector<ComparedModel> models;
  // Why the fields of its recipe are not known; empty: they are.
  std::string trouble;
};

// A field, and each of its values once.
struct ComparedField {
  std::string name;
  std::vector<std::string> values;
};

struct Comparison {
  std::vector<ComparedRun> runs;
  // By name.
  std::vector<ComparedField> fields;
  // For each of `fields` the place of its value; -1: none, or several.
  std::vector<std::vector<int32_t>> settings;
};

// Compares runs as they are at `now_ms` (since 1970). Each recipe is read once.
Comparison CompareRuns(const std::vector<catalog::RunRows>& runs, int64_t now_ms);

}  // namespace braid::coordinator
