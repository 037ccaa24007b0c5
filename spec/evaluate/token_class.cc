#include "spec/evaluate/token_class.h"

namespace braid::spec {

const schema::Words& WordsOf(TokenClass) {
  static const schema::Words words = {"WORD", "NUM",  "PUNCT", "SYM",   "SPACE", "OTHER", "ADJ",
                                      "ADP",  "ADV",  "AUX",   "CCONJ", "DET",   "INTJ",  "NOUN",
                                      "PART", "PRON", "PROPN", "SCONJ", "VERB",  "X"};
  return words;
}

}  // namespace braid::spec
