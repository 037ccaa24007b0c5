// Tar archives as corpora, as WebDataset has them: members whose names differ in their extensions
// alone are a sample, and its extensions are its fields. Internal to corpus/ and submit/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "corpus/corpus.h"

namespace braid::corpus {

// The name of a member, cut at the first dot of its last part: "a.b/c.seg.TXT" is the sample
// "a.b/c" and the extension "seg.txt".
struct SampleName {
  std::string key;
  std::string extension;
};
// None for a name without an extension, or with nothing in front of it.
std::optional<SampleName> SampleNameOf(std::string_view member);

// Calls `use` with the document of each sample, or with the error that names the file and the
// sample. The fields of the spec name extensions, "txt" by default; "json.caption" is a value in
// the JSON of "json". Memory holds one sample, of which only these members are read. Errors of the
// archive itself, or one without any sample, are returned.
Status ReadSamples(const CorpusSpec& spec, const CorpusFile& file, int64_t id_limit,
                   const std::function<Status(Result<Document>)>& use);

// Calls `use` with the first samples as rows: texts by their extensions, and the members of JSON by
// "json.NAME". What is no text, or long, is a binary value.
Status FirstSamples(const CorpusFile& file, const std::function<Status(const Json&)>& use);

// The samples of a file, and the bytes of text in all of them; estimated from the first ones,
// unless these are all.
struct SamplesSize {
  double samples = 0;
  double text_bytes = 0;
};
Result<SamplesSize> SizeOfSamples(const CorpusSpec& spec, const CorpusFile& file);
// The same of many archives, of which a few that are spread evenly are looked at.
Result<SamplesSize> SizeOfSamples(const CorpusSpec& spec, const std::vector<CorpusFile>& files);

}  // namespace braid::corpus
