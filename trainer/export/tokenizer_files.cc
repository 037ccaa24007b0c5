#include "trainer/export/tokenizer_files.h"

#include "base/file.h"
#include "base/text.h"
#include "corpus/tokenizer.h"

namespace braid::trainer {
namespace {

// A name that the tokenizer does not use yet: <|pad|>, <|pad_1|>, ... A name in use would make the
// pad an ordinary token.
std::string PadName(const corpus::Tokenizer& tokenizer) {
  for (int attempt = 0;; ++attempt) {
    const std::string name = attempt == 0 ? "<|pad|>" : Format("<|pad_%d|>", attempt);
    bool taken = false;
    for (int32_t id = 0; id < tokenizer.entries() && !taken; ++id)
      taken = tokenizer.Bytes(id) == name;
    if (!taken) return name;
  }
}

}  // namespace

Result<TokenizerFiles> MakeTokenizerFiles(const model::ModelSpec& spec,
                                          const std::string& tokenizer_file) {
  TokenizerFiles files;
  BRAID_ASSIGN_OR_RETURN(files.tokenizer, ReadFile(tokenizer_file, uint64_t{256} << 20));
  BRAID_ASSIGN_OR_RETURN(const auto tokenizer,
                         corpus::Tokenizer::Parse(files.tokenizer, tokenizer_file));
  if (!spec.tokenizer.empty() && spec.tokenizer != tokenizer->digest()) {
    return InvalidArgument(tokenizer_file + " is another tokenizer (" +
                           tokenizer->digest().substr(0, 12) + ") than that of model " + spec.name +
                           " (" + spec.tokenizer.substr(0, 12) + ")");
  }
  if (spec.pad_id != tokenizer->pad_id() || spec.vocab < tokenizer->vocab()) {
    return InvalidArgument(
        Format("model %s has %lld rows and pad %lld, %s has %lld entries: the pad must be the "
               "first id behind them",
               spec.name.c_str(), (long long)spec.vocab, (long long)spec.pad_id,
               tokenizer_file.c_str(), (long long)tokenizer->entries()));
  }
  const std::string end(tokenizer->Bytes(tokenizer->eos_id()));
  files.special_tokens = {{"bos_token", end},
                          {"eos_token", end},
                          {"unk_token", end},
                          {"pad_token", PadName(*tokenizer)}};
  files.config = files.special_tokens;
  files.config.update(
      {{"tokenizer_class", "PreTrainedTokenizerFast"},
       {"model_max_length", spec.arch.rope_max_pos > 0 ? spec.arch.rope_max_pos : spec.sequence},
       {"padding_side", "right"},
       // Version 4 of transformers would add token types, which no model here takes.
       {"model_input_names", {"input_ids", "attention_mask"}},
       {"clean_up_tokenization_spaces", false}});
  return files;
}

}  // namespace braid::trainer
