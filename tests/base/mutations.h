// Every way to spoil one value of a JSON document: what reads a stranger's file must answer each
// with a Status or take it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace braid {

// Calls `use` with `document`, each of its values in turn replaced by one of every type, and each
// of its keys and elements in turn left out; `what` says what was done. Lists are spoiled at their
// first and last elements.
inline void ForEachMutation(
    const Json& document,
    const std::function<void(const Json& mutated, const std::string& what)>& use) {
  const std::vector<Json> others = {nullptr,
                                    true,
                                    -1,
                                    0,
                                    1e300,
                                    9223372036854775807LL,
                                    "",
                                    "text",
                                    Json::array(),
                                    Json::object(),
                                    Json::array({nullptr}),
                                    Json::object({{"type", nullptr}})};
  const std::function<void(const Json::json_pointer&)> visit =
      [&](const Json::json_pointer& place) {
        for (const Json& other : others) {
          Json mutated = document;
          mutated[place] = other;
          use(mutated, place.to_string() + " = " + other.dump());
        }
        const Json& value = document.at(place);
        std::vector<std::string> keys;
        if (value.is_object()) {
          for (const auto& [key, unused] : value.items()) keys.push_back(key);
        } else if (value.is_array() && !value.empty()) {
          keys = {"0", std::to_string(value.size() - 1)};
        }
        for (const std::string& key : keys) {
          Json without = document;
          if (value.is_object()) {
            without.at(place).erase(key);
          } else {
            without.at(place).erase(std::stoul(key));
          }
          use(without, place.to_string() + " without " + key);
          visit(value.is_object() ? place / key : place / std::stoul(key));
        }
      };
  visit(Json::json_pointer());
}

}  // namespace braid
