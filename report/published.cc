#include "report/published.h"

namespace braid::report {

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

const std::vector<PublishedRouting>& PublishedRoutings() {
  static const std::vector<PublishedRouting> routings = {
      {"Gumbel_MoE_1", 48, 50, 2, 40, 60},
      {"Gumbel_MoE_2", 23, 70, 7, 46.5, 60},
      {"Share_Linear", 70, 30, -1, 50, 40},
  };
  return routings;
}

const std::vector<PublishedScore>& PublishedScores() {
  static const std::vector<PublishedScore> scores = {
      {"LLaMA_256", 1, 64.30, 59.40, 55.90, 59.85},    {"LLaMA_192", 1, 64.75, 59.10, 55.20, 59.70},
      {"Gumbel_MoE_1", 1, 62.30, 57.65, 54.50, 58.15}, {"Gumbel_MoE_2", 1, 61.85, 58.80, 54.75, 58.45},
      {"Share_Linear", 1, 64.15, 58.65, 56.70, 59.85}, {"LLaMA_256", 2, 62.55, 59.85, 55.30, 59.25},
      {"LLaMA_192", 2, 61.90, 58.95, 54.70, 58.50},    {"Path_1", 2, 60.80, 56.95, 52.95, 56.90},
      {"Path_2", 2, 57.80, 54.25, 53.90, 55.30},       {"Gumbel_MoE_1", 2, 62.75, 57.35, 54.70, 58.25},
      {"Gumbel_MoE_2", 2, 63.60, 57.95, 55.10, 58.90}, {"Share_Linear", 2, 63.20, 58.60, 56.40, 59.40},
  };
  return scores;
}

const std::vector<PublishedArm>& PublishedArms() {
  static const std::vector<PublishedArm> arms = {
      {"wide", 1, 719, 80.22, 86.5, 0.8753},          {"loop", 2, 398, 80.22, 92.8, 0.8880},
      {"loop", 3, 294, 81.40, 100.3, 0.9025},         {"loop", 4, 238, 80.22, 105.4, 0.9153},
      {"dual, alpha 25", 4, 606, 83.76, 115.2, 0.8737}, {"dual, alpha 50", 4, 483, 82.58, 114.0, 0.8693},
      {"dual, alpha 75", 4, 360, 81.40, 112.9, 0.8762},
  };
  return arms;
}

const std::vector<PublishedIntervention>& PublishedInterventions() {
  static const std::vector<PublishedIntervention> interventions = {
      {"K = 1", 1.44, 1.65, 1.82},     {"K = 2", 0.52, 0.57, 0.82},     {"K = 3", 0.07, 0.05, 0.15},
      {"K = 5", 0.06, 0.06, 0.02},     {"K = 6", 0.12, 0.11, 0.05},     {"K = 7", 0.18, 0.15, 0.07},
      {"K = 8", 0.22, 0.19, 0.09},     {"K = 9", 0.26, 0.22, 0.11},     {"K = 10", 0.29, 0.25, 0.13},
      {"deep only", 5.54, 4.16, 5.06}, {"wide only", 5.43, 3.62, 5.63}, {"uniform", 2.60, 2.58, 2.72},
      {"fully open", 6.39, 4.97, 6.19}, {"shuffled", 0.51, 0.94, 0.69},
  };
  return interventions;
}

}  // namespace braid::report
