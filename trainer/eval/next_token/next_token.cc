#include "trainer/eval/next_token/next_token.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "trainer/eval/next_token/windows.h"

namespace braid::trainer {
namespace {

// Windows in one pass, of one document or of several.
constexpr int64_t kWindowsOfPass = 16;
constexpr int64_t kTop = 5;
// Enough groups for Student's t to be near its limit, and few enough for a file that people read.
constexpr size_t kMaxGroups = 200;
constexpr uint64_t kEvaluationNoiseSeed = 42;

// Sums over the targets of one document, or of several.
struct TextSums {
  double loss = 0;  // nats
  double tokens = 0, bytes = 0, top1 = 0, top5 = 0, documents = 0;

  void Add(const TextSums& other) {
    loss += other.loss;
    tokens += other.tokens;
    bytes += other.bytes;
    top1 += other.top1;
    top5 += other.top5;
    documents += other.documents;
  }
};

// The files as a corpus. They are read one by one: keys that one has no use for may have one
// elsewhere.
corpus::CorpusSpec TextOf(const spec::NextTokenSettings& settings) {
  corpus::CorpusSpec text;
  text.name = "next_token";
  text.text = settings.text;
  text.separator = settings.separator;
  text.format = settings.format;
  text.documents = settings.documents;
  text.part = true;
  return text;
}

// Sums over consecutive documents, as many in each but the last.
Json GroupsJson(const std::vector<TextSums>& documents) {
  const size_t size = std::max<size_t>(1, (documents.size() + kMaxGroups - 1) / kMaxGroups);
  Json groups = {{"loss", Json::array()},
                 {"tokens", Json::array()},
                 {"bytes", Json::array()},
                 {"top1", Json::array()}};
  for (size_t begin = 0; begin < documents.size(); begin += size) {
    TextSums group;
    for (size_t i = begin; i < std::min(begin + size, documents.size()); ++i)
      group.Add(documents[i]);
    groups["loss"].push_back(group.loss);
    groups["tokens"].push_back(group.tokens);
    groups["bytes"].push_back(group.bytes);
    groups["top1"].push_back(group.top1);
  }
  return groups;
}

Json MeansJson(const TextSums& sums) {
  return {{"documents", static_cast<int64_t>(sums.documents)},
          {"tokens", static_cast<int64_t>(sums.tokens)},
          {"bytes", static_cast<int64_t>(sums.bytes)},
          {"loss", sums.loss / sums.tokens},
          {"bits_per_byte", sums.loss / std::log(2.0) / sums.bytes},
          {"top1", 100 * sums.top1 / sums.tokens},
          {"top5", 100 * sums.top5 / sums.tokens}};
}

// The sums of a file, as the journal keeps them, and back.
Json SumsJson(const TextSums& sums) {
  return {sums.loss, sums.tokens, sums.bytes, sums.top1, sums.top5, sums.documents};
}
TextSums SumsFromJson(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5)};
}

// Collects the windows of documents and runs many of them in one pass.
class TextReader {
 public:
  // `passed` is called after every pass of the network; its error ends the reading.
  TextReader(Network& network, const SharedTokenizer& tokenizer,
             const spec::NextTokenSettings& settings, std::function<Status()> passed)
      : network_(network),
        encoder_(tokenizer),
        eos_(tokenizer->eos_id()),
        settings_(settings),
        passed_(std::move(passed)) {}

  Status Add(const std::string& text) {
    ids_.assign(1, eos_);
    encoder_.Encode(text, &ids_);
    const auto tokens = static_cast<int64_t>(ids_.size()) - 1;
    // An empty document has nothing to predict.
    if (tokens == 0) return OkStatus();
    documents_.push_back({});
    documents_.back().documents = 1;
    documents_.back().bytes = static_cast<double>(text.size());
    for (const TextWindow& window : WindowsOf(tokens, settings_.window, settings_.stride)) {
      windows_.push_back({documents_.size() - 1,
                          window.scored - window.begin,
                          {ids_.begin() + window.begin, ids_.begin() + window.end + 1}});
      if (std::ssize(windows_) == kWindowsOfPass) BRAID_RETURN_IF_ERROR(Run());
    }
    return OkStatus();
  }

  // The sums of each document, in the order in which they were added.
  Result<std::vector<TextSums>> Finish() {
    BRAID_RETURN_IF_ERROR(Run());
    return documents_;
  }

 private:
  struct Piece {
    size_t document;
    // The first target that counts.
    int64_t scored;
    // One id more than targets: each is the context of the next.
    std::vector<int32_t> ids;
  };

  // Windows that are shorter than the longest are padded on the right. Attention is causal, so the
  // pads change nothing.
  Status Run() {
    if (windows_.empty()) return OkStatus();
    int64_t length = 0;
    for (const Piece& piece : windows_) length = std::max(length, std::ssize(piece.ids) - 1);
    const auto batch = std::ssize(windows_);
    std::vector<int32_t> ids(static_cast<size_t>(batch * length),
                             static_cast<int32_t>(network_.spec().pad_id));
    std::vector<int32_t> labels(ids.size(), kIgnore);
    for (int64_t row = 0; row < batch; ++row) {
      const Piece& piece = windows_[static_cast<size_t>(row)];
      std::copy(piece.ids.begin(), piece.ids.end() - 1, ids.begin() + row * length);
      std::copy(piece.ids.begin() + 1 + piece.scored, piece.ids.end(),
                labels.begin() + row * length + piece.scored);
    }
    const auto predictions = network_.Predictions(ids.data(), labels.data(), batch, length);
    for (int64_t row = 0; row < batch; ++row) {
      const Piece& piece = windows_[static_cast<size_t>(row)];
      TextSums& sums = documents_[piece.document];
      for (int64_t t = piece.scored; t < std::ssize(piece.ids) - 1; ++t) {
        const TokenPrediction& one = predictions[static_cast<size_t>(row * length + t)];
        sums.loss -= one.log_probability;
        sums.tokens += 1;
        sums.top1 += one.rank == 0 ? 1 : 0;
        sums.top5 += one.rank < kTop ? 1 : 0;
      }
    }
    windows_.clear();
    return passed_();
  }

  Network& network_;
  corpus::Encoder encoder_;
  const int32_t eos_;
  const spec::NextTokenSettings& settings_;
  const std::function<Status()> passed_;
  std::vector<int32_t> ids_;
  std::vector<Piece> windows_;
  std::vector<TextSums> documents_;
};

Result<Json> MeasureFile(Network& network, const SharedTokenizer& tokenizer,
                         const spec::NextTokenSettings& settings, const corpus::CorpusFile& file,
                         const std::function<Status()>& passed) {
  network.SetEvaluationSeed(RandomStream(kEvaluationNoiseSeed, "next_token/" + file.name).Bits(0));
  TextReader reader(network, tokenizer, settings, passed);
  // ReadDocuments takes an error of the callback for the end of what is wanted, so it is kept here.
  Status stopped;
  BRAID_RETURN_IF_ERROR(corpus::ReadDocuments(
      TextOf(settings), {file}, /*seed=*/0,
      [&](const corpus::Document& document) { return stopped = reader.Add(document.text); }));
  BRAID_RETURN_IF_ERROR(stopped);
  BRAID_ASSIGN_OR_RETURN(const std::vector<TextSums> documents, reader.Finish());
  TextSums all;
  for (const TextSums& document : documents) all.Add(document);
  if (all.tokens == 0) return InvalidArgument(file.name + " has no text to predict");
  // Checked before the journal keeps it: JSON writes NaN as null, and the error would appear later
  // as a damaged piece.
  if (!std::isfinite(all.loss)) {
    return InvalidArgument("model " + network.spec().name + " has a loss that is not finite on " +
                           file.name);
  }
  return Json{{"sums", SumsJson(all)}, {"groups", GroupsJson(documents)}};
}

}  // namespace

Result<spec::NextTokenSettings> FillNextToken(spec::NextTokenSettings settings,
                                              const model::ModelSpec& model, int64_t sequence,
                                              const std::string& path) {
  if (settings.window == 0) settings.window = sequence;
  const int64_t limit = model.arch.rope_max_pos;
  if (limit > 0 && settings.window > limit) {
    return InvalidArgument(Format("%s.window: %lld is above the %lld positions of model %s",
                                  path.c_str(), (long long)settings.window, (long long)limit,
                                  model.name.c_str()));
  }
  if (settings.stride > settings.window) {
    return InvalidArgument(Format("%s.stride: %lld is above the window of %lld tokens; lower it",
                                  path.c_str(), (long long)settings.stride,
                                  (long long)settings.window));
  }
  if (settings.stride == 0) settings.stride = std::max<int64_t>(1, settings.window / 2);
  return settings;
}

Status CheckNextTokenFiles(const spec::NextTokenSettings& settings,
                           const std::vector<corpus::CorpusFile>& files) {
  if (files.empty()) return InvalidArgument("next_token: there is no file to read");
  const std::vector<Status> findings = corpus::CheckCorpus(TextOf(settings), files);
  return findings.empty() ? OkStatus() : findings.front();
}

Result<Json> MeasureNextToken(Network& network, const SharedTokenizer& tokenizer,
                              const spec::NextTokenSettings& settings,
                              const std::vector<corpus::CorpusFile>& files,
                              const MeasureHooks& hooks) {
  Json json = {{"window", settings.window}, {"stride", settings.stride}};
  TextSums all;
  int64_t done = 0;
  const auto passed = [&] {
    return hooks.report ? hooks.report("next_token", "files", done, std::ssize(files)) : OkStatus();
  };
  for (const corpus::CorpusFile& file : files) {
    BRAID_ASSIGN_OR_RETURN(const Json made, hooks.once("next_token/" + file.name, [&] {
      return MeasureFile(network, tokenizer, settings, file, passed);
    }));
    ++done;
    const TextSums sums = SumsFromJson(made.at("sums"));
    json["files"][file.name] = MeansJson(sums);
    json["files"][file.name]["groups"] = made.at("groups");
    all.Add(sums);
  }
  json["all"] = MeansJson(all);
  return json;
}

}  // namespace braid::trainer
