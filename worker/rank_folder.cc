#include "worker/rank_folder.h"

#include <string_view>

#include "base/sha256.h"
#include "base/text.h"

namespace braid::worker {
namespace {

constexpr size_t kLongest = 200;  // bytes; file systems take 255, and copies of the folder get an
                                  // ending
constexpr std::string_view kPlain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

std::string Encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += Format("%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace

std::string RankFolderName(const RankKey& key) {
  // '+' is never part of what is encoded, so no two keys give one name.
  const std::string name = Encoded(key.run) + "+" + Encoded(key.job) + "+" +
                           std::to_string(key.epoch) + "+" + std::to_string(key.rank);
  return name.size() <= kLongest ? name : Sha256Hex(name);
}

}  // namespace braid::worker
