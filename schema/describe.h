// Texts and documents generated from descriptions of settings: explanations, a JSON Schema for
// editors, and the Markdown tables of docs/.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "schema/schema.h"

namespace braid::schema {

// A field within a tree of sections, or a section itself.
struct FieldLocation {
  // The path from the root: "train.optimizer.lr".
  std::string path;
  // The section that contains the field; of a section, its own description.
  const Schema* schema = nullptr;
  // Null for the root.
  const Field* field = nullptr;
};

// The field or section at a path below `root`. Indices of lists and names of corpora may be part of
// the path or left out: "paths.0.d" and "paths.d" are the same. A path that does not exist is
// kNotFound with the nearest field or the fields that exist.
Result<FieldLocation> FindField(const Schema& root, const std::string& path);

// The type and range of a field: "whole number, at least 1", "ignore | copy_input", "two numbers of
// at least 0 and below 1".
std::string TypeText(const Field& field);
// The default of a field: "0.0005", "cosine; under compat: paper cosine_misstepped", "required";
// empty if there is none.
std::string DefaultText(const Schema& schema, const Field& field);

// What `braid explain` prints: type, range, defaults and meaning of a field, or the list of a
// section's fields. ExplainJson has the same content for programs.
std::string ExplainText(const FieldLocation& location);
// The same content as JSON, for programs.
Json ExplainJson(const FieldLocation& location);

// The JSON Schema (draft 2020-12) of documents with the root section `root`.
Json JsonSchemaOf(const Schema& root, const std::string& title);

// A Markdown table of the fields of one section and of the sections within it. Fields of the
// section that are named in `without` are left out.
std::string MarkdownTable(const Schema& schema, const std::vector<std::string>& without = {});

// A Markdown table of the fields whose defaults differ between the presets `paper` and `fixed`, in
// the sections of `root` with the given names.
std::string MarkdownPresets(const Schema& root, const std::vector<std::string>& sections);

}  // namespace braid::schema
