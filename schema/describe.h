// What descriptions of settings become for people and their tools: explanations, a JSON Schema,
// tables of documents.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "schema/schema.h"

namespace braid::schema {

// A field within a tree of sections, or a section itself.
struct Place {
  std::string path;                // "train.optimizer.lr"
  const Schema* schema = nullptr;  // that has the field; of a section, its own
  const Field* field = nullptr;    // null: the root
};

// The place of a path below `root`. Indices of lists and names of corpora may stand in it, or be
// left out: "paths.0.d" and "paths.d" are the same. kNotFound names the nearest field and what
// there is.
Result<Place> FindPlace(const Schema& root, const std::string& path);

// "whole number, at least 1", "ignore | copy_input", "two numbers of at least 0 and below 1".
std::string TypeText(const Field& field);
// "0.0005", "cosine; under compat: paper cosine_misstepped", "required"; empty: none.
std::string DefaultText(const Schema& schema, const Field& field);

// Type, range, defaults and meaning of a field, or the list of a section's fields.
std::string ExplainText(const Place& place);
Json ExplainJson(const Place& place);

// The JSON Schema (draft 2020-12) of a document whose top is `root`.
Json JsonSchemaOf(const Schema& root, const std::string& title);

// A Markdown table of the fields of one section, sections within with their path in front. Fields
// in `without` are left out.
std::string MarkdownTable(const Schema& schema, const std::vector<std::string>& without = {});

// The table of fields whose default differs by preset, by their rules, of the sections named.
std::string MarkdownPresets(const Schema& root, const std::vector<std::string>& sections);

}  // namespace braid::schema
