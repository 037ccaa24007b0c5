#include "report/parts/published.h"

namespace braid::report {

// The numbers are those of the papers' tables, in the order of the members in published.h; -1 where
// a table has none.

const std::vector<PublishedTime>& PublishedTimes() {
  static const std::vector<PublishedTime> times = {
      {"LLaMA_256", -1, 12.5, 12.5, 12.5, 30356},
      {"LLaMA_192", -1, 11, 11, 11, 34495},
      {"Path_1", 3.5, -1, 3.5, 3.5, 45429},
      {"Path_2", 1.5, -1, 1.5, 1.5, 45778},
      // One time is given for all three composites.
      {"composites", 3.5, 4.35, 7.85, 9.35, 34891},
  };
  return times;
}

// docs/papers/papaformer.md#s8.4. share_linear has no combination to choose.
const std::vector<PublishedRouting>& PublishedRoutings() {
  static const std::vector<PublishedRouting> routings = {
      {"Gumbel_MoE_1", 48, 50, 2, 40, 60},
      {"Gumbel_MoE_2", 23, 70, 7, 46.5, 60},
      {"Share_Linear", 70, 30, -1, 50, 40},
  };
  return routings;
}

// Table 7 of PaPaformer; phase 1 is trained on stories alone, phase 2 on stories and mathematics.
const std::vector<PublishedScore>& PublishedScores() {
  static const std::vector<PublishedScore> scores = {
      {"LLaMA_256", 1, 64.30, 59.40, 55.90, 59.85},
      {"LLaMA_192", 1, 64.75, 59.10, 55.20, 59.70},
      {"Gumbel_MoE_1", 1, 62.30, 57.65, 54.50, 58.15},
      {"Gumbel_MoE_2", 1, 61.85, 58.80, 54.75, 58.45},
      {"Share_Linear", 1, 64.15, 58.65, 56.70, 59.85},
      {"LLaMA_256", 2, 62.55, 59.85, 55.30, 59.25},
      {"LLaMA_192", 2, 61.90, 58.95, 54.70, 58.50},
      {"Path_1", 2, 60.80, 56.95, 52.95, 56.90},
      {"Path_2", 2, 57.80, 54.25, 53.90, 55.30},
      {"Gumbel_MoE_1", 2, 62.75, 57.35, 54.70, 58.25},
      {"Gumbel_MoE_2", 2, 63.60, 57.95, 55.10, 58.90},
      {"Share_Linear", 2, 63.20, 58.60, 56.40, 59.40},
  };
  return scores;
}

// The dual-path paper's arms at two budgets (docs/papers/dual_path.md#s5); scores were published
// only of some.
const std::vector<PublishedArm>& PublishedArms() {
  static const std::vector<PublishedArm> arms = {
      {80, "wide", 1, 719, 80.22, 86.5, 0.8753, {1.037, 0.946, 0.5203, 0.992, 0.0791, 0.5261}},
      {80, "loop", 2, 398, 80.22, 92.8, 0.8880, {1.051, 0.961, 0.5036, 1.0028, 0.0723, 0.5372}},
      {80, "loop", 3, 294, 81.40, 100.3, 0.9025, {1.065, 0.976, 0.5067, 1.0236, 0.0723, 0.5454}},
      {80, "loop", 4, 238, 80.22, 105.4, 0.9153, {1.078, 0.992, 0.5031, 1.0352, 0.0527, 0.5564}},
      {80, "dual, alpha 25", 2, 644, 81.40, 100.3, 0.8700},
      {80, "dual, alpha 25", 3, 615, 81.40, 106.6, 0.8685},
      {80,
       "dual, alpha 25",
       4,
       606,
       83.76,
       115.2,
       0.8737,
       {1.037, 0.942, 0.5163, 0.9902, 0.0664, 0.5253}},
      {80, "dual, alpha 50", 2, 559, 80.22, 99.1, 0.8715},
      {80, "dual, alpha 50", 3, 511, 82.58, 107.7, 0.8689},
      {80,
       "dual, alpha 50",
       4,
       483,
       82.58,
       114.0,
       0.8693,
       {1.036, 0.939, 0.5256, 0.982, 0.0898, 0.5198}},
      {80, "dual, alpha 75", 2, 483, 81.40, 100.3, 0.8755},
      {80, "dual, alpha 75", 3, 398, 80.22, 105.4, 0.8780},
      {80,
       "dual, alpha 75",
       4,
       360,
       81.40,
       112.9,
       0.8762,
       {1.045, 0.948, 0.5249, 0.9892, 0.0918, 0.5227}},
      {160, "wide", 1, 1361, 160.43, 166.7, 0.8530, {1.018, 0.922, 0.5384, 0.9636, 0.125, 0.5077}},
      {160, "loop", 2, 719, 160.44, 173.0, 0.8622, {1.027, 0.931, 0.5303, 0.9814, 0.1045, 0.5091}},
      {160, "loop", 3, 502, 159.26, 178.1, 0.8700, {1.037, 0.939, 0.5244, 0.9894, 0.1191, 0.515}},
      {160, "loop", 4, 398, 160.44, 185.6, 0.8777, {1.045, 0.945, 0.5137, 1.001, 0.0938, 0.5199}},
      {160, "dual, alpha 25", 2, 1200, 160.44, 179.3, 0.8533},
      {160, "dual, alpha 25", 3, 1153, 162.80, 188.0, 0.8514},
      {160,
       "dual, alpha 25",
       4,
       1125,
       162.80,
       194.3,
       0.8478,
       {1.013, 0.911, 0.542, 0.961, 0.125, 0.5066}},
      {160, "dual, alpha 50", 2, 1040, 160.44, 179.3, 0.8528},
      {160, "dual, alpha 50", 3, 936, 161.62, 186.8, 0.8482},
      {160,
       "dual, alpha 50",
       4,
       880,
       160.44,
       191.9,
       0.8508,
       {1.017, 0.92, 0.5326, 0.9704, 0.1328, 0.4959}},
      {160, "dual, alpha 75", 2, 880, 160.44, 179.3, 0.8574},
      {160, "dual, alpha 75", 3, 719, 160.44, 185.6, 0.8517},
      {160,
       "dual, alpha 75",
       4,
       644,
       162.80,
       194.3,
       0.8550,
       {1.021, 0.924, 0.5335, 0.97, 0.1406, 0.5047}},
  };
  return arms;
}

// Changes of the loss, in nats a token, on the paper's three corpora.
const std::vector<PublishedIntervention>& PublishedInterventions() {
  static const std::vector<PublishedIntervention> interventions = {
      {"K = 1", 1.44, 1.65, 1.82},
      {"K = 2", 0.52, 0.57, 0.82},
      {"K = 3", 0.07, 0.05, 0.15},
      {"K = 5", 0.06, 0.06, 0.02},
      {"K = 6", 0.12, 0.11, 0.05},
      {"K = 7", 0.18, 0.15, 0.07},
      {"K = 8", 0.22, 0.19, 0.09},
      {"K = 9", 0.26, 0.22, 0.11},
      {"K = 10", 0.29, 0.25, 0.13},
      {"deep only", 5.54, 4.16, 5.06},
      {"wide only", 5.43, 3.62, 5.63},
      {"uniform", 2.60, 2.58, 2.72},
      {"fully open", 6.39, 4.97, 6.19},
      {"shuffled", 0.51, 0.94, 0.69},
      {"NUM, SYM wide, beyond the control", 0.37, 0.00, 0.26},
      {"ADJ, ADV, PART, PRON, VERB deep, beyond the control", 0.02, 0.06, 0.14},
  };
  return interventions;
}

const PublishedIntervention& PublishedLearnedGates() {
  static const PublishedIntervention learned = {"learned gates", 2.148, 4.129, 3.026};
  return learned;
}

}  // namespace braid::report
