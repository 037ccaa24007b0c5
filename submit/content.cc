#include "submit/content.h"

#include <filesystem>
#include <map>
#include <set>

#include "base/remote_name.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "submit/evaluations.h"
#include "submit/remote_sources.h"
#include "submit/sizes.h"

namespace braid::submit {
namespace {

class CorpusChecker {
 public:
  explicit CorpusChecker(const RecipeFile& file) : file_(file) {}

  std::vector<Finding> Run() {
    for (const recipe::Source& source : file_.dag.sources) {
      const recipe::Corpus* corpus = CorpusOf(file_.recipe, source);
      if (corpus == nullptr) continue;
      const auto files = FilesOf(file_, source);
      if (!files.ok()) continue;
      Rows(source, *corpus, *files);
      if (IsValidation(source)) SetAside(source, *corpus, *files);
    }
    return std::move(findings_);
  }

 private:
  using Files = std::map<std::string, std::string>;

  void Find(const recipe::Source& source, const std::string& subject, const std::string& message,
            Severity severity = Severity::kError) {
    Finding finding;
    finding.severity = severity;
    finding.recipe = file_.path;
    finding.line = source.line;
    finding.field = FieldOf(file_.recipe, source);
    finding.subject = subject;
    finding.message = message;
    findings_.push_back(std::move(finding));
  }

  // Reads the first document of every file, so that a wrong name of a field is found before hours
  // of training.
  void Rows(const recipe::Source& source, const recipe::Corpus& corpus, const Files& files) {
    // Those that are fetched are read where they are prepared.
    if (files.empty()) return;
    const corpus::CorpusSpec spec{corpus.Task(),
                                  /*part=*/IsValidation(source) || NamesRemoteFiles(source)};
    std::vector<corpus::CorpusFile> paths;
    for (const auto& [name, path] : files) paths.push_back(path);
    for (const Status& fault : corpus::CheckCorpus(spec, paths)) {
      // This machine cannot read the file, and a worker that can will.
      if (fault.Is(ErrorReason::kPluginMissing))
        Find(source, SubjectOf(fault, paths),
             fault.message() + "; the file was not looked at, and needs a worker that reads it",
             Severity::kWarning);
      else
        Find(source, SubjectOf(fault, paths), fault.message());
    }
  }

  // The file whose name the message begins with.
  static std::string SubjectOf(const Status& fault, const std::vector<corpus::CorpusFile>& files) {
    for (const corpus::CorpusFile& file : files) {
      if (fault.message().starts_with(file.name + ":")) return file.path;
    }
    return "";
  }

  // Several names and links may lead to the same file.
  static std::string Canonical(const std::string& path) {
    std::error_code error;
    const std::string canonical = std::filesystem::canonical(path, error).string();
    return error ? path : canonical;
  }

  // A validation file that is also a training file would make the measured loss too good.
  void SetAside(const recipe::Source& source, const recipe::Corpus& corpus, const Files& files) {
    std::set<std::string> aside;
    for (const auto& [name, path] : files) aside.insert(Canonical(path));
    for (const recipe::Source& other : file_.dag.sources) {
      if (IsValidation(other) || CorpusOf(file_.recipe, other) != &corpus) continue;
      const auto trained = FilesOf(file_, other);
      if (!trained.ok()) continue;
      RemoteSetAside(source, corpus, other);
      for (const auto& [name, path] : *trained) {
        if (!aside.contains(Canonical(path))) continue;
        Find(source, path,
             "corpora." + corpus.name + ": " + path +
                 " is among its files and its validation files; what is set aside is not trained "
                 "on");
      }
    }
  }

  void RemoteSetAside(const recipe::Source& source, const recipe::Corpus& corpus,
                      const recipe::Source& trained) {
    std::set<std::string> aside;
    for (const storage::RemoteFile& own : RemoteFilesOf(file_, source)) aside.insert(own.url);
    for (const storage::RemoteFile& other : RemoteFilesOf(file_, trained)) {
      if (!aside.contains(other.url)) continue;
      const std::string url = ShownUrl(other.url);
      Find(source, url,
           "corpora." + corpus.name + ": " + url +
               " is among its files and its validation files; what is set aside is not trained "
               "on");
    }
  }

  const RecipeFile& file_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> CheckContent(const RecipeFile& file, const Tools& tools) {
  std::vector<Finding> findings = CheckTextSetAside(file);
  for (const std::vector<Finding>& more :
       {CorpusChecker(file).Run(), CheckEvaluations(file, tools)})
    findings.insert(findings.end(), more.begin(), more.end());
  SortByPlace(&findings);
  return findings;
}

}  // namespace braid::submit
