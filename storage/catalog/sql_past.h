// The implementation of Past over the tables of the catalog.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog/database.h"
#include "storage/catalog/past.h"

namespace braid::catalog {

// Reads through a connection that outlives it, and that is used by one thread at a time.
class SqlPast final : public Past {
 public:
  explicit SqlPast(Database* database) : database_(database) {}

  Result<std::optional<RunRows>> ReadRun(const std::string& id) override;
  Result<std::vector<ArtifactRecord>> ReadMade(const std::string& run) override;
  Result<std::optional<ArtifactRecord>> ReadArtifact(const std::string& id) override;
  Result<std::vector<std::string>> RunsWithPrefix(const std::string& prefix,
                                                  int64_t limit) override;
  Result<std::vector<std::string>> ArtifactsWithPrefix(const std::string& prefix,
                                                       int64_t limit) override;
  Result<std::vector<std::pair<int64_t, std::string>>> RunsNamed(const std::string& name,
                                                                 int64_t limit) override;
  Result<std::vector<std::string>> EndedUsersOf(const std::string& artifact,
                                                int64_t limit) override;

 private:
  Database* const database_;
};

}  // namespace braid::catalog
