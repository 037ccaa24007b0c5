#include "base/random.h"

#include <sys/random.h>

#include <cmath>
#include <cstring>
#include <numbers>
#include <string>
#include <utility>

#include "base/normal_pairs.h"
#include "base/status.h"
#include "base/text.h"

namespace braid {
namespace {

// FNV-1a with a final mix, as FNV alone changes the high bits little for short names. The hash is
// part of what makes results reproducible: another one would change all initial weights and
// shuffles.
uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdu;
  return hash ^ hash >> 33;
}

PairStream PairStreamOf(const std::array<uint32_t, 2>& key, uint64_t name_hash) {
  return {{key[0], key[1]},
          {static_cast<uint32_t>(name_hash), static_cast<uint32_t>(name_hash >> 32)}};
}

// The Box-Muller transform of one block, which has the two 64-bit numbers Bits(2 * pair) and
// Bits(2 * pair + 1). u lies in (0, 1], so that log(0) cannot occur.
void ExactNormalPair(const PairStream& stream, uint64_t pair, float* out) {
  const auto block = Philox({static_cast<uint32_t>(pair), static_cast<uint32_t>(pair >> 32),
                             stream.name[0], stream.name[1]},
                            {stream.key[0], stream.key[1]});
  const uint64_t first = uint64_t{block[1]} << 32 | block[0];
  const uint64_t second = uint64_t{block[3]} << 32 | block[2];
  const double u = (static_cast<double>(first >> 11) + 1.0) * 0x1p-53;
  const double v = static_cast<double>(second >> 11) * 0x1p-53;
  const double radius = std::sqrt(-2.0 * std::log(u));
  const double angle = 2.0 * std::numbers::pi * v;
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

}  // namespace

std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  // Philox4x32-10 (Salmon et al., 2011), with its published constants.
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

RandomStream::RandomStream(uint64_t seed, std::string_view name)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      name_hash_(HashName(name)) {}

std::array<uint32_t, 4> RandomStream::Block(uint64_t n) const {
  return Philox({static_cast<uint32_t>(n), static_cast<uint32_t>(n >> 32),
                 static_cast<uint32_t>(name_hash_), static_cast<uint32_t>(name_hash_ >> 32)},
                key_);
}

uint64_t RandomStream::Bits(uint64_t n) const {
  const auto block = Block(n / 2);
  const size_t half = 2 * (n % 2);
  return uint64_t{block[half + 1]} << 32 | block[half];
}

double RandomStream::Uniform(uint64_t n) const {
  return static_cast<double>(Bits(n) >> 11) * 0x1p-53;
}
float RandomStream::UniformFloat(uint64_t n) const {
  return static_cast<float>(Bits(n) >> 40) * 0x1p-24F;
}

uint64_t RandomStream::Below(uint64_t n, uint64_t bound) const {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(Bits(n)) * bound >> 64);
}

std::array<float, 2> RandomStream::NormalPair(uint64_t pair) const {
  std::array<float, 2> numbers;
  ExactNormalPair(PairStreamOf(key_, name_hash_), pair, numbers.data());
  return numbers;
}

float RandomStream::Normal(uint64_t n) const {
  return NormalPair(n / 2)[n % 2];
}

void RandomStream::Normals(uint64_t first, int64_t count, float* out) const {
  uint64_t n = first;
  const uint64_t end = first + static_cast<uint64_t>(count);
  // Numbers come in pairs; a range that begins or ends within one takes half of it.
  if (n % 2 == 1 && n < end) *out++ = Normal(n++);
  const int64_t pairs = static_cast<int64_t>(end - n) / 2;
  BestNormalPairs().fill(PairStreamOf(key_, name_hash_), n / 2, pairs, out, ExactNormalPair);
  n += 2 * static_cast<uint64_t>(pairs);
  if (n < end) out[2 * pairs] = Normal(n);
}

std::vector<uint32_t> Permutation(const RandomStream& stream, uint32_t count) {
  std::vector<uint32_t> order(count);
  for (uint32_t i = 0; i < count; ++i) order[i] = i;
  for (uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[stream.Below(count - i, i)]);
  return order;
}

std::string RandomUuid() {
  unsigned char bytes[16];
  BRAID_CHECK(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
  // Version 4, variant 1 of RFC 4122.
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += Format("%02x", bytes[i]);
  }
  return text;
}

}  // namespace braid
