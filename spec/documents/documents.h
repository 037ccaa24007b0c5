// All settings as two trees, for `braid explain`, editors and the documents.
#pragma once

#include "schema/schema.h"

namespace braid::spec {

// A whole recipe: every section with all its fields.
const schema::Schema& RecipeDocument();

// The specs of tasks: a section for each job kind.
const schema::Schema& TaskDocument();

}  // namespace braid::spec
