// The engines that there are, and the words for each in messages for people.
#pragma once

#include <string>
#include <string_view>

namespace braid::pool {

struct EngineWords {
  std::string_view engine;   // the value of --engine
  std::string_view title;    // "Slurm"
  std::string_view where;    // "in Slurm": where its jobs wait
  std::string_view answers;  // its list can be read again
  std::string_view takes;    // it takes jobs again, after it refused some
  // The state of a job that is not in the list any more, and what to do: it ended a while ago, or
  // somebody removed it.
  std::string_view vanished, vanished_advice;
};

// Whether there is an engine of this name.
bool IsEngine(std::string_view engine);
// Their names in a sentence: "slurm, kubernetes and local".
std::string EngineNames();
// The words of the engine; those of slurm if there is none of this name.
const EngineWords& WordsOfEngine(std::string_view engine);

}  // namespace braid::pool
