#include "pool/engine_words.h"

#include <algorithm>
#include <iterator>

namespace braid::pool {
namespace {

constexpr EngineWords kEngines[] = {
    {.engine = "slurm",
     .title = "Slurm",
     .where = "in Slurm",
     .answers = "Slurm answers again",
     .takes = "Slurm takes jobs again",
     .vanished = "COMPLETED",
     .vanished_advice = ""},
    {.engine = "kubernetes",
     .title = "Kubernetes",
     .where = "in Kubernetes",
     .answers = "the API server of Kubernetes answers again",
     .takes = "Kubernetes takes jobs again",
     .vanished = "CANCELLED",
     .vanished_advice = "somebody deleted it, or it ended more than an hour ago; the agent asks "
                        "again as long as jobs wait, unless the pool is deleted (`braid pool "
                        "delete`)"},
    {.engine = "local",
     .title = "this machine",
     .where = "on this machine",
     .answers = "workers can be started on this machine again",
     .takes = "workers start on this machine again",
     .vanished = "COMPLETED",
     .vanished_advice = ""},
};

const EngineWords* Find(std::string_view engine) {
  const auto* found = std::find_if(std::begin(kEngines), std::end(kEngines),
                                   [&](const EngineWords& one) { return one.engine == engine; });
  return found == std::end(kEngines) ? nullptr : found;
}

}  // namespace

bool IsEngine(std::string_view engine) {
  return Find(engine) != nullptr;
}

std::string EngineNames() {
  std::string names;
  for (size_t i = 0; i < std::size(kEngines); ++i) {
    if (i > 0) names += i + 1 < std::size(kEngines) ? ", " : " and ";
    names += kEngines[i].engine;
  }
  return names;
}

const EngineWords& WordsOfEngine(std::string_view engine) {
  const EngineWords* found = Find(engine);
  return found == nullptr ? kEngines[0] : *found;
}

}  // namespace braid::pool
