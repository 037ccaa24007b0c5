// All task specs as one tree, for documents: a section for each job kind that is described here.
#pragma once

#include "schema/schema.h"

namespace braid::spec {

const schema::Schema& TaskDocument();

}  // namespace braid::spec
