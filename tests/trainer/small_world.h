// A world small enough for unit tests of the trainer: a tokenizer, shards of two corpora, models of
// a few thousand parameters, and a channel that remembers what was said.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "corpus/bpe_trainer.h"
#include "corpus/shards.h"
#include "corpus/tokenizer.h"
#include "model/spec.h"
#include "storage/files/safetensors.h"
#include "task/channel.h"
#include "trainer/loop/checkpoint.h"

namespace braid::trainer {

// Plays the worker: `stop_after` asks for a stop once that step was reported, `checkpoint_after`
// for a checkpoint.
class RecordingChannel final : public task::Channel {
 public:
  explicit RecordingChannel(const std::string& folder)
      : keys_(task::FolderRendezvous(folder + "/rendezvous", "job.1")) {}

  void Started() override {}
  void Progress(std::string_view phase, std::string_view, int64_t done, int64_t, double,
                double) override {
    phases.emplace(phase);
    if (phase == "training") progress = done;
  }
  void Metric(int64_t step, const Json& values) override {
    metrics[step] = values;
    last_step_ = step;
  }
  void Checkpoint(int64_t step, const std::string& folder, const Json&) override {
    MutexLock lock(mutex_);
    checkpoints_[step] = folder;
  }
  void AddOutput(const std::string& role, task::ArtifactKind, const std::string&,
                 const Json& metadata) override {
    outputs[role] = metadata;
  }
  void Succeed(const Json& summary) override { result = summary; }
  void Fail(task::FailureCategory, const Status&, const std::string&, bool) override {}
  bool stop_requested() const override {
    return (stop_after > 0 && last_step_ + 1 >= stop_after) ||
           (stop_at > 0 && progress >= stop_at) || phases.contains(stop_phase);
  }
  bool TakeCheckpointRequest() override {
    return checkpoint_after > 0 && last_step_ + 1 == checkpoint_after;
  }
  int64_t stored_checkpoint() const override { return stored; }
  bool has_worker() const override { return worker; }
  task::Rendezvous& rendezvous() override { return *keys_; }

  std::map<int64_t, std::string> checkpoints() const {
    MutexLock lock(mutex_);
    return checkpoints_;
  }

  std::set<std::string> phases;
  std::string stop_phase = "none";  // a stop is asked for in this phase
  int64_t stop_after = 0;
  // A stop is asked for once so many steps are done, of which not all may have been reported.
  int64_t stop_at = 0;
  int64_t progress = 0;
  int64_t checkpoint_after = 0;
  bool worker = false;
  std::atomic<int64_t> stored{-1};
  std::map<int64_t, Json> metrics;
  std::map<std::string, Json> outputs;
  Json result;

 private:
  mutable Mutex mutex_;
  std::map<int64_t, std::string> checkpoints_ BRAID_GUARDED_BY(mutex_);
  int64_t last_step_ = 0;
  std::unique_ptr<task::Rendezvous> keys_;
};

class SmallWorld {
 public:
  static constexpr int64_t kSequence = 16;

  SmallWorld() : folder_(TemporaryFolder::Create().value()) {
    corpus::BpeTrainer trainer;
    trainer.Add(
        "the cat sat on the mat and the dog sat on the cat; one and one are two, two and two are "
        "four");
    EXPECT_TRUE(
        WriteJsonFile(MakeFolderAt("tokenizer") + "/tokenizer.json", trainer.Train(270).value())
            .ok());
    tokenizer_ = corpus::Tokenizer::Load(at("tokenizer") + "/tokenizer.json").value();
    WriteShards("data.sums", "sums", 7, tokenizer_->digest());
    WriteShards("data.tales", "tales", 3, tokenizer_->digest());
  }

  std::string at(const std::string& name) const { return JoinPath(folder_.path(), name); }
  std::string MakeFolderAt(const std::string& name) const {
    EXPECT_TRUE(MakeFolder(at(name)).ok());
    return at(name);
  }
  const corpus::Tokenizer& tokenizer() const { return *tokenizer_; }
  std::shared_ptr<const corpus::Tokenizer> shared_tokenizer() const { return tokenizer_; }

  // Documents that count up by `stride`, so that there is something to learn.
  void WriteShards(const std::string& folder, const std::string& corpus, int32_t stride,
                   const std::string& digest) const {
    const RandomStream random(1, corpus);
    int64_t tokens[2] = {0, 0};
    uint64_t draw = 0;
    for (int set = 0; set < 2; ++set) {
      const auto writer = corpus::ShardWriter::Create(
                              at(folder) + (set == 0 ? "/train" : "/validation"),
                              tokenizer_->vocab())
                              .value();
      for (int d = 0; d < (set == 0 ? 30 : 4); ++d) {
        std::vector<int32_t> ids(20 + random.Below(draw++, 40));
        auto id = static_cast<int32_t>(1 + random.Below(draw++, 250));
        for (int32_t& out : ids) out = id = 1 + (id + stride) % 260;
        ids.back() = tokenizer_->eos_id();
        EXPECT_TRUE(writer->Append(ids).ok());
      }
      tokens[set] = writer->tokens();
      EXPECT_TRUE(writer->Finish().ok());
    }
    EXPECT_TRUE(WriteJsonFile(at(folder) + "/shards.json", {{"corpus", corpus},
                                                            {"tokenizer", digest},
                                                            {"dtype", "uint16"},
                                                            {"vocab", tokenizer_->vocab()},
                                                            {"tokens", tokens[0]},
                                                            {"validation_tokens", tokens[1]}})
                    .ok());
  }

  model::ModelSpec Blank(const std::string& name) const {
    model::ModelSpec spec;
    spec.name = name;
    spec.vocab = tokenizer_->vocab();
    spec.pad_id = tokenizer_->pad_id();
    spec.eos_id = tokenizer_->eos_id();
    spec.sequence = kSequence;
    spec.tokenizer = tokenizer_->digest();
    return spec;
  }
  model::ModelSpec Dense(const std::string& name) const {
    model::ModelSpec spec = Blank(name);
    spec.dense = {name, 16, 2, 2, 64};
    return spec;
  }
  model::ModelSpec Composite() const {
    model::ModelSpec spec = Blank("composite");
    spec.kind = model::Kind::kComposite;
    spec.paths = {{"path_1", 16, 2, 2, 64}, {"path_2", 16, 2, 2, 64}};
    spec.large = {"large", 32, 4, 2, 128};
    return spec;
  }

  // A train task of `model` on both corpora whose folders begin with `name`.
  task::Task TrainTask(const std::string& name, const model::ModelSpec& model) const {
    task::Task task;
    task.kind = "train";
    task.job = "job";
    task.inputs = {{"tokenizer", at("tokenizer")},
                   {"data.tales", at("data.tales")},
                   {"data.sums", at("data.sums")}};
    task.output = MakeFolderAt(name + "/output");
    task.work = MakeFolderAt(name + "/work");
    task.spec = {
        {"model", model::ToJson(model)},
        {"seed", 5},
        {"data",
         {{"sequence", kSequence},
          {"sources",
           {{{"role", "data.tales"}, {"share", "all"}}, {{"role", "data.sums"}, {"share", "all"}}}},
          {"seed", 6}}},
        {"train",
         {{"batch", 4},
          {"accumulate", 2},
          {"epochs", 2},
          {"steps", 12},
          {"optimizer", {{"lr", 3e-3}}},
          {"warmup_steps", 2},
          {"checkpoint", {{"steps", 4}, {"seconds", 0}}},
          {"validate", {{"steps", 5}, {"sequences", 3}}}}}};
    return task;
  }

  // A checkpoint folder with the weights of `network`.
  std::string WriteModel(const std::string& name, Network& network) const {
    OptimizerSnapshot snapshot;
    const auto size = static_cast<size_t>(network.layout().size);
    snapshot.p.assign(network.parameters(), network.parameters() + size);
    EXPECT_TRUE(
        WriteCheckpoint(at(name), network.spec(), network.layout(), snapshot, {}, "", false).ok());
    return at(name);
  }

 private:
  TemporaryFolder folder_;
  std::shared_ptr<const corpus::Tokenizer> tokenizer_;
};

}  // namespace braid::trainer
