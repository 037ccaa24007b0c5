#include "worker/attempt/kept_text.h"

#include "base/json.h"
#include "base/sha256.h"

namespace braid::worker {
namespace {

// To be raised when an older version of the worker would misread the files.
constexpr int64_t kVersion = 1;
// Says for whom it is kept (2), and of which trace it is (3).
constexpr int64_t kRankVersion = 3;
// Says what of it stays at the site (4): an older worker would send it.
constexpr int64_t kBoundVersion = 4;

// Texts of programs may hold bytes that are not UTF-8, and dump would throw.
std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The digest is that of the value alone. Unseal makes the same text again from the value that it
// has parsed, since the members of a JSON object are written in the order of their names.
std::string Seal(const Json& value, int64_t version = kVersion) {
  const std::string text = Dump(value);
  return "{\"version\": " + std::to_string(version) + ", \"sha256\": \"" + Sha256Hex(text) +
         "\", \"value\": " + text + "}\n";
}

Result<Json> Unseal(std::string_view text, const std::string& path, int64_t newest = kVersion) {
  Result<Json> file = ParseJson(text, path);
  if (!file.ok()) return DataLoss(file.status().message());
  JsonReader reader(*file, "");
  const int64_t version = reader.RequireInt("version");
  const std::string sha256 = reader.RequireString("sha256");
  Json value = reader.RequireObject("value");
  if (const Status read = reader.Finish(); !read.ok())
    return DataLoss(path + ": " + read.message());
  if (version < 1 || version > newest) {
    return DataLoss(path + " is of version " + std::to_string(version) +
                    " of its format, and this worker knows version " + std::to_string(newest));
  }
  // A disk that lies about its syncs leaves zeros or an older block here.
  if (Sha256Hex(Dump(value)) != sha256) return DataLoss(path + " was changed after it was written");
  return value;
}

// The error of a value whose fields are not what they should be.
Status Checked(const Status& read, const std::string& path) {
  return read.ok() ? read : DataLoss(path + ": " + read.message());
}

Json ToJson(const task::Failure& failure) {
  return {{"category", failure.category}, {"error", failure.error},
          {"hint", failure.hint},         {"deterministic", failure.deterministic},
          {"reason", failure.reason},     {"log_tail", failure.log_tail}};
}

Result<task::Failure> FailureOf(const Json& json) {
  JsonReader reader(json, "failure");
  task::Failure failure;
  failure.category = reader.RequireString("category");
  failure.error = reader.RequireString("error");
  failure.hint = reader.RequireString("hint");
  failure.deterministic = reader.Bool("deterministic", false);
  failure.reason = reader.RequireString("reason");
  failure.log_tail = reader.RequireString("log_tail");
  BRAID_RETURN_IF_ERROR(reader.Finish());
  return failure;
}

Result<ResultMessage::Output> OutputOf(const Json& json) {
  JsonReader reader(json, "outputs");
  ResultMessage::Output output;
  output.kind = reader.RequireString("kind");
  output.folder = reader.RequireString("folder");
  output.metadata = reader.RequireObject("metadata");
  BRAID_RETURN_IF_ERROR(reader.Finish());
  return output;
}

}  // namespace

std::string TextOf(const Owner& owner, const Assignment& assignment) {
  const RankKey& key = assignment.key;
  Json value = {{"coordinator", owner.coordinator},
                {"worker", owner.worker},
                {"run", key.run},
                {"job", key.job},
                {"epoch", key.epoch},
                {"rank", key.rank},
                {"inputs", assignment.inputs},
                {"recipe_sha256", assignment.recipe_sha256},
                {"traceparent", assignment.traceparent}};
  if (assignment.binding == task::Binding::kNothing) return Seal(value, kRankVersion);
  value["binding"] = NameOf(assignment.binding);
  value["site"] = assignment.site;
  return Seal(value, kBoundVersion);
}

Result<KeptRank> ParseKeptRank(std::string_view text, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json value, Unseal(text, path, kBoundVersion));
  JsonReader reader(value, "");
  KeptRank kept;
  // Files of version 1 do not say for whom they are kept.
  kept.owner.coordinator = reader.String("coordinator", "");
  kept.owner.worker = reader.String("worker", "");
  Assignment& assignment = kept.assignment;
  assignment.key.run = reader.RequireString("run");
  assignment.key.job = reader.RequireString("job");
  assignment.key.epoch = reader.RequireInt("epoch");
  assignment.key.rank = reader.RequireInt("rank");
  for (const auto& [role, artifact] : reader.RequireObject("inputs").items())
    assignment.inputs[role] = artifact.is_string() ? artifact.get<std::string>() : "";
  assignment.recipe_sha256 = reader.RequireString("recipe_sha256");
  const std::string binding = reader.String("binding", NameOf(task::Binding::kNothing));
  assignment.site = reader.String("site", "");
  assignment.traceparent = reader.String("traceparent", "");
  BRAID_RETURN_IF_ERROR(Checked(reader.Finish(), path));
  const auto known = FromName<task::Binding>(binding);
  if (!known) return DataLoss(path + ": unknown binding \"" + binding + "\"");
  assignment.binding = *known;
  return kept;
}

std::string TextOf(const KeptCheckpoint& checkpoint) {
  return Seal({{"number", checkpoint.number},
               {"step", checkpoint.message.step},
               {"metadata", checkpoint.message.metadata},
               {"metrics_before", checkpoint.metrics_before}});
}

Result<KeptCheckpoint> ParseKeptCheckpoint(std::string_view text, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json value, Unseal(text, path));
  JsonReader reader(value, "");
  KeptCheckpoint checkpoint;
  checkpoint.number = reader.RequireInt("number");
  checkpoint.message.step = reader.RequireInt("step");
  checkpoint.message.metadata = reader.RequireObject("metadata");
  checkpoint.metrics_before = reader.RequireInt("metrics_before");
  BRAID_RETURN_IF_ERROR(Checked(reader.Finish(), path));
  return checkpoint;
}

std::string TextOf(const KeptEnd& end) {
  Json outputs = Json::object();
  for (const auto& [role, output] : end.outputs) {
    outputs[role] = {
        {"kind", output.kind}, {"folder", output.folder}, {"metadata", output.metadata}};
  }
  return Seal({{"started", end.started},
               {"success", end.outcome.success},
               {"outputs", outputs},
               {"summary", end.outcome.summary},
               {"failure", ToJson(end.outcome.failure)},
               {"exit_code", end.outcome.exit_code},
               {"signal", end.outcome.signal},
               {"peer_lost", end.outcome.peer_lost}});
}

Result<KeptEnd> ParseKeptEnd(std::string_view text, const std::string& path) {
  BRAID_ASSIGN_OR_RETURN(const Json value, Unseal(text, path));
  JsonReader reader(value, "");
  KeptEnd end;
  end.started = reader.Bool("started", false);
  end.outcome.success = reader.Bool("success", false);
  end.outcome.summary = reader.RequireString("summary");
  end.outcome.exit_code = reader.RequireInt("exit_code");
  end.outcome.signal = reader.RequireInt("signal");
  end.outcome.peer_lost = reader.Bool("peer_lost", false);
  const Json outputs = reader.RequireObject("outputs");
  const Json failure = reader.RequireObject("failure");
  BRAID_RETURN_IF_ERROR(Checked(reader.Finish(), path));
  for (const auto& [role, output] : outputs.items()) {
    Result<ResultMessage::Output> read = OutputOf(output);
    BRAID_RETURN_IF_ERROR(Checked(read.status(), path));
    end.outputs[role] = *std::move(read);
  }
  Result<task::Failure> read = FailureOf(failure);
  BRAID_RETURN_IF_ERROR(Checked(read.status(), path));
  end.outcome.failure = *std::move(read);
  return end;
}

}  // namespace braid::worker
