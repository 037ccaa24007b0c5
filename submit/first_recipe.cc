#include "submit/first_recipe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "base/file.h"
#include "base/glob.h"
#include "base/json.h"
#include "base/text.h"
#include "recipe/graph/text_size.h"

namespace braid::submit {
namespace {

// The operations that a first training may take: minutes on two cores of any machine.
constexpr double kMostOperations = 2e13;
constexpr double kEpochs = 2;
// Fewer tokens for each weight of a model, and it would learn them by heart.
constexpr double kTokensOfWeight = 10;
constexpr double kMuchText = 4e6;
constexpr double kPathShare = 0.6;  // of a corpus; the joint phase takes the rest
constexpr size_t kListedFiles = 8;

struct Shape {
  int64_t d, heads, blocks;
  // Without embedding and head: attention has 4 d^2 weights, the feed-forward part 12 d^2.
  double Body() const { return 16.0 * static_cast<double>(d * d * blocks); }
};
constexpr std::array<Shape, 6> kShapes = {
    {{32, 2, 2}, {64, 2, 3}, {128, 4, 4}, {192, 6, 4}, {256, 8, 6}, {384, 6, 8}}};

// A power of two, so that sizes look like what they are: rough.
int64_t PowerBelow(double value, int64_t least, int64_t most) {
  int64_t power = least;
  while (power * 2 <= most && static_cast<double>(power * 2) <= value) power *= 2;
  return power;
}

// Two digits or so of a number of tokens, and at least a thousand.
int64_t RoundedDown(double tokens) {
  const int64_t unit = tokens < 1e6 ? 1'000 : 100'000;
  return std::max(unit, static_cast<int64_t>(tokens) / unit * unit);
}

// For each token of each corpus: of the baseline, which is as wide as all paths and the costliest.
double OperationsOfToken(const Shape& shape, double paths, int64_t vocab) {
  return 6 * kEpochs *
         (shape.Body() * paths * paths + static_cast<double>(vocab * shape.d) * paths);
}

// Text in quotes, as YAML and JSON both read it.
std::string Quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A path as a pattern that matches it alone.
std::string Escaped(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view("*?[]{}\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// Whether the pattern means these files and no others, as the recipe in `folder` takes it.
bool MeansThese(const std::string& folder, const std::string& pattern,
                const std::vector<std::string>& paths) {
  const auto found = Glob(folder, pattern);
  if (!found.ok() || found->size() != paths.size()) return false;
  const auto normal = [](const std::string& path) {
    return std::filesystem::path(path).lexically_normal().string();
  };
  std::set<std::string> wanted;
  for (const std::string& path : paths)
    wanted.insert(normal(path.starts_with('/') ? path : JoinPath(folder, path)));
  return std::all_of(found->begin(), found->end(),
                     [&](const std::string& path) { return wanted.contains(normal(path)); });
}

// The files one by one, or many as a pattern of what their names have in common.
std::string FilesText(const std::string& folder, const std::vector<std::string>& paths) {
  if (paths.size() > kListedFiles) {
    const std::string &first = paths.front(), &last = paths.back();
    size_t same = 0, tail = 0;
    while (same < std::min(first.size(), last.size()) && first[same] == last[same]) ++same;
    const auto shares_tail = [&](size_t bytes) {
      return std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
        return path.size() >= same + bytes && path.ends_with(first.substr(first.size() - bytes));
      });
    };
    while (same + tail < first.size() && shares_tail(tail + 1)) ++tail;
    const std::string middle = first.substr(same, first.size() - same - tail);
    const std::string pattern = Escaped(first.substr(0, same)) + "*" +
                                Escaped(first.substr(first.size() - tail));
    if (middle.find('/') == std::string::npos && MeansThese(folder, pattern, paths))
      return "[" + Quoted(pattern) + "]";
  }
  std::vector<std::string> quoted;
  for (const std::string& path : paths) quoted.push_back(Quoted(Escaped(path)));
  return "[" + Join(quoted, ", ") + "]";
}

std::string CorpusText(const FirstRecipeOptions& options, const TextFacts& facts,
                       const FirstSizes& sizes) {
  std::string text = "  " + facts.name + ":\n    files: " + FilesText(options.folder, facts.paths) +
                     "\n";
  if (!facts.messages.empty()) {
    text += "    chat: {template: " + NameOf(options.chat) +
            "}   # how the messages of a row are written as one document\n";
  } else if (!facts.input_ids.empty()) {
    text += "    input_ids: " + Quoted(facts.input_ids) + "   # rows of token ids\n";
  } else if (facts.fields.size() > 1) {
    std::vector<std::string> quoted;
    for (const std::string& field : facts.fields) quoted.push_back(Quoted(field));
    text += "    join: [" + Join(quoted, ", ") + "]   # fields of a row that make one document\n";
  } else if (facts.rows) {
    text += "    text: " + Quoted(facts.fields.front()) +
            "   # the field of a row that holds the document\n";
  } else if (!facts.separator.empty()) {
    text += "    separator: " + Quoted(facts.separator) + "   # the line that ends a document\n";
  }
  const int64_t all = TokensOf(facts);
  if (sizes.tokens > 0 && all > sizes.tokens)
    text += Format(
        "    tokens: %lld   # of about %s: a first run is to end within minutes; without "
        "this line it reads all\n",
        (long long)sizes.tokens, FormatCount(static_cast<double>(all)).c_str());
  return text;
}

std::string ModelsText(const std::vector<TextFacts>& corpora, const FirstSizes& sizes) {
  const auto shape = [](int64_t d, int64_t heads, int64_t blocks) {
    return Format("d: %lld, heads: %lld, blocks: %lld", (long long)d, (long long)heads,
                  (long long)blocks);
  };
  if (corpora.size() == 1)
    return "# One model on all of it. With a second corpus there can be a path for each, trained "
           "apart\n"
           "# and then together: give braid init both.\n"
           "baselines:\n  - {name: dense, " +
           shape(sizes.d, sizes.heads, sizes.blocks) + "}   # width, heads of attention, blocks\n";
  std::string text =
      "# A small model for each corpus, trained apart, on any worker that is free.\npaths:\n";
  for (const TextFacts& facts : corpora)
    text += "  - {name: path_" + facts.name + ", corpus: " + facts.name + ", " +
            shape(sizes.d, sizes.heads, sizes.blocks) + "}\n";
  const auto count = static_cast<int64_t>(corpora.size());
  return text +
         "\n# The paths side by side, with connections between them, trained on together.\n"
         "composites:\n  - {name: together, connect: share}\n"
         "\n# For comparison: one model of the same width, trained on all text at once.\n"
         "baselines:\n  - {name: dense, " +
         shape(sizes.d * count, sizes.heads * count, sizes.blocks) + "}\n";
}

}  // namespace

spec::ChatTemplate TemplateFor(const std::string& path) {
  const Result<Json> json = ReadJsonFile(path);
  if (!json.ok() || !json->is_object()) return spec::ChatTemplate::kPlain;
  const Json tokens = json->value("added_tokens", Json::array());
  const auto adds = [&tokens](const char* token) {
    return std::any_of(tokens.begin(), tokens.end(), [token](const Json& one) {
      return one.is_object() && one.value("content", Json()) == token;
    });
  };
  if (adds("<|im_start|>")) return spec::ChatTemplate::kChatml;
  if (adds("<|start_header_id|>")) return spec::ChatTemplate::kLlama3;
  // Of its later tokenizers, which write system messages into tokens of their own, braid has none.
  if (!adds("[INST]") || adds("[SYSTEM_PROMPT]")) return spec::ChatTemplate::kPlain;
  const Json model = json->value("model", Json::object());
  const bool sentence_piece = model.is_object() && model.value("byte_fallback", Json()) == true;
  return sentence_piece ? spec::ChatTemplate::kMistralV3 : spec::ChatTemplate::kMistralTekken;
}

int64_t TokensOf(const TextFacts& facts) {
  return static_cast<int64_t>(facts.text_bytes / recipe::kBytesPerToken);
}

FirstSizes SizesFor(const std::vector<CorpusSize>& corpora) {
  std::vector<double> tokens;
  for (const CorpusSize& corpus : corpora)
    tokens.push_back(std::max(1.0, static_cast<double>(corpus.tokens)));
  const double least = *std::min_element(tokens.begin(), tokens.end());
  const auto count = static_cast<double>(tokens.size());
  FirstSizes sizes;
  // Each entry of the vocabulary is to be met some hundred times.
  double read = 0;
  for (const double one : tokens) read += std::min(one, kMuchText);
  sizes.vocab = PowerBelow(read / 512, 512, 8'192);
  sizes.sequence = PowerBelow(least / 1'024, 16, 256);
  // The largest shape that has enough text for its weights within the operations of a first run.
  const double share = tokens.size() > 1 ? kPathShare : 1;
  Shape shape = kShapes.front();
  double most = 0;
  for (const Shape& next : kShapes) {
    const double cap = kMostOperations / (count * OperationsOfToken(next, count, sizes.vocab));
    const bool enough = std::min(least, cap) * kEpochs * share >= kTokensOfWeight * next.Body();
    if (most > 0 && !enough) break;
    shape = next;
    most = cap;
  }
  sizes.d = shape.d, sizes.heads = shape.heads, sizes.blocks = shape.blocks;
  if (*std::max_element(tokens.begin(), tokens.end()) > most) sizes.tokens = RoundedDown(most);
  const double used = sizes.tokens > 0 ? std::min(least, static_cast<double>(sizes.tokens)) : least;
  // Some hundred steps, or as many as there are.
  sizes.batch = PowerBelow(used * share / static_cast<double>(sizes.sequence) / 200, 4, 32);
  sizes.steps = std::llround(used * share * kEpochs /
                             static_cast<double>(sizes.sequence * sizes.batch));
  // Each document is held out by a draw: with ten to be expected there is one. Sixteen sequences,
  // and at least a fiftieth.
  double wanted = 16.0 * static_cast<double>(sizes.sequence) / used;
  for (size_t i = 0; i < corpora.size(); ++i) {
    const double part = sizes.tokens > 0
                            ? std::min(1.0, static_cast<double>(sizes.tokens) / tokens[i])
                            : 1;
    wanted = std::max(wanted, 10 / std::max(1.0, part * static_cast<double>(corpora[i].documents)));
  }
  sizes.validation = std::clamp(std::ceil(wanted * 100) / 100, 0.02, 0.3);
  return sizes;
}

std::string FirstRecipe(const FirstRecipeOptions& options, const std::vector<TextFacts>& corpora) {
  std::vector<CorpusSize> known;
  std::vector<std::string> prompts;
  for (const TextFacts& facts : corpora) {
    known.push_back({TokensOf(facts), facts.documents});
    if (!facts.words.empty()) prompts.push_back(Quoted(facts.words));
  }
  const FirstSizes sizes = SizesFor(known);
  const bool parts = corpora.size() > 1;
  std::string text =
      "# A first recipe, written by braid init. docs/recipe.md has all settings, and braid "
      "explain\n"
      "# NAME says what one of them is; braid plan RECIPE shows all that are in force.\n"
      "run: " +
      Quoted(options.run) + "   # a name of your own\n\n";
  text +=
      options.tokenizer.empty()
          ? Format(
                "# Byte pairs, learned from the corpora. Models have a row for each entry: more "
                "of them make\n# shorter sequences and larger models.\n"
                "tokenizer: {train: {vocab: %lld}}\n\n",
                (long long)sizes.vocab)
          : "tokenizer: {file: " + Quoted(options.tokenizer) + "}\n\n";
  text += "corpora:\n";
  for (const TextFacts& facts : corpora) text += CorpusText(options, facts, sizes);
  text += "validation: {documents: " + Format("%g", sizes.validation) +
          "}   # share of the documents that is held out, to measure on\n" +
          Format("sequence: %lld   # tokens that a model sees at once\n\n",
                 (long long)sizes.sequence) +
          ModelsText(corpora, sizes);
  text += Format(
      "\ntrain:\n  batch: %lld   # sequences of one step\n  accumulate: 1\n"
      "  epochs: %lld   # how often the text is read\n"
      "  optimizer: {lr: 2e-3}   # the peak; larger models want less\n",
      (long long)sizes.batch, (long long)kEpochs);
  if (sizes.steps >= 20)
    text += Format("  warmup_steps: %lld\n",
                   (long long)std::min<int64_t>(100, sizes.steps / 20 + 1));
  if (parts)
    text += "joint:\n  ranks: 1   # processes that train a composite together; they divide batch\n";
  text += "\nevaluate:\n  - loss: all\n";
  if (!prompts.empty())
    text += "  - generate: {prompts: [" + Join(prompts, ", ") +
            "], tokens: 40}   # samples in the report\n";
  return text;
}

}  // namespace braid::submit
