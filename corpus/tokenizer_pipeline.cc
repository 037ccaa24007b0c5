#include "corpus/tokenizer_pipeline.h"

#include <algorithm>
#include <map>
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

// A pattern of the file: {"Regex": "..."} or {"String": "..."}.
Result<std::shared_ptr<const TextPattern>> ReadPattern(const Json& json, const std::string& what,
                                                       const std::string& path) {
  FieldReader read(json, what, path);
  BRAID_RETURN_IF_ERROR(read.status());
  const bool literal = read.Value("Regex").is_null();
  const std::string text = read.String(literal ? "String" : "Regex", "");
  BRAID_RETURN_IF_ERROR(read.status());
  if (text.empty()) return InvalidArgument(what + ": " + path + ": expected Regex or String");
  auto pattern = literal ? TextPattern::Literal(text) : TextPattern::Compile(text);
  if (pattern.ok()) return pattern;
  return UnsupportedField(what, path, ShownValue(json) + " (" + pattern.status().message() + ")");
}

Status ReadReplace(FieldReader& read, const std::string& what, NormalizerStep* step) {
  const Json& pattern = read.Value("pattern");
  step->kind = NormalizerStep::Kind::kReplace;
  step->content = read.String("content", "");
  if (pattern.is_object() && pattern.contains("String") && pattern["String"].is_string()) {
    step->literal = pattern["String"].get<std::string>();
    if (step->literal.empty()) read.Unsupported("pattern", ShownValue(pattern));
    return read.status();
  }
  BRAID_ASSIGN_OR_RETURN(step->pattern, ReadPattern(pattern, what, read.PathOf("pattern")));
  return read.status();
}

Status ReadNormalizer(const Json& json, const std::string& what, const std::string& path,
                      Tokenizer::Rules* rules) {
  if (json.is_null()) return OkStatus();
  FieldReader read(json, what, path);
  const std::string type = read.Type();
  NormalizerStep step;
  if (type == "NFC") {
    rules->normalizer.Add(std::move(step));
  } else if (type == "Prepend") {
    step.kind = NormalizerStep::Kind::kPrepend;
    step.content = read.String("prepend", "");
    rules->normalizer.Add(std::move(step));
  } else if (type == "Replace") {
    BRAID_RETURN_IF_ERROR(ReadReplace(read, what, &step));
    rules->normalizer.Add(std::move(step));
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

Result<SplitBehavior> BehaviorOf(const std::string& name, const std::string& what,
                                 const std::string& path) {
  static const std::map<std::string, SplitBehavior> kNames = {
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"Contiguous", SplitBehavior::kContiguous},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext}};
  const auto found = kNames.find(name);
  if (found == kNames.end()) return UnsupportedField(what, path, name);
  return found->second;
}

// Every character belongs to a match of GPT-2's pattern. So all behaviors that keep the matches
// apart have the same effect.
bool KeepsMatchesApart(const CutterStep& step) {
  return step.behavior == SplitBehavior::kIsolated ||
         step.behavior == SplitBehavior::kMergedWithPrevious ||
         step.behavior == SplitBehavior::kMergedWithNext ||
         (step.behavior == SplitBehavior::kRemoved && step.invert);
}

Status ReadSplit(const Step& at, const std::string& what, CutterStep* step) {
  FieldReader read(*at.json, what, at.path);
  step->invert = read.Bool("invert", false);
  const std::string behavior = read.String("behavior", "a split without behavior");
  BRAID_RETURN_IF_ERROR(read.status());
  BRAID_ASSIGN_OR_RETURN(step->behavior, BehaviorOf(behavior, what, read.PathOf("behavior")));
  const Json& pattern = read.Value("pattern");
  const Json regex = pattern.is_object() ? pattern.value("Regex", Json()) : Json();
  const bool gpt2 = std::find(std::begin(kPatterns), std::end(kPatterns), regex) !=
                    std::end(kPatterns);
  if (gpt2 && KeepsMatchesApart(*step)) {
    step->kind = CutterStep::Kind::kGpt2;
    return OkStatus();
  }
  BRAID_ASSIGN_OR_RETURN(step->pattern, ReadPattern(pattern, what, read.PathOf("pattern")));
  return read.status();
}

// Digits are the characters of \p{N}, each of which is a match.
Status ReadDigits(const Step& at, const std::string& what, CutterStep* step) {
  FieldReader read(*at.json, what, at.path);
  step->behavior = read.Bool("individual_digits", false) ? SplitBehavior::kIsolated
                                                         : SplitBehavior::kContiguous;
  BRAID_ASSIGN_OR_RETURN(step->pattern, TextPattern::Compile("\\p{N}"));
  return read.status();
}

Status ReadMetaspace(const Step& at, const std::string& what, PieceCutter* cutter) {
  FieldReader read(*at.json, what, at.path);
  CutterStep step{.kind = CutterStep::Kind::kMetaspace};
  if (const std::string mark = read.String("replacement", std::string(kSpaceMark));
      mark != kSpaceMark)
    read.Unsupported("replacement", ShownValue(mark));
  // Files of early versions have add_prefix_space.
  const std::string scheme = read.String("prepend_scheme",
                                         read.Bool("add_prefix_space", true) ? "always" : "never");
  if (scheme == "always") {
    step.prepend = CutterStep::Prepend::kAlways;
  } else if (scheme == "first") {
    step.prepend = CutterStep::Prepend::kFirst;
  } else if (scheme != "never") {
    read.Unsupported("prepend_scheme", scheme);
  }
  if (!read.Bool("add_prefix_space", true) && scheme != "never")
    read.Unsupported("add_prefix_space", "false beside prepend_scheme " + scheme);
  cutter->Add(std::move(step));
  if (read.Bool("split", true)) {
    CutterStep split{.behavior = SplitBehavior::kMergedWithNext};
    BRAID_ASSIGN_OR_RETURN(split.pattern, TextPattern::Literal(kSpaceMark));
    cutter->Add(std::move(split));
  }
  return read.status();
}

Status ReadByteLevel(const Step& at, const std::string& what, PieceCutter* cutter) {
  FieldReader read(*at.json, what, at.path);
  if (read.Bool("add_prefix_space", false)) cutter->Add({.kind = CutterStep::Kind::kSpace});
  // What is cut already by GPT-2's pattern stays as it is.
  const bool cut = !cutter->steps().empty() &&
                   cutter->steps().back().kind == CutterStep::Kind::kGpt2;
  if (read.Bool("use_regex", true) && !cut) cutter->Add({.kind = CutterStep::Kind::kGpt2});
  return read.status();
}

Status ReadPreTokenizer(const Json& json, const std::string& what, bool* of_bytes,
                        PieceCutter* cutter) {
  std::vector<Step> steps;
  if (!json.is_null()) BRAID_RETURN_IF_ERROR(Flatten(json, what, "pre_tokenizer", &steps));
  for (const Step& at : steps) {
    const std::string type = FieldReader(*at.json, what, at.path).Type();
    // What follows would see the characters that stand for bytes.
    if (*of_bytes) return UnsupportedField(what, at.path, type + " behind ByteLevel");
    CutterStep step;
    if (type == "Split") {
      BRAID_RETURN_IF_ERROR(ReadSplit(at, what, &step));
      cutter->Add(std::move(step));
    } else if (type == "Digits") {
      BRAID_RETURN_IF_ERROR(ReadDigits(at, what, &step));
      cutter->Add(std::move(step));
    } else if (type == "Metaspace") {
      BRAID_RETURN_IF_ERROR(ReadMetaspace(at, what, cutter));
    } else if (type == "ByteLevel") {
      BRAID_RETURN_IF_ERROR(ReadByteLevel(at, what, cutter));
      *of_bytes = true;
    } else {
      return UnsupportedField(what, at.path, type);
    }
  }
  return OkStatus();
}

// What a template puts around a text belongs to prompts, not to documents, each of which ends with
// the end-of-text token. But the text must stand in it once.
Status CheckTemplate(FieldReader& read) {
  size_t texts = 0;
  for (const Json& part : read.List("single")) {
    if (part.is_object() && part.contains("Sequence")) {
      ++texts;
    } else if (!part.is_object() || !part.contains("SpecialToken")) {
      read.Unsupported("single", ShownValue(part));
    }
  }
  if (texts != 1) read.Unsupported("single", "a template without the text, or with two");
  return read.status();
}

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
    BRAID_RETURN_IF_ERROR(CheckTemplate(read));
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
  const Json& pre_tokenizer = read.Value("pre_tokenizer");
  bool of_bytes = false;
  BRAID_RETURN_IF_ERROR(ReadPreTokenizer(pre_tokenizer, what, &of_bytes, &rules->cutter));
  const Json& model = read.Value("model");
  const bool fallback = model.is_object() && model.value("byte_fallback", Json()) == true;
  if (!of_bytes && !fallback) {
    return UnsupportedField(what, "pre_tokenizer",
                            std::string(pre_tokenizer.is_null() ? "null" : "a sequence") +
                                " without ByteLevel, and without model.byte_fallback,");
  }
  rules->of_characters = !of_bytes;
  BRAID_RETURN_IF_ERROR(CheckPostProcessor(read.Value("post_processor"), what, "post_processor"));
  return CheckLengths(json, what);
}

}  // namespace braid::corpus
