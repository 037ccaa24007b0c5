#include "trainer/export/model_card.h"

#include "base/text.h"
#include "base/version.h"
#include "model/flops.h"
#include "model/tensors.h"
#include "schema/read.h"
#include "spec/card.h"
#include "storage/files/artifact_files.h"

namespace braid::trainer {
namespace {

using model::ModelSpec;
using model::Stack;

// Text of others in one cell of a table.
std::string Cell(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  std::string safe;
  for (const char c : text) safe += c == '|' ? std::string("\\|") : std::string(1, c);
  return safe;
}

std::string Row(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += " " + cell + " |";
  return row + "\n";
}

// Markdown takes rows for a table only if a rule follows the first one.
std::string Header(const std::vector<std::string>& names) {
  return Row(names) + "|" + [&] {
    std::string rule;
    for (size_t i = 0; i < names.size(); ++i) rule += "---|";
    return rule;
  }() + "\n";
}

std::string StackText(const Stack& stack) {
  std::string text = Format("%lld `%s` block%s of width %lld, %lld heads", (long long)stack.blocks,
                            stack.block->name, stack.blocks == 1 ? "" : "s", (long long)stack.d,
                            (long long)stack.heads);
  if (stack.kv_heads > 0) text += Format(" (%lld of keys and values)", (long long)stack.kv_heads);
  if (!stack.block->has_dual()) return text + Format(", feed-forward %lld", (long long)stack.ffn);
  if (stack.has_deep())
    text += Format(", deep feed-forward %lld, %lld steps", (long long)stack.dual.ffn_deep,
                   (long long)stack.dual.loops);
  if (stack.has_wide()) text += Format(", wide feed-forward %lld", (long long)stack.dual.ffn_wide);
  return text;
}

std::string ModelTable(const ModelSpec& spec, const spec::ModelCard& card) {
  std::string table = Header({"", ""});
  if (spec.kind == model::Kind::kDense) {
    table += Row({"model", StackText(spec.dense)});
  } else {
    table += Row({"model", Format("composite of %zu paths, connected by `%s`", spec.paths.size(),
                                  schema::NameOf(spec.connection.kind).c_str())});
    for (const Stack& path : spec.paths) table += Row({"path " + Cell(path.name), StackText(path)});
    table += Row({"large blocks", spec.large.blocks > 0 ? StackText(spec.large) : "none"});
  }
  table += Row({"parameters", Format("%lld (%lld without embedding and head)",
                                     (long long)model::ParameterCount(spec),
                                     (long long)model::BodyParameterCount(spec))});
  table += Row(
      {"forward pass", Format("%.1f MFLOP a token at %lld tokens",
                              model::ForwardFlopsPerToken(spec) / 1e6, (long long)spec.sequence)});
  table += Row({"vocabulary", Format("%lld rows, end of text %lld, pad %lld", (long long)spec.vocab,
                                     (long long)spec.eos_id, (long long)spec.pad_id)});
  if (!spec.tokenizer.empty())
    table += Row({artifact_files::kTokenizer, "SHA-256 `" + spec.tokenizer + "`"});
  if (card.tokens > 0) table += Row({"trained on", Format("%lld tokens", (long long)card.tokens)});
  if (!card.run.id.empty())
    table += Row({"run", Cell(card.run.name.empty() ? card.run.id
                                                    : card.run.name + " (" + card.run.id + ")")});
  return table;
}

// A count of 0 is unknown.
std::string CountCell(int64_t count) {
  return count > 0 ? std::to_string(count) : "";
}

std::string CorporaTable(const std::vector<spec::CardCorpus>& corpora) {
  std::string table = "\n## Data\n\n" + Header({"corpus", "tokens", "documents"});
  for (const spec::CardCorpus& corpus : corpora)
    table += Row({Cell(corpus.name), CountCell(corpus.tokens), CountCell(corpus.documents)});
  return table;
}

std::string ParentsTable(const std::vector<spec::CardParent>& parents) {
  std::string table = "\n## Lineage\n\nMade from:\n\n" +
                      Header({"model", "artifact", "trained on, tokens"});
  for (const spec::CardParent& parent : parents) {
    table += Row({Cell(parent.name),
                  parent.artifact.empty() ? "" : "`" + Cell(parent.artifact) + "`",
                  CountCell(parent.tokens)});
  }
  return table;
}

Result<std::string> EvaluationTable(const Json& evaluation) {
  std::string table = "\n## Held-out text\n\n" +
                      Header({"corpus", "loss, nats a token", "perplexity", "tokens"});
  for (const auto& [corpus, values] : evaluation.items()) {
    JsonReader read(values, "card.evaluation." + corpus);
    const double loss = read.RequireDouble("loss"), perplexity = read.RequireDouble("perplexity");
    const int64_t tokens = read.Int("tokens", 0);
    BRAID_RETURN_IF_ERROR(read.Finish());
    table += Row(
        {Cell(corpus), Format("%.4f", loss), Format("%.2f", perplexity), std::to_string(tokens)});
  }
  return table;
}

// What the Hugging Face Hub reads of a card: YAML between two rules. The license is quoted as JSON,
// which is YAML, too.
std::string FrontMatter(const ModelSpec& spec, const spec::ModelCard& card) {
  std::string text = "---\nlibrary_name: transformers\npipeline_tag: text-generation\n";
  if (!card.license.empty()) text += "license: " + Json(card.license).dump() + "\n";
  text += std::string("tags:\n- braid\n- ") +
          (spec.kind == model::Kind::kComposite ? "composite" : spec.dense.block->name) +
          "\n---\n\n";
  return text;
}

// Transformers knows Llama; for all other models it runs the code that is exported with them, if
// its user says so.
std::string HowToLoad(bool llama) {
  const std::string trust = llama ? "" : ", trust_remote_code=True";
  return "\n## Use\n\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
         "tokenizer = AutoTokenizer.from_pretrained(\".\"" +
         trust +
         ")\n"
         "model = AutoModelForCausalLM.from_pretrained(\".\"" +
         trust +
         ")\n"
         "inputs = tokenizer(\"Once upon a time\", return_tensors=\"pt\")\n"
         "print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0]))\n```\n" +
         (llama ? ""
                : "\nThe model's code is in `modeling_braid.py`, beside the weights; it computes "
                  "whole sequences, without a cache.\n");
}

}  // namespace

Result<std::string> ModelCard(const ModelSpec& spec, const Json& json, bool llama) {
  BRAID_ASSIGN_OR_RETURN(
      const spec::ModelCard card,
      schema::FromJson<spec::ModelCard>(json.is_null() ? Json::object() : json, "card"));
  std::string text = FrontMatter(spec, card) + "# " + spec.name + "\n\n";
  text += card.summary.empty()
              ? std::string("Pretrained and exported by braid ") + kVersion + ".\n\n"
              : card.summary + "\n\n";
  text += ModelTable(spec, card);
  if (spec.arch.router_noise == model::RouterNoise::kAlways && spec.connection.is_routed()) {
    text +=
        "\nTrained with `router_noise: always`: the paper draws Gumbel noise in evaluation too. "
        "Here it is off, so that equal input "
        "gives equal output; `router_noise` in `config.json` turns it on.\n";
  }
  if (!card.corpora.empty()) text += CorporaTable(card.corpora);
  if (!card.parents.empty()) text += ParentsTable(card.parents);
  if (!card.evaluation.empty()) {
    BRAID_ASSIGN_OR_RETURN(const std::string table, EvaluationTable(card.evaluation));
    text += table;
  }
  text += HowToLoad(llama);
  if (!card.recipe.empty())
    text += "\n## Recipe\n\n```yaml\n" + card.recipe + (card.recipe.ends_with('\n') ? "" : "\n") +
            "```\n";
  return text;
}

}  // namespace braid::trainer
