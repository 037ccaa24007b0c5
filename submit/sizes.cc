#include "submit/sizes.h"

#include <algorithm>
#include <initializer_list>

#include "base/file.h"
#include "base/remote_name.h"
#include "base/text.h"
#include "corpus/columnar.h"
#include "corpus/compression.h"
#include "corpus/corpus.h"
#include "corpus/samples.h"
#include "corpus/tar_reader.h"
#include "corpus/token_files.h"
#include "corpus/tokenizer.h"
#include "submit/remote_sources.h"

namespace braid::submit {
namespace {

// Adds a file of columns, whose text may be far larger than the file.
void AddColumnar(const recipe::Corpus& corpus, const std::string& path, uint64_t bytes,
                 recipe::TextSize* size) {
  const auto columnar = corpus::SizeOfColumnar({corpus.Task()}, path);
  size->compressed = true;
  size->text_bytes += columnar.ok() ? columnar->text_bytes : static_cast<double>(bytes);
  if (!columnar.ok() && size->unknown.empty()) size->unknown = columnar.status().message();
}

// Adds archives, of which most may be pictures.
void AddSamples(const recipe::Corpus& corpus, const std::vector<corpus::CorpusFile>& archives,
                recipe::TextSize* size) {
  if (archives.empty()) return;
  const auto samples = corpus::SizeOfSamples({corpus.Task()}, archives);
  size->compressed = true;
  size->text_bytes += samples.ok() ? samples->text_bytes : static_cast<double>(size->bytes);
  if (!samples.ok() && size->unknown.empty()) size->unknown = samples.status().message();
}

recipe::TextSize SizeOf(const recipe::Corpus& corpus,
                        const std::map<std::string, std::string>& files) {
  recipe::TextSize size;
  std::vector<corpus::CorpusFile> archives;
  for (const auto& [name, path] : files) {
    const Result<uint64_t> bytes = FileSize(path);
    if (!bytes.ok()) continue;
    const bool compressed = corpus::CompressionOfFile(path) != corpus::Compression::kNone;
    ++size.files;
    size.bytes += static_cast<int64_t>(*bytes);
    size.compressed = size.compressed || compressed;
    if (corpus::ColumnarFormatOfFile(path)) {
      AddColumnar(corpus, path, *bytes, &size);
      continue;
    }
    if (!corpus.token_files && corpus::IsTarFile(path)) {
      archives.push_back(path);
      continue;
    }
    // The size of the text of a compressed file is estimated: decompressing a large corpus takes
    // minutes.
    size.text_bytes += static_cast<double>(*bytes) * (compressed ? recipe::kCompression : 1);
  }
  AddSamples(corpus, archives, &size);
  // Ids are counted, not guessed. EstimateTokens takes two bytes for each.
  if (corpus.token_files) {
    std::vector<corpus::CorpusFile> paths;
    for (const auto& [name, path] : files) paths.push_back(path);
    size.compressed = false;
    size.text_bytes = 2.0 * static_cast<double>(corpus::CountTokens({corpus.Task()}, paths));
  }
  // Reads the beginning of one file, which is worthwhile only if a cap on documents has to be
  // converted to bytes.
  if (corpus.documents > 0 && !files.empty())
    size.document_bytes = corpus::DocumentBytes({corpus.Task()}, {files.begin()->second});
  return size;
}

bool EndsWithOneOf(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

// Adds files that are fetched, of which names and sizes are known.
void AddRemote(const recipe::Corpus& corpus, const std::vector<storage::RemoteFile>& files,
               recipe::TextSize* size) {
  for (const storage::RemoteFile& file : files) {
    ++size->files;
    const bool packed = EndsWithOneOf(file.name,
                                      {".gz", ".zst", ".parquet", ".arrow", ".feather", ".tgz"});
    size->compressed = size->compressed || packed || file.size < 0 || corpus.token_files ||
                       file.name.ends_with(".tar");
    if (file.size < 0) {
      if (size->unknown.empty())
        size->unknown = ShownUrl(file.url) + ": its server does not say it";
      continue;
    }
    size->bytes += file.size;
    const bool index = corpus.token_files && file.name.ends_with(".idx");
    if (!index)
      size->text_bytes += static_cast<double>(file.size) * (packed ? recipe::kCompression : 1);
  }
}

// The vocabulary rows of a model with the tokenizer file at `path`: its entries and the pad.
Result<int64_t> VocabOf(const recipe::Recipe& recipe, const std::string& path) {
  const Result<std::string> text = corpus::ReadTokenizerText(path, recipe.tokenizer_end_of_text);
  if (!text.ok()) return InvalidArgument("tokenizer.file: " + text.status().message());
  const auto tokenizer = corpus::Tokenizer::Parse(*text, path);
  if (!tokenizer.ok()) return InvalidArgument("tokenizer.file: " + tokenizer.status().message());
  const int64_t entries = (*tokenizer)->entries(), said = recipe.tokenizer_entries;
  if (said > 0 && said != entries) {
    return InvalidArgument(Format("tokenizer.vocab: the recipe says %lld, but %s has %lld entries",
                                  (long long)said, path.c_str(), (long long)entries));
  }
  return (*tokenizer)->vocab();
}

Finding UnknownSize(const RecipeFile& file, const recipe::Source& source,
                    const recipe::TextSize& size) {
  Finding finding;
  finding.severity = Severity::kWarning;
  finding.recipe = file.path;
  finding.line = source.line;
  finding.message =
      "the size of the text is not known, so that the tokens and costs of the plan may be far too "
      "small (" +
      size.unknown + ")";
  return finding;
}

}  // namespace

std::map<std::string, recipe::TextSize> TextSizesOf(const RecipeFile& file,
                                                    const recipe::Dag& dag) {
  std::map<std::string, recipe::TextSize> sizes;
  for (const recipe::Source& source : dag.sources) {
    const recipe::Corpus* corpus = CorpusOf(file.recipe, source);
    if (corpus == nullptr) continue;
    const auto files = FilesOf(file, source);
    if (!files.ok()) continue;
    recipe::TextSize size = SizeOf(*corpus, *files);
    AddRemote(*corpus, RemoteFilesOf(file, source), &size);
    sizes[source.name()] = size;
  }
  return sizes;
}

recipe::Known KnownOf(const RecipeFile& file, const recipe::Dag& dag,
                      std::vector<Finding>* findings) {
  recipe::Known known;
  for (const recipe::Source& source : dag.sources) {
    const recipe::Corpus* corpus = CorpusOf(file.recipe, source);
    const auto size = file.text_sizes.find(source.name());
    // Of variants that take different parts of a corpus, the largest; each is bounded by its own
    // cap on tokens once more (recipe::Sizes::TokensOf).
    if (corpus != nullptr && size != file.text_sizes.end() && !IsValidation(source)) {
      int64_t& tokens = known.tokens[corpus->name];
      for (const recipe::Recipe* trained : file.recipe.Trained()) {
        if (const recipe::Corpus* own = trained->FindCorpus(corpus->name); own != nullptr)
          tokens = std::max(tokens, recipe::EstimateTokens(*own, size->second));
      }
    }
    if (size != file.text_sizes.end() && !size->second.unknown.empty())
      findings->push_back(UnknownSize(file, source, size->second));
    if (source.kind != recipe::SourceKind::kTokenizer) continue;
    const auto files = FilesOf(file, source);
    if (!files.ok()) continue;
    const std::string& path = files->begin()->second;
    const Result<int64_t> vocab = VocabOf(file.recipe, path);
    if (vocab.ok()) {
      known.vocab = *vocab;
      continue;
    }
    Finding finding = FindingsOf(vocab.status(), file.path).front();
    finding.line = source.line;
    finding.subject = path;
    findings->push_back(std::move(finding));
  }
  return known;
}

std::vector<Finding> CheckTextSetAside(const RecipeFile& file) {
  std::vector<Finding> findings;
  for (const recipe::ShortText& text :
       recipe::FindShortText(file.recipe, file.dag, file.text_sizes)) {
    Finding finding;
    finding.severity = text.certain ? Severity::kError : Severity::kWarning;
    finding.recipe = file.path;
    finding.line = text.line;
    finding.field = "corpora." + text.corpus;
    finding.message = text.message;
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace braid::submit
