#include "base/text.h"
#include "model/block.h"

namespace braid::model {

// A new block: its name in both lists.
extern const BlockKind kWideBlock, kLoopBlock, kDualPathBlock;

const std::vector<const BlockKind*>& Registered(const BlockKind*) {
  static const std::vector<const BlockKind*> kBlocks = {&kLlamaBlock, &kWideBlock, &kLoopBlock,
                                                        &kDualPathBlock};
  return kBlocks;
}

bool BlockKind::HasSetting(std::string_view field) const {
  for (const char* own : settings) {
    if (field == own) return true;
  }
  return false;
}

std::string BlocksWithSetting(std::string_view field) {
  std::vector<std::string> names;
  for (const BlockKind* block : Registered(static_cast<const BlockKind*>(nullptr))) {
    if (block->HasSetting(field)) names.emplace_back(block->name);
  }
  return Join(names, " or ");
}

}  // namespace braid::model
