// A worker with one rank, whose life is driven decision by decision.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/worker/agent_driver.h"
#include "worker/agent/blob_moves.h"
#include "worker/agent/rank.h"

namespace braid::worker {

inline storage::Manifest ManifestOf(std::vector<storage::ManifestFile> files) {
  storage::Manifest manifest;
  manifest.kind = "checkpoint";
  manifest.files = std::move(files);
  return manifest;
}

inline const storage::ManifestFile kLarge{"model.safetensors", std::string(64, 'a'), 1 << 20};
inline const storage::ManifestFile kSmall{"state.json", std::string(64, 'b'), 100};

// A worker with a session, and one rank that is wanted.
struct Life : AgentDriver {
  explicit Life(const Assignment& assignment = Train("a"), std::vector<std::string> gpus = {})
      : AgentDriver(std::move(gpus)) {
    Connect();
    Want({assignment});
  }
  // Its program runs, and its start is known.
  void Run() {
    Started(kKey);
    AnswerRoutine();
  }
  // The end that is reported; it is acknowledged, and nothing is left.
  Outcome End() {
    AnswerRoutine();
    const Outcome end = Answer<ReportEnded>().end;
    AnswerRoutine();
    EXPECT_TRUE(idle());
    return end;
  }
  // The program says that it has written a checkpoint, and it is taken over if that is asked for.
  void Checkpoint(int64_t step, const Status& kept = OkStatus()) {
    Say(kKey, CheckpointMessage{step, "/w/step-" + std::to_string(step), Json::object()});
    if (!Open<KeepCheckpoint>().empty())
      Answer<KeepCheckpoint>(kept, "/kept/step-" + std::to_string(step));
  }
  // The steps of which the program was told that it may remove them.
  std::vector<int64_t> Safe() {
    std::vector<int64_t> steps;
    for (const TellProgram& told : Take<TellProgram>()) {
      if (told.control["control"] == "checkpoint_stored") steps.push_back(told.control["step"]);
    }
    return steps;
  }
  // The checkpoint that is being stored is ingested and uploaded.
  IngestFolder UploadCheckpoint() {
    const auto ingest = Answer<IngestFolder>(OkStatus(), ManifestOf({kLarge, kSmall}));
    Answer<FindMissingBlobs>(OkStatus(), std::vector<std::string>{kLarge.sha256});
    Answer<UploadBlob>();
    return ingest;
  }
};

inline Assignment WithInput(const std::string& artifact = "artifact-1") {
  Assignment assignment = Train("a");
  assignment.inputs = {{"data", artifact}};
  assignment.recipe_sha256 = "recipe";
  return assignment;
}

inline const ArtifactFound kFound{false, ManifestOf({{"shards.bin", std::string(64, 'c'), 1000}})};

}  // namespace braid::worker
