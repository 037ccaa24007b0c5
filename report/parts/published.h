// The numbers that the two papers print, as data, with their source. Nothing in braid computes with
// them: a report shows them beside the user's own run.
//
//   PaPaformer: Language Model from Pre-trained Parallel Paths, arXiv 2508.00544, tables 4, 6 and 7
//   A Dual-Path Architecture for Scaling Compute and Capacity in LLMs, arXiv 2605.30202
#pragma once

#include <string>
#include <vector>

namespace braid::report {

// Table 4: hours of phase 2 on one GPU of the Puhti system. Below 0: the table has no number there.
struct PublishedTime {
  std::string model;
  double stage_1_hours, stage_2_hours;
  // In all, with the paths trained at the same time, and one after another.
  double at_once_hours;
  double in_turn_hours;
  // Not printed: the tokens of the phase over its hours; of a composite, those of stage 2.
  double tokens_per_second;
};
// The rows of the table, in its order; so are those of the functions below.
const std::vector<PublishedTime>& PublishedTimes();

// Table 6: how often each choice was taken over 20 prompts, in per cent. `combined` below 0: the
// model has no such choice.
struct PublishedRouting {
  std::string model;
  double path_1, path_2, combined;
  double correct;
  int decisions;
};
const std::vector<PublishedRouting>& PublishedRoutings();

// Table 7: per cent. Values are rounded to 0.05; BLiMP of 67 paradigms, GLUE of 8 tasks, SuperGLUE
// of 3, and their mean.
struct PublishedScore {
  std::string model;
  // 1: TinyStories alone; 2: with mathematics.
  int phase;
  double blimp, glue, superglue, mean;
};
const std::vector<PublishedScore>& PublishedScores();

// Dual-path, the benchmarks behind the aggregate: bits per byte of C4, WikiText-103, six
// commonsense and seven mathematical tasks, and accuracies of 0 to 1.
struct PublishedBenchmarks {
  // Negative, here and below: not printed for this arm.
  double c4 = -1, wiki_text = -1;
  double commonsense_accuracy = -1, commonsense = -1;
  double gsm8k_accuracy = -1, mathematics = -1;
};

// Dual-path, all arms of the sweep at both budgets: aggregate bits per byte.
struct PublishedArm {
  // Million operations of a token and layer.
  int budget;
  std::string arm;
  int loops;
  // In millions.
  double parameters;
  // Accountings A and B, in MFLOP of a token and layer, recomputed for the published widths.
  double projections, causal;
  double bits_per_byte;
  PublishedBenchmarks benchmarks = {};
};
const std::vector<PublishedArm>& PublishedArms();

// Dual-path, interventions on the model of 80 million operations, alpha 50, K = 4: change of the
// loss in nats. Class overrides are over 15 checkpoints, less what their controls cost.
struct PublishedIntervention {
  std::string intervention;
  double gsm8k, trivia_qa, wiki_text;
};
const std::vector<PublishedIntervention>& PublishedInterventions();
// The losses that they change, with the gates that were learned.
const PublishedIntervention& PublishedLearnedGates();

}  // namespace braid::report
