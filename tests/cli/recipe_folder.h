// A folder with a small recipe and the files that it names.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"

namespace braid::cli {

class RecipeFolder : public testing::Test {
 protected:
  RecipeFolder() : folder_(std::move(TemporaryFolder::Create()).value()) {
    Write("a/one.jsonl", std::string(4000, 'x'));
    Write("b/one.jsonl", std::string(8000, 'x'));
    Write("b/two.txt.gz", "z");
  }

  std::string At(const std::string& name) const { return JoinPath(folder_.path(), name); }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeFolder(std::string(FolderOf(At(name)))).ok());
    ASSERT_TRUE(WriteFileAtomic(At(name), text).ok());
  }

  std::string Recipe(const std::string& corpora, const std::string& more = "") {
    Write("recipe.yaml", "run: small\ntokenizer: {train: {vocab: 300}}\ncorpora:\n" + corpora +
                             "baselines: [{name: m, d: 8, heads: 2, blocks: 1}]\n" + more);
    return At("recipe.yaml");
  }

  TemporaryFolder folder_;
};

}  // namespace braid::cli
