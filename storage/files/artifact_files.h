// The names of the files within artifacts, by the kind of the artifact (task/artifact.h).
// docs/formats.md says what is in each. Programs find one another's files by these names, and
// people find them too; the names of state folders are in base/state_files.h.
#pragma once

namespace braid::artifact_files {

// tokenizer; also in checkpoints and exported models.
inline constexpr char kTokenizer[] = "tokenizer.json";

// source: in place of files that are elsewhere, where they are (remote_files.h).
inline constexpr char kRemoteFiles[] = "braid_remote_files.json";

// shards: in a folder of its own for each of the training and the validation text, the token ids
// and where each document begins; and above them the description of the corpus.
inline constexpr char kTokens[] = "tokens.bin";
inline constexpr char kDocuments[] = "documents.idx";
inline constexpr char kShards[] = "shards.json";

// checkpoint: the model's spec, its parameters, and, to resume a training, the state of the
// optimizer, the mean of the weights if one is made, the state of the training and the lines of its
// history so far. Exported models have the first two as well.
inline constexpr char kConfig[] = "config.json";
inline constexpr char kWeights[] = "model.safetensors";
inline constexpr char kOptimizer[] = "optimizer.safetensors";
inline constexpr char kAverage[] = "average.safetensors";
// Of a training with outer steps: their momentum, and what each rank has of its own
// ("rank-1.safetensors").
inline constexpr char kOuter[] = "outer.safetensors";
inline constexpr char kRankPrefix[] = "rank-";
inline constexpr char kRankSuffix[] = ".safetensors";
inline constexpr char kState[] = "state.json";

// history: a line of JSON for each step, and what the training ended with. Checkpoints have the
// first one, too.
inline constexpr char kHistory[] = "history.jsonl";
inline constexpr char kSummary[] = "summary.json";

// merge: the account of every tensor, for programs and for people.
inline constexpr char kMerge[] = "merge.json";
inline constexpr char kMergeText[] = "merge.md";

// gate and evaluation.
inline constexpr char kGate[] = "gate.json";
inline constexpr char kEvaluation[] = "evaluation.json";

// adapters: in a folder for each fine-tuning.
inline constexpr char kAdapter[] = "lora.json";
inline constexpr char kAdapterWeights[] = "lora.safetensors";

// report: the whole report for people in two forms, its summary, and its numbers for programs.
inline constexpr char kReport[] = "report.md";
inline constexpr char kReportPage[] = "report.html";
inline constexpr char kReportSummary[] = "results.md";
inline constexpr char kReportNumbers[] = "report.json";

// model: what Hugging Face's Transformers reads beside config.json, model.safetensors and
// tokenizer.json. Weights that are imported may be in several files, which the index lists; models
// that are no Llama bring their code.
inline constexpr char kWeightsIndex[] = "model.safetensors.index.json";
inline constexpr char kGenerationConfig[] = "generation_config.json";
inline constexpr char kTokenizerConfig[] = "tokenizer_config.json";
inline constexpr char kSpecialTokens[] = "special_tokens_map.json";
inline constexpr char kConfigurationCode[] = "configuration_braid.py";
inline constexpr char kModelCode[] = "modeling_braid.py";
inline constexpr char kCard[] = "README.md";

}  // namespace braid::artifact_files
