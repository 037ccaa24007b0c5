// What leaves a cache that is too large: by examples, and by properties of random caches.
#include "worker/agent/cache_policy.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/random.h"

namespace braid::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CachePolicyTest, TheLeastRecentlyUsedGoesFirst) {
  CacheContent content;
  content.artifacts["new"] = {{{"n", 40}}, 300};
  content.artifacts["old"] = {{{"o", 40}}, 100};
  content.artifacts["mid"] = {{{"m", 40}}, 200};
  EXPECT_EQ(BytesOf(content), 120u);
  EXPECT_TRUE(ToEvict(content, {}, 120).empty());
  EXPECT_THAT(ToEvict(content, {}, 119).artifacts, ElementsAre("old"));
  EXPECT_THAT(ToEvict(content, {}, 79).artifacts, ElementsAre("old", "mid"));
  EXPECT_THAT(ToEvict(content, {.artifacts = {"old"}}, 80).artifacts, ElementsAre("mid"));
}

TEST(CachePolicyTest, ASharedBlobStaysWithItsLastArtifactAndCountsOnce) {
  CacheContent content;
  content.artifacts["a"] = {{{"shared", 50}, {"x", 10}}, 100};
  content.artifacts["b"] = {{{"shared", 50}, {"y", 10}}, 200};
  EXPECT_EQ(BytesOf(content), 70u);
  const Eviction eviction = ToEvict(content, {}, 60);
  EXPECT_THAT(eviction.artifacts, ElementsAre("a"));
  EXPECT_THAT(eviction.blobs, ElementsAre("x"));
  EXPECT_THAT(ToEvict(content, {}, 0).blobs, ElementsAre("x", "shared", "y"));
}

TEST(CachePolicyTest, WhatBelongsToNoArtifactGoesBeforeAll) {
  CacheContent content;
  content.artifacts["a"] = {{{"x", 10}}, 100};
  content.loose = {{"l1", 5}, {"l2", 5}};
  EXPECT_THAT(ToEvict(content, {}, 15).blobs, ElementsAre("l1"));
  EXPECT_THAT(ToEvict(content, {}, 15).artifacts, IsEmpty());
  EXPECT_THAT(ToEvict(content, {.blobs = {"l1"}}, 15).blobs, ElementsAre("l2")) << "it is in use";
}

TEST(CachePolicyTest, WhateverTheCacheIsTheLimitIsKeptAndNothingInUseIsRemoved) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    const RandomStream draws(seed, "cache");
    uint64_t drawn = 0;
    const auto below = [&](uint64_t bound) { return draws.Below(drawn++, bound); };
    const auto blob = [&] { return "b" + std::to_string(below(12)); };
    const auto size_of = [](const std::string& name) { return 1 + std::stoull(name.substr(1)); };
    CacheContent content;
    for (uint64_t i = below(8); i > 0; --i) {
      CachedArtifact& artifact = content.artifacts["a" + std::to_string(i)];
      artifact.used = static_cast<int64_t>(below(5));
      for (uint64_t files = 1 + below(4); files > 0; --files) {
        const std::string name = blob();
        artifact.blobs[name] = size_of(name);
      }
    }
    for (uint64_t i = below(4); i > 0; --i) content.loose.insert({"l" + std::to_string(i), i});
    CacheUse use;
    for (uint64_t i = below(3); i > 0; --i)
      use.artifacts.insert("a" + std::to_string(1 + below(7)));
    for (uint64_t i = below(3); i > 0; --i) use.blobs.insert(blob());
    const uint64_t limit = below(60);

    const Eviction eviction = ToEvict(content, use, limit);
    CacheContent left = content;
    for (const std::string& id : eviction.artifacts) {
      EXPECT_FALSE(use.artifacts.contains(id));
      EXPECT_EQ(left.artifacts.erase(id), 1u) << "each once, and only what is there";
    }
    for (const std::string& sha256 : eviction.blobs) {
      EXPECT_FALSE(use.blobs.contains(sha256));
      left.loose.erase(sha256);
      for (const auto& [id, artifact] : left.artifacts)
        EXPECT_FALSE(artifact.blobs.contains(sha256)) << id << " has lost a blob";
    }
    // Blobs of removed artifacts that had to stay, because they are in use.
    for (const auto& [id, artifact] : content.artifacts) {
      for (const auto& [sha256, size] : artifact.blobs) {
        const bool removed = std::count(eviction.blobs.begin(), eviction.blobs.end(), sha256) > 0;
        if (!left.artifacts.contains(id) && !removed) left.loose[sha256] = size;
      }
    }
    const bool all_in_use = std::all_of(
        left.artifacts.begin(), left.artifacts.end(),
        [&](const auto& entry) { return use.artifacts.contains(entry.first); });
    EXPECT_TRUE(BytesOf(left) <= limit || all_in_use);
    EXPECT_TRUE(BytesOf(content) > limit || eviction.empty());
    // Nothing that was used later than what stays is removed.
    int64_t newest_removed = -1;
    for (const std::string& id : eviction.artifacts)
      newest_removed = std::max(newest_removed, content.artifacts.at(id).used);
    for (const auto& [id, artifact] : left.artifacts) {
      EXPECT_TRUE(use.artifacts.contains(id) || artifact.used >= newest_removed) << id;
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace braid::worker
