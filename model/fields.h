// Descriptions of the parts of a model (schema/schema.h), for its JSON, recipes and documents.
#pragma once

#include "model/spec.h"
#include "schema/schema.h"

namespace braid::model {

const schema::Schema& SchemaOf(const Arch*);
const schema::Schema& SchemaOf(const Router*);
const schema::Schema& SchemaOf(const Dual*);

// The same for those who have no object.
const schema::Schema& ArchFields();
const schema::Schema& RouterFields();
const schema::Schema& DualFields();

}  // namespace braid::model
