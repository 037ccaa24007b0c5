// Recipes (YAML) as a source for the reader of settings (schema/read.h): the places of errors are
// lines and columns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "recipe/parse/yaml_reader.h"
#include "schema/read.h"

namespace braid::recipe {

// One mapping of the recipe.
class YamlSource : public schema::Source {
 public:
  // `map` outlives this; or this owns it. The map reports unknown keys itself, so that a section
  // may also have keys that are read directly from it.
  explicit YamlSource(YamlMap& map) : map_(map) {}
  explicit YamlSource(std::unique_ptr<YamlMap> map) : owned_(std::move(map)), map_(*owned_) {}

  // Absent fields of `schema` are not recorded as defaults, because they come from another section.
  void Inherit(const schema::Schema& schema) { inherited_ = &schema; }

  bool Has(const std::string& field) const override { return map_.Has(field); }
  Json Value(const schema::Field& field) override;
  std::unique_ptr<schema::Source> Section(const schema::Field& field) override;
  std::vector<std::unique_ptr<schema::Source>> Sections(const schema::Field& field) override;
  void FailAt(const std::vector<std::string>& fields, const std::string& message) override;
  void NoteDefault(const schema::Field& field, const Json& value) override;
  // YamlMap's destructor does this.
  void Finish() override {}

 private:
  // A mapping of names to numbers or texts.
  Json NamedValues(const schema::Field& field, const YAML::Node& node);

  std::unique_ptr<YamlMap> owned_;
  YamlMap& map_;
  // Fields that are inherited; null for none.
  const schema::Schema* inherited_ = nullptr;
  // Whether this section is within one whose fields are inherited.
  bool within_inherited_ = false;
};

// Reads the fields of a struct that `map` has over those in `object`; absent fields keep their
// values.
template <class T>
void ReadFields(YamlMap& map, T* object) {
  YamlSource source(map);
  schema::Read(source, schema::FieldsOf<T>(), object);
}

// The same of fields that stand among other keys of `map`.
inline void ReadAmong(YamlMap& map, const schema::Schema& fields, void* object) {
  YamlSource source(map);
  schema::ReadAmong(source, fields, object);
}

// Reads one field of a struct that stands in `map`.
template <class T>
void ReadOne(YamlMap& map, const std::string& field, T* object) {
  YamlSource source(map);
  schema::ReadField(source, schema::FieldsOf<T>(), field, object);
}

}  // namespace braid::recipe
