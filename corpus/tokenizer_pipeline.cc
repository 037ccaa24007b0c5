#include "corpus/tokenizer_pipeline.h"

#include <algorithm>
#include <vector>

#include "corpus/field_reader.h"
#include "corpus/row.h"

namespace braid::corpus {
namespace {

// GPT-2's pattern in the notations that files use; ByteLevel with use_regex implies it.
constexpr const char* kPatterns[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
};

Status ReadNormalizer(const Json& json, const std::string& what, const std::string& path,
                      Tokenizer::Rules* rules) {
  if (json.is_null()) return OkStatus();
  FieldReader read(json, what, path);
  const std::string type = read.Type();
  if (type == "NFC") {
    rules->nfc = true;
  } else if (type == "Sequence") {
    const Json& parts = read.List("normalizers");
    for (size_t i = 0; i < parts.size(); ++i) {
      BRAID_RETURN_IF_ERROR(
          ReadNormalizer(parts[i], what, read.PathOf("normalizers." + std::to_string(i)), rules));
    }
  } else {
    read.Unsupported("", type);
  }
  return read.status();
}

// A step of nested sequences, which are flattened into one list.
struct Step {
  const Json* json;
  std::string path;
};
Status Flatten(const Json& json, const std::string& what, const std::string& path,
               std::vector<Step>* steps) {
  FieldReader read(json, what, path);
  if (json.is_null()) return UnsupportedField(what, path, "null");
  if (read.Type() != "Sequence") {
    steps->push_back({&json, path});
    return read.status();
  }
  const Json& parts = read.List("pretokenizers");
  for (size_t i = 0; i < parts.size(); ++i) {
    BRAID_RETURN_IF_ERROR(
        Flatten(parts[i], what, read.PathOf("pretokenizers." + std::to_string(i)), steps));
  }
  return read.status();
}

// Every character belongs to a match of GPT-2's pattern. So all behaviors that keep the matches
// apart have the same effect, and the others are refused.
Status CheckSplit(const Step& step, const std::string& what) {
  FieldReader read(*step.json, what, step.path);
  const bool invert = read.Bool("invert", false);
  const std::string behavior = read.String("behavior", "a split without behavior");
  FieldReader pattern(read.Value("pattern"), what, read.PathOf("pattern"));
  BRAID_RETURN_IF_ERROR(pattern.status());
  const std::string regex = pattern.String("Regex", "");
  BRAID_RETURN_IF_ERROR(pattern.status());
  if (std::find(std::begin(kPatterns), std::end(kPatterns), regex) == std::end(kPatterns)) {
    read.Unsupported("pattern", ShownValue(read.Value("pattern")));
  }
  const bool apart = behavior == "Isolated" || behavior == "MergedWithPrevious" ||
                     behavior == "MergedWithNext" || (behavior == "Removed" && invert);
  if (!apart) read.Unsupported("behavior", behavior + (invert ? ", inverted," : ""));
  return read.status();
}

// Accepts ByteLevel, alone or after splits by GPT-2's pattern.
Status ReadPreTokenizer(const Json& json, const std::string& what) {
  std::vector<Step> steps;
  BRAID_RETURN_IF_ERROR(Flatten(json, what, "pre_tokenizer", &steps));
  bool split = false, bytes = false;
  for (const Step& step : steps) {
    FieldReader read(*step.json, what, step.path);
    const std::string type = read.Type();
    if (type == "Split" && !bytes) {
      BRAID_RETURN_IF_ERROR(CheckSplit(step, what));
      split = true;
    } else if (type == "ByteLevel" && !bytes) {
      if (read.Bool("add_prefix_space", false)) read.Unsupported("add_prefix_space", "true");
      if (!read.Bool("use_regex", true) && !split)
        read.Unsupported("use_regex", "false without a Split by GPT-2's pattern in front");
      bytes = true;
    } else {
      read.Unsupported("", type + (bytes ? " behind ByteLevel" : ""));
    }
    BRAID_RETURN_IF_ERROR(read.status());
  }
  return bytes ? OkStatus()
               : UnsupportedField(what, "pre_tokenizer", "a sequence without ByteLevel");
}

// A template that adds ids around a text would add them to each document of a corpus.
Status CheckPostProcessor(const Json& json, const std::string& what, const std::string& path) {
  if (json.is_null()) return OkStatus();
  FieldReader read(json, what, path);
  const std::string type = read.Type();
  if (type == "Sequence") {
    const Json& parts = read.List("processors");
    for (size_t i = 0; i < parts.size(); ++i) {
      BRAID_RETURN_IF_ERROR(
          CheckPostProcessor(parts[i], what, read.PathOf("processors." + std::to_string(i))));
    }
  } else if (type == "TemplateProcessing") {
    const Json& single = read.Value("single");
    const bool text_alone = single.is_array() && single.size() == 1 && single[0].is_object() &&
                            single[0].contains("Sequence");
    if (!text_alone) read.Unsupported("single", "a template that adds to the text");
  } else if (type != "ByteLevel") {
    read.Unsupported("", type);
  }
  return read.status();
}

Status CheckLengths(const Json& json, const std::string& what) {
  FieldReader read(json, what, "");
  const auto refuse = [&](const char* field) {
    read.Fail(field,
              "documents are encoded whole, which is other ids than it asks for; set it to null");
  };
  if (!read.Value("truncation").is_null()) refuse("truncation");
  const Json& padding = read.Value("padding");
  if (padding.is_null()) return read.status();
  FieldReader part(padding, what, "padding");
  BRAID_RETURN_IF_ERROR(part.status());
  // A single text is the longest of its batch, so nothing is padded.
  const bool nothing = part.Value("strategy") == "BatchLongest" &&
                       part.Value("pad_to_multiple_of").is_null();
  if (!nothing) refuse("padding");
  return read.status();
}

}  // namespace

Status ReadPipeline(const Json& json, const std::string& what, Tokenizer::Rules* rules) {
  const FieldReader read(json, what, "");
  BRAID_RETURN_IF_ERROR(ReadNormalizer(read.Value("normalizer"), what, "normalizer", rules));
  BRAID_RETURN_IF_ERROR(ReadPreTokenizer(read.Value("pre_tokenizer"), what));
  BRAID_RETURN_IF_ERROR(CheckPostProcessor(read.Value("post_processor"), what, "post_processor"));
  return CheckLengths(json, what);
}

}  // namespace braid::corpus
