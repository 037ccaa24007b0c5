#include "corpus/prepare.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/chat.h"
#include "corpus/chat_tokens.h"
#include "corpus/corpus.h"
#include "corpus/shards.h"
#include "corpus/shared_shards.h"
#include "corpus/tokenizer.h"
#include "corpus/unicode.h"
#include "schema/read.h"
#include "storage/files/artifact_files.h"

namespace braid::corpus {
namespace {

// What progress and traces call it.
constexpr char kPhase[] = "tokenising";

// Documents are encoded in batches of about this size, in parallel, and written in their order: the
// shards do not depend on the number of threads.
constexpr size_t kBatchBytes = size_t{8} << 20;

class Preparer {
 public:
  Preparer(const task::Task& task, task::Channel& channel, CorpusSpec spec, double validation,
           uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer)
      : channel_(channel),
        spec_(std::move(spec)),
        validation_share_(validation),
        draws_(seed, "validation/" + spec_.name),
        tokenizer_(std::move(tokenizer)) {
    if (spec_.chat) chat_tokens_.emplace(*tokenizer_, ChatWriter(*spec_.chat, spec_.name).Words());
    for (int64_t i = 0; i < task.threads; ++i)
      encoders_.push_back(std::make_unique<Encoder>(tokenizer_));
  }

  Status Open(const std::string& folder) {
    BRAID_ASSIGN_OR_RETURN(train_,
                           ShardWriter::Create(JoinPath(folder, "train"), tokenizer_->vocab()));
    BRAID_ASSIGN_OR_RETURN(
        validation_, ShardWriter::Create(JoinPath(folder, "validation"), tokenizer_->vocab()));
    return OkStatus();
  }

  Status Add(Document document) {
    if (full_) return Cancelled("cap");
    batch_bytes_ += document.bytes();
    batch_.push_back(std::move(document));
    return batch_bytes_ >= kBatchBytes ? Flush() : OkStatus();
  }

  // All documents added from now on are validation documents, without caps.
  Status BeginValidation() {
    if (Status status = Flush(); !status.ok() && status.code() != StatusCode::kCancelled)
      return status;
    held_out_ = true;
    full_ = false;
    return OkStatus();
  }

  // Encodes and writes the waiting batch. kCancelled when the cap on tokens is reached or the job
  // is asked to stop.
  Status Flush() {
    std::vector<std::vector<int32_t>> ids(batch_.size());
    std::atomic<size_t> next{0};
    const auto work = [&](Encoder& encoder) {
      for (size_t i; (i = next.fetch_add(1)) < batch_.size();) {
        ids[i] = imported() ? std::move(batch_[i].ids) : Encoded(batch_[i], encoder);
      }
    };
    RunOnThreads(encoders_.size(), [&](size_t t) { work(*encoders_[t]); });
    for (size_t i = 0; i < batch_.size(); ++i) {
      if (!held_out_ && !CutToCap(&ids[i])) {
        full_ = true;
        break;
      }
      // A document is held out by its index, before its text is looked at: the choice is the same
      // for all epochs and splits, and does not depend on the tokenizer.
      const bool aside = held_out_ || draws_.Uniform(batch_[i].index) < validation_share_;
      BRAID_RETURN_IF_ERROR((aside ? *validation_ : *train_).Append(ids[i]));
    }
    channel_.Progress(kPhase, "tokens", train_->tokens() + validation_->tokens(), spec_.tokens);
    // Also the documents beyond the cap.
    batch_.clear();
    batch_bytes_ = 0;
    return full_ || channel_.stop_requested() ? Cancelled("cap or stop") : OkStatus();
  }

  Status Finish() {
    if (train_->tokens() + (held_out_ ? 0 : validation_->tokens()) == 0) {
      return InvalidArgument(Format("corpus %s: tokens %lld are fewer than its first row has",
                                    spec_.name.c_str(), (long long)spec_.tokens));
    }
    if (validation_share_ > 0 && validation_->tokens() == 0) {
      return InvalidArgument(Format(
          "corpus %s: validation.documents %g of %lld documents sets none aside; raise it or give "
          "more documents",
          spec_.name.c_str(), validation_share_, (long long)train_->documents()));
    }
    if (train_->tokens() == 0) {
      return InvalidArgument(
          "corpus " + spec_.name +
          ": every document was set aside for validation; lower validation.documents");
    }
    BRAID_RETURN_IF_ERROR(train_->Finish());
    return validation_->Finish();
  }

  const ShardWriter& train() const { return *train_; }
  const ShardWriter& validation() const { return *validation_; }

 private:
  // The ids of an import are complete: nothing is encoded, and no end-of-document token is added.
  bool imported() const { return spec_.has_ids(); }

  // The text of a chat. Where the template ends it with the end-of-document token and white space,
  // as chatml does if <|im_end|> is that token, it ends with the token.
  std::string_view WithoutSpaceBehindEnd(const Document& document) const {
    const std::string_view text = document.text;
    const std::vector<TextSpan>& markup = *document.markup;
    if (markup.empty() || markup.back().end != text.size()) return text;
    const std::string_view last = text.substr(markup.back().begin);
    const size_t end = last.find_last_not_of(" \t\r\n");
    const bool ends = end != std::string_view::npos &&
                      last.substr(0, end + 1).ends_with(tokenizer_->Bytes(tokenizer_->eos_id()));
    return ends ? text.substr(0, markup.back().begin + end + 1) : text;
  }

  // The ids of a text, with one end-of-document token at their end, which a chat may have by its
  // template.
  std::vector<int32_t> Encoded(const Document& document, Encoder& encoder) const {
    std::vector<int32_t> ids;
    if (document.markup) {
      encoder.EncodeChat(WithoutSpaceBehindEnd(document), *document.markup, *chat_tokens_, &ids);
      if (!ids.empty() && ids.back() == tokenizer_->eos_id()) return ids;
    } else {
      encoder.Encode(document.text, &ids);
    }
    ids.push_back(tokenizer_->eos_id());
    return ids;
  }

  // Returns false if the cap on tokens is reached. The last document is shortened to the cap. The
  // last row of `input_ids` is left out instead: a shorter row would shift all chunks after it.
  bool CutToCap(std::vector<int32_t>* ids) const {
    const int64_t left = spec_.tokens - train_->tokens() - validation_->tokens();
    if (spec_.tokens == 0 || static_cast<int64_t>(ids->size()) <= left) return true;
    if (left <= 0 || !spec_.input_ids.empty()) return false;
    ids->resize(static_cast<size_t>(left));
    ids->back() = tokenizer_->eos_id();
    return true;
  }

  task::Channel& channel_;
  const CorpusSpec spec_;
  const double validation_share_;
  const RandomStream draws_;
  const std::shared_ptr<const Tokenizer> tokenizer_;
  // Of a corpus with `chat`.
  std::optional<ChatTokens> chat_tokens_;
  std::vector<std::unique_ptr<Encoder>> encoders_;
  std::unique_ptr<ShardWriter> train_;
  std::unique_ptr<ShardWriter> validation_;
  // Documents come from validation files.
  bool held_out_ = false;
  // The cap on tokens is reached; nothing more is added.
  bool full_ = false;
  std::vector<Document> batch_;
  size_t batch_bytes_ = 0;
};

// The digests of the corpus's files, by which shards can be traced to their text.
Result<Json> DigestsOf(const std::vector<CorpusFile>& files) {
  Json digests = Json::array();
  for (const CorpusFile& file : files) {
    if (!file.url.empty()) {
      Json source = {{"file", std::string(BaseName(file.path))},
                     {"sha256", file.fetched.sha256},
                     {"size", file.fetched.size},
                     {"url", file.url}};
      if (!file.fetched.etag.empty()) source["etag"] = file.fetched.etag;
      digests.push_back(std::move(source));
      continue;
    }
    BRAID_ASSIGN_OR_RETURN(const std::string digest, Sha256File(file.path));
    BRAID_ASSIGN_OR_RETURN(const uint64_t size, FileSize(file.path));
    digests.push_back(
        {{"file", std::string(BaseName(file.path))}, {"sha256", digest}, {"size", size}});
  }
  return digests;
}

// Adds all documents of the corpus's validation files, `own`, which are added to `files`.
Status AddValidation(CorpusSpec spec, const std::vector<std::string>& held_out,
                     const std::vector<CorpusFile>& own, uint64_t seed, const TokenIds& ids,
                     Preparer* preparer, std::vector<CorpusFile>* files, LeftOut* left_out) {
  BRAID_RETURN_IF_ERROR(preparer->BeginValidation());
  spec.files = held_out;
  spec.sample = 1;
  spec.documents = spec.bytes = 0;
  spec.part = true;
  for (const CorpusFile& file : own) {
    if (std::none_of(files->begin(), files->end(), [&](const CorpusFile& other) {
          return other.path == file.path || (!file.url.empty() && other.url == file.url);
        }))
      continue;
    return InvalidArgument(
        "corpus " + spec.name + ": " + file.name +
        " is among its files and its validation files; what is set aside is not trained on");
  }
  files->insert(files->end(), own.begin(), own.end());
  return ReadDocuments(
      spec, own, seed, [&](Document document) { return preparer->Add(std::move(document)); }, ids,
      left_out);
}

// Describes what was left out, for shards.json and the job's summary, and logs it. Fields that
// would be zero are not written.
Json Tell(const LeftOut& left_out, const std::string& job) {
  Json json = Json::object();
  if (left_out.blank_documents > 0) {
    json["blank_documents"] = left_out.blank_documents;
    Log(LogLevel::kWarning, job,
        Format("%lld blank documents were left out (blank_documents: keep would keep them)",
               (long long)left_out.blank_documents));
  }
  if (left_out.bad_rows > 0) {
    json["rows"] = left_out.rows;
    json["bad_rows"] = left_out.bad_rows;
    json["first_bad_rows"] = left_out.first_bad_rows;
    Log(LogLevel::kWarning, job,
        Format("%lld of %lld rows could not be read and were skipped; the first:\n  ",
               (long long)left_out.bad_rows, (long long)left_out.rows) +
            Join(left_out.first_bad_rows, "\n  "));
  }
  return json;
}

}  // namespace

Status RunPrepareJob(const task::Task& task, task::Channel& channel, const MakeFetch& fetch) {
  BRAID_ASSIGN_OR_RETURN(const spec::PrepareTask settings,
                         schema::FromJson<spec::PrepareTask>(task.spec, "spec"));
  const CorpusSpec spec{settings.corpus};
  const auto& held_out = settings.validation.files;
  const double share =
      held_out ? 0 : settings.validation.documents.value_or(spec::RecipeValidation().documents);
  const uint64_t seed = settings.seed;

  BRAID_ASSIGN_OR_RETURN(const std::string tokenizer_folder, task.Input(task::role::kTokenizer));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         Tokenizer::Load(JoinPath(tokenizer_folder, artifact_files::kTokenizer)));
  // Validation files are fetched with the others, before hours of encoding.
  BRAID_ASSIGN_OR_RETURN(std::vector<CorpusFile> files,
                         InputFiles(task, channel, spec, task::role::kSource, fetch));
  std::vector<CorpusFile> aside;
  if (held_out) {
    CorpusSpec own = spec;
    own.files = *held_out;
    BRAID_ASSIGN_OR_RETURN(aside, InputFiles(task, channel, own, task::role::kValidation, fetch));
  }
  constexpr char kFolder[] = "shards";
  const std::string folder = JoinPath(task.output, kFolder);
  Preparer preparer(task, channel, spec, share, seed, tokenizer);
  BRAID_RETURN_IF_ERROR(preparer.Open(folder));
  channel.BeginPhase(kPhase);
  LeftOut left_out;
  const TokenIds ids{tokenizer->entries(), tokenizer->eos_id()};
  BRAID_RETURN_IF_ERROR(ReadDocuments(
      spec, files, seed, [&](Document document) { return preparer.Add(std::move(document)); }, ids,
      &left_out));
  if (held_out && !channel.stop_requested()) {
    BRAID_RETURN_IF_ERROR(
        AddValidation(spec, *held_out, aside, seed, ids, &preparer, &files, &left_out));
  }
  if (Status status = preparer.Flush(); !status.ok() && status.code() != StatusCode::kCancelled)
    return status;
  if (channel.stop_requested())
    return Cancelled("stopped while tokenising; nothing is lost, the job starts over");
  BRAID_RETURN_IF_ERROR(CheckBadRows(spec, left_out));
  BRAID_RETURN_IF_ERROR(preparer.Finish());
  BRAID_ASSIGN_OR_RETURN(const Json sources, DigestsOf(files));
  Json counts = {{"tokens", preparer.train().tokens()},
                 {"documents", preparer.train().documents()},
                 {"validation_tokens", preparer.validation().tokens()},
                 {"validation_documents", preparer.validation().documents()},
                 {"tokenizer", tokenizer->digest()}};
  counts.update(Tell(left_out, task.job));
  Json description = counts;
  description.update({{"format", 1},
                      {"corpus", spec.name},
                      {"dtype", tokenizer->vocab() > 65536 ? "uint32" : "uint16"},
                      {"vocab", tokenizer->vocab()},
                      {"eos_id", tokenizer->eos_id()},
                      {"sources", sources},
                      {"spec", ToJson(spec)},
                      {"seed", seed},
                      {"unicode", UnicodeVersion()}});
  // Paths of this machine do not belong into an artifact: equal content would have different ids.
  description["spec"].erase("files");
  BRAID_RETURN_IF_ERROR(WriteJsonFile(JoinPath(folder, artifact_files::kShards), description));
  Json metadata = counts;
  metadata["corpus"] = spec.name;
  channel.AddOutput(task::role::kShards, task::ArtifactKind::kShards, kFolder, metadata);
  if (settings.shared) {
    constexpr char kSharedFolder[] = "shared";
    BRAID_ASSIGN_OR_RETURN(Json shared, WriteSharedShards(folder, *settings.shared,
                                                          JoinPath(task.output, kSharedFolder)));
    channel.AddOutput(task::role::kShared, task::ArtifactKind::kShards, kSharedFolder, shared);
  }
  channel.Succeed(metadata);
  return OkStatus();
}

}  // namespace braid::corpus
