// Descriptions of the parts of a model (schema/schema.h), for its JSON, recipes and documents.
#pragma once

#include <string>

#include "model/spec.h"
#include "schema/schema.h"

namespace braid::model {

const schema::Schema& SchemaOf(const RopeScaling*);
const schema::Schema& SchemaOf(const Arch*);
const schema::Schema& SchemaOf(const Router*);
const schema::Schema& SchemaOf(const Dual*);
const schema::Schema& SchemaOf(const Connection*);
const schema::Schema& SchemaOf(const Stack*);
const schema::Schema& SchemaOf(const ModelSpec*);

// The same for those who have no object.
const schema::Schema& ArchFields();
const schema::Schema& ConnectionFields();
const schema::Schema& DualFields();

// "`llama`: ...; `wide`: ...": the registered blocks or routers with their sentences, for the
// documents.
std::string BlockMeanings();
std::string RouterMeanings();

// The words of the blocks that have a section `dual` (`has_dual`), or of those that have `ffn`.
schema::Words BlockWords(bool has_dual);

}  // namespace braid::model
