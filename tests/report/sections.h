// What single parts of the report say of given results.
#pragma once

#include <string>

#include "report/parts/part.h"
#include "report/parts/report.h"

namespace braid::report {

// What the part adds to the full report; of a name that no part has, nothing.
inline Document SectionOf(const std::string& part, const Results& results) {
  Document section(part);
  for (const Part& one : Parts()) {
    if (one.name == part && one.add_to_report != nullptr)
      one.add_to_report({results, {}}, &section);
  }
  return section;
}

// The first table of the section, or with a title that of the fold of the title; without rows if
// there is none.
inline Table TableOf(const std::string& part, const Results& results,
                     const std::string& fold = "") {
  using Kind = Document::Block::Kind;
  const Document section = SectionOf(part, results);
  for (const Document::Block& block : section.blocks()) {
    if (fold.empty() && block.kind == Kind::kTable) return block.table;
    if (fold.empty() || block.kind != Kind::kFold || block.text != fold) continue;
    for (const Document::Block& inside : block.inside) {
      if (inside.kind == Kind::kTable) return inside.table;
    }
  }
  return {};
}

// The first table of results.md that the part adds; without rows if there is none.
inline Table SummaryTableOf(const std::string& part, const Results& results) {
  Document document(part);
  for (const Part& one : Parts()) {
    if (one.name == part && one.add_to_summary != nullptr)
      one.add_to_summary({results, {}}, &document);
  }
  for (const Document::Block& block : document.blocks()) {
    if (block.kind == Document::Block::Kind::kTable) return block.table;
  }
  return {};
}

// Reads a field of evaluation.json as the part does that brings it.
inline Status ReadField(const std::string& name, const Json& json, ModelResult* model) {
  for (const EvaluationField& field : EvaluationFields()) {
    if (field.name == name) return field.read(json, name, &model->evaluation.measured);
  }
  return NotFound("no part brings the field " + name);
}

}  // namespace braid::report
