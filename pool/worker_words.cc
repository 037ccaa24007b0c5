#include "pool/worker_words.h"

#include "base/text.h"
#include "pool/shell.h"

namespace braid::pool {

std::string WorkerWords(const Settings& s) {
  std::string words = ShellQuoted(s.worker_program);
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) words += " " + option + " " + ShellQuoted(value);
  };
  add("--address-file", s.address_file);
  add("--coordinator", s.coordinator);
  add("--token-file", s.token_file);
  add("--ca", s.ca);
  add("--site", s.site);
  add("--kinds", Join(s.kinds, ","));
  for (const std::string& root : s.data_roots) add("--data-root", root);
  for (const std::string& host : s.fetch_from) add("--fetch-from", host);
  add("--slots", std::to_string(s.cpu_slots));
  add("--until-idle", s.until_idle);
  return words + " --ephemeral";
}

}  // namespace braid::pool
