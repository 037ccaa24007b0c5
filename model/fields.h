// Descriptions of the parts of a model (schema/schema.h), for its JSON, recipes and documents.
#pragma once

#include <string>

#include "model/spec.h"
#include "schema/schema.h"

namespace braid::model {

// The description of each struct, as schema::FieldsOf finds it. The argument only selects the
// overload and may be null.
const schema::Schema& SchemaOf(const RopeScaling*);
const schema::Schema& SchemaOf(const Arch*);
const schema::Schema& SchemaOf(const Router*);
const schema::Schema& SchemaOf(const Dual*);
const schema::Schema& SchemaOf(const Connection*);
const schema::Schema& SchemaOf(const Stack*);
const schema::Schema& SchemaOf(const ModelSpec*);

// The same descriptions under names of their own.
const schema::Schema& ArchFields();
const schema::Schema& ConnectionFields();
const schema::Schema& DualFields();

// "`llama`: ...; `wide`: ...": the registered blocks or routers with their sentences, for the
// documents.
std::string BlockMeanings();
std::string RouterMeanings();

// The names of the block kinds with a section `dual` if `has_dual`, otherwise of those with `ffn`.
schema::Words BlockWords(bool has_dual);

}  // namespace braid::model
