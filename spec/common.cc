#include "spec/common.h"

namespace braid::spec {

const schema::Words& WordsOf(Compat) {
  static const schema::Words words = {"fixed", "paper"};
  return words;
}

const schema::Words& WordsOf(LossAverage) {
  static const schema::Words words = {"token_mean", "batch_mean"};
  return words;
}

}  // namespace braid::spec
