// A first recipe for somebody's own text: sizes that suit the text and this kind of machine, with a
// comment beside each line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/chat.h"
#include "submit/text_facts.h"

namespace braid::submit {

// The sizes that are chosen for an amount of text.
struct FirstSizes {
  int64_t vocab = 0;
  int64_t sequence = 0;
  int64_t d = 0, heads = 0, blocks = 0;
  int64_t batch = 0;
  // Share of the documents that is held out.
  double validation = 0;
  // A cap on the tokens of each corpus, so that the first run ends within minutes; 0: none.
  int64_t tokens = 0;
  // Steps of the training of one model over the smallest corpus, for the warm-up.
  int64_t steps = 0;
};

// The names in the first recipe.
struct FirstRecipeOptions {
  std::string run;
  // A tokenizer.json as the recipe will name it; empty: one is trained.
  std::string tokenizer;
  // Where the recipe will stand.
  std::string folder = ".";
  // Of corpora of chats.
  spec::ChatTemplate chat = spec::ChatTemplate::kPlain;
};

// The estimated size of a corpus.
struct CorpusSize {
  int64_t tokens = 0;
  int64_t documents = 0;
};

// Chooses the sizes. REQUIRES: `corpora` is not empty.
FirstSizes SizesFor(const std::vector<CorpusSize>& corpora);

// The YAML text. `paths` of the facts are written as they are, so they must be relative to the
// recipe's folder, or absolute.
std::string FirstRecipe(const FirstRecipeOptions& options, const std::vector<TextFacts>& corpora);

// The template whose tokens the tokenizer.json at `path` has, chatml, llama3 or one of Mistral's
// with an added [INST]; the plain one if it has those of none, or cannot be read.
spec::ChatTemplate TemplateFor(const std::string& path);

// The estimated tokens of a corpus.
int64_t TokensOf(const TextFacts& facts);

}  // namespace braid::submit
