// The YAML back end of the reader of settings: places are lines and columns of the recipe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "recipe/parse/yaml_reader.h"
#include "schema/read.h"

namespace braid::recipe {

class YamlSource : public schema::Source {
 public:
  // `map` must outlive this, and says itself which keys nobody asked for: a section may have keys
  // that are read by hand besides.
  explicit YamlSource(YamlMap& map) : map_(map) {}
  explicit YamlSource(std::unique_ptr<YamlMap> map) : owned_(std::move(map)), map_(*owned_) {}

  // Fields of `schema` that are absent are no defaults here: they come from another section.
  void Inherit(const schema::Schema& schema) { inherited_ = &schema; }

  bool Has(const std::string& field) const override { return map_.Has(field); }
  Json Value(const schema::Field& field) override;
  std::unique_ptr<schema::Source> Section(const schema::Field& field) override;
  std::vector<std::unique_ptr<schema::Source>> Sections(const schema::Field& field) override;
  void FailAt(const std::vector<std::string>& fields, const std::string& message) override;
  void NoteDefault(const schema::Field& field, const Json& value) override;
  void Finish() override {}

 private:
  std::unique_ptr<YamlMap> owned_;
  YamlMap& map_;
  const schema::Schema* inherited_ = nullptr;
  bool within_inherited_ = false;
};

// Reads the fields of a struct that stand in `map` over those in `object`.
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
