// The measurements of one model, by the C++ type of each kind, and how each kind is read. This
// header does not list the kinds: parts of the report bring theirs (report/parts/part.h), so that a
// new kind needs no field in a struct that everything includes.
#pragma once

#include <any>
#include <map>
#include <string>
#include <typeindex>
#include <typeinfo>
#include <utility>

#include "base/json.h"
#include "base/status.h"

namespace braid::report {

// At most one value of each type. Copies are deep.
//
//   measurements.Set(Blimp{...});
//   if (const Blimp* blimp = measurements.Find<Blimp>(); blimp != nullptr) ...
class Measurements {
 public:
  // Null if nothing of the type was measured. The pointer is good until the next Set of the type.
  template <typename T>
  const T* Find() const {
    const auto found = values_.find(typeid(T));
    return found == values_.end() ? nullptr : std::any_cast<T>(&found->second);
  }
  // The same, to be changed.
  template <typename T>
  T* Find() {
    return const_cast<T*>(std::as_const(*this).Find<T>());
  }

  // Replaces what was there; answers the value as it is kept.
  template <typename T>
  T& Set(T value) {
    std::any& kept = values_[typeid(T)];
    kept = std::move(value);
    return *std::any_cast<T>(&kept);
  }

  // Removes the value of the type, if there is one.
  template <typename T>
  void Remove() {
    values_.erase(typeid(T));
  }

 private:
  std::map<std::type_index, std::any> values_;
};

// A field of evaluation.json and its reader.
struct EvaluationField {
  const char* name;
  // Adds what `json`, the field's value and not null, says; errors begin with `path`.
  Status (*read)(const Json& json, const std::string& path, Measurements* measurements);
};

// The field that `kRead` reads, a function from (const Json&, const std::string& path) to a Result:
// FieldOf<ReadBlimp>("blimp").
template <auto kRead>
EvaluationField FieldOf(const char* name) {
  return {name, [](const Json& json, const std::string& path, Measurements* measurements) {
            auto value = kRead(json, path);
            if (!value.ok()) return value.status();
            measurements->Set(std::move(value).value());
            return OkStatus();
          }};
}

}  // namespace braid::report
