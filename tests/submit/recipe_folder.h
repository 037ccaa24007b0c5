// A folder with a small recipe and the files that it names.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "submit/load.h"

namespace braid::submit {

// The recipe at `path`, or all that is an error in it.
inline Result<RecipeFile> Load(const std::string& path, const std::vector<std::string>& only = {}) {
  auto loaded = LoadRecipe(path, only);
  if (!loaded.ok()) return loaded.status();
  if (const Status status = StatusOf(loaded->findings); !status.ok()) return status;
  return std::move(loaded->file);
}

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

}  // namespace braid::submit
