#include "pool/worker_words.h"

#include "base/text.h"
#include "pool/memory.h"
#include "pool/shell.h"

namespace braid::pool {

std::vector<std::pair<std::string, std::string>> StayOptions(const Settings& s) {
  std::vector<std::pair<std::string, std::string>> options;
  if (!s.site.empty()) options.emplace_back("--site", s.site);
  if (!s.kinds.empty()) options.emplace_back("--kinds", Join(s.kinds, ","));
  for (const std::string& root : s.data_roots) options.emplace_back("--data-root", root);
  for (const std::string& host : s.fetch_from) options.emplace_back("--fetch-from", host);
  options.emplace_back("--slots", std::to_string(s.cpu_slots));
  // In a pod, the worker sees its limit; and its image may be of a version without this option.
  if (!s.memory.empty() && s.engine != "kubernetes")
    options.emplace_back("--memory", std::to_string(MemoryOfWorker(s)) + "B");
  options.emplace_back("--until-idle", s.until_idle);
  return options;
}

std::string WorkerWords(const Settings& s) {
  std::string words = ShellQuoted(s.worker_program);
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) words += " " + option + " " + ShellQuoted(value);
  };
  add("--address-file", s.address_file);
  add("--coordinator", s.coordinator);
  add("--token-file", s.token_file);
  add("--ca", s.ca);
  for (const auto& [option, value] : StayOptions(s)) add(option, value);
  return words + " --ephemeral";
}

}  // namespace braid::pool
