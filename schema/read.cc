#include "schema/read.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/excerpt.h"
#include "base/text.h"
#include "schema/empty_value.h"

namespace braid::schema {
namespace {

using Finding = std::pair<std::vector<std::string>, std::string>;

// The errors that the rules between fields find in an object.
std::set<Finding> FindingsOf(const Schema& schema, const void* object) {
  std::set<Finding> findings;
  const Fail fail = [&](const std::vector<std::string>& fields, const std::string& message) {
    findings.emplace(fields, message);
  };
  for (const auto& check : schema.checks) check(object, fail);
  return findings;
}

// All of these answer whether nothing was wrong. `is_whole`: the mapping has no other fields.
bool ReadAll(Source& source, const Schema& schema, bool is_there, bool is_new, void* object,
             bool is_whole = true);

bool Fail(Source& source, const std::string& field, const std::string& message) {
  source.FailAt({field}, message);
  return false;
}

bool ReadSections(Source& source, const Field& field, void* object) {
  if (field.type == Type::kSections) {
    bool right = true;
    const auto items = source.Sections(field);
    if (source.Has(field.name)) field.mutable_section(object);  // an empty list is there, too
    if (items.empty() && source.Has(field.name) && !field.not_empty.empty())
      right = Fail(source, field.name, field.not_empty);
    for (const auto& item : items) {
      right = ReadAll(*item, field.section(), /*is_there=*/true, /*is_new=*/true,
                      field.append(object)) &&
              right;
    }
    return right;
  }
  const std::unique_ptr<Source> section = source.Section(field);
  const bool is_there = source.Has(field.name), is_new = field.const_section(object) == nullptr;
  if (!is_there && field.optional) return true;
  return ReadAll(*section, field.section(), is_there, is_new, field.mutable_section(object));
}

// Values by name: what is wrong is said of each.
bool CheckNamed(Source& source, const Field& field, const Json& values) {
  bool right = true;
  for (const auto& [name, value] : values.items()) {
    const std::string wrong = field.WrongNamed(value);
    if (!wrong.empty()) right = Fail(source, field.name + "." + name, wrong);
  }
  return right;
}

bool ReadValue(Source& source, const Field& field, void* object) {
  Json value = source.Value(field);
  if (value.is_null()) {
    if (field.fill) field.fill(object);
    Json default_value = field.get(object);
    if (field.as_written && !default_value.is_null())
      default_value = field.as_written(default_value);
    if (!IsEmptyValue(default_value)) source.NoteDefault(field, default_value);
    return true;
  }
  if (field.one_or_more && !value.is_structured()) value = Json::array({value});
  if (field.is_named_values() && value.is_object()) {
    if (!CheckNamed(source, field, value)) return false;
  } else if (const std::string wrong = field.Wrong(value); !wrong.empty()) {
    return Fail(source, field.name, wrong);
  }
  field.set(object, value);
  return true;
}

// The form of a field whose shape a value has; the field itself if none has.
const Field& FormOf(const Field& field, const Json& value) {
  if (value.is_null() || field.Takes(value)) return field;
  for (const Field& form : field.forms) {
    if (form.Takes(value)) return form;
  }
  return field;
}

bool ReadAny(Source& source, const Field& field, void* object) {
  const Field& form = field.forms.empty() ? field : FormOf(field, source.Value(field));
  return form.is_section() ? ReadSections(source, form, object) : ReadValue(source, form, object);
}

// A field that would do nothing.
bool RefuseForeign(Source& source, const Schema& schema, const Field& field, const void* object) {
  (void)source.Value(field);
  if (!source.Has(field.name)) return true;
  return Fail(source, field.name,
              "is of " + field.only_if_field + " " + Join(field.only_if_values, " or ") +
                  "; here it is " +
                  schema.Find(field.only_if_field)->get(object).get<std::string>());
}

// A section that is not there misses nothing, it has its defaults. What is wrong with an object
// before is not said again, but of a new one nobody has said it: it is once its fields are right.
bool ReadAll(Source& source, const Schema& schema, bool is_there, bool is_new, void* object,
             bool is_whole) {
  // The object may hold what another section says (`joint` begins with `train`): a rule that was
  // broken there is reported there.
  std::set<Finding> before = FindingsOf(schema, object);
  bool right = true;
  for (const Field& field : schema.fields) {
    if (!schema.Applies(field, object)) {
      right = RefuseForeign(source, schema, field, object) && right;
      continue;
    }
    right = ReadAny(source, field, object) && right;
    if (is_there && field.required && !source.Has(field.name))
      right = Fail(source, field.name, "is missing");
  }
  if (is_whole) source.Finish();
  if (is_new && right) before.clear();
  for (const Finding& finding : FindingsOf(schema, object)) {
    if (before.contains(finding)) continue;
    source.FailAt(finding.first, finding.second);
    right = false;
  }
  return right;
}

// A JSON document as a Source. Of several errors the first is kept: task files are written by
// programs, so that one is enough, while recipes get all (recipe/parse/yaml_source.h).
class JsonSource : public Source {
 public:
  JsonSource(const Json& object, std::string path, Status* first_error)
      : object_(object), path_(std::move(path)), first_error_(first_error) {
    if (object_.is_object() || object_.is_null()) return;
    Fail((path_.empty() ? "the document" : path_) + ": expected a mapping, found " +
         Excerpt(object_.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }

  bool Has(const std::string& field) const override {
    const auto at = object_.find(field);
    return object_.is_object() && at != object_.end() && !at->is_null();
  }

  Json Value(const Field& field) override {
    known_.push_back(field.name);
    return Has(field.name) ? object_[field.name] : Json();
  }

  std::unique_ptr<Source> Section(const Field& field) override {
    known_.push_back(field.name);
    return std::make_unique<JsonSource>(Has(field.name) ? object_[field.name] : kNone,
                                        PathOf(field.name), first_error_);
  }

  std::vector<std::unique_ptr<Source>> Sections(const Field& field) override {
    known_.push_back(field.name);
    std::vector<std::unique_ptr<Source>> items;
    if (!Has(field.name)) return items;
    const Json& list = object_[field.name];
    if (!list.is_array()) {
      FailAt({field.name}, "expected a list, found " + Excerpt(list.dump()));
      return items;
    }
    for (size_t i = 0; i < list.size(); ++i) {
      items.push_back(std::make_unique<JsonSource>(
          list[i], PathOf(field.name) + "." + std::to_string(i), first_error_));
    }
    return items;
  }

  void FailAt(const std::vector<std::string>& fields, const std::string& message) override {
    // The document shows the user's own field, so an error about several fields points there.
    const auto there = std::find_if(fields.begin(), fields.end(),
                                    [&](const std::string& field) { return IsThere(field); });
    const std::string& field = there == fields.end() ? fields.front() : *there;
    Fail((field.empty() ? path_ : PathOf(field)) + ": " + message);
  }

  void Finish() override {
    if (!object_.is_object()) return;
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        Fail(PathOf(Excerpt(key)) + ": " + UnknownKey(key, known_));
    }
  }

 private:
  static inline const Json kNone;

  bool IsThere(const std::string& field) const {
    const Json* at = &object_;
    for (const std::string& part : Split(field, '.')) {
      if (!at->is_object() || !at->contains(part)) return false;
      at = &(*at)[part];
    }
    return true;
  }
  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }
  void Fail(std::string message) {
    if (first_error_->ok()) *first_error_ = InvalidArgument(std::move(message));
  }

  const Json& object_;
  const std::string path_;
  Status* const first_error_;
  std::vector<std::string> known_;
};

}  // namespace

void Read(Source& source, const Schema& schema, void* object) {
  ReadAll(source, schema, /*is_there=*/true, /*is_new=*/false, object);
}

void ReadAmong(Source& source, const Schema& schema, void* object) {
  ReadAll(source, schema, /*is_there=*/true, /*is_new=*/false, object, /*is_whole=*/false);
}

void ReadField(Source& source, const Schema& schema, const std::string& field, void* object) {
  const Field* found = schema.Find(field);
  BRAID_CHECK(found != nullptr);
  ReadAny(source, *found, object);
  if (found->required && !source.Has(field)) source.FailAt({field}, "is missing");
}

std::string UnknownKey(const std::string& key, const std::vector<std::string>& known) {
  const std::string near = NearestWord(key, known);
  return near.empty() ? "no such key; known are " + Join(known, ", ")
                      : "no such key; did you mean " + near + "?";
}

Status ReadJson(const Json& json, const std::string& path, const Schema& schema, void* object,
                bool is_new) {
  Status first_error;
  JsonSource source(json, path, &first_error);
  if (json.is_null()) {
    return InvalidArgument((path.empty() ? "the document" : path) +
                           ": expected a mapping, found null");
  }
  if (first_error.ok()) ReadAll(source, schema, /*is_there=*/true, is_new, object);
  return first_error;
}

}  // namespace braid::schema
