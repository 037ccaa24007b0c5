// Which calls each role may make: the one table of them.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

using catalog::Role;

// "submitter".
std::string_view NameOf(Role role);
// kInvalidArgument, with all names, for text that is none.
Result<Role> RoleNamed(std::string_view name);

// Who may make a call.
struct CallRule {
  std::string_view method;  // "/braid.v1.Runs/SubmitRun"
  // The first of the roles viewer, submitter, operator and admin that may; those after it may, too.
  Role people = Role::kAdmin;
  // Whether a worker may, for what is its own (bounds.h).
  bool workers = false;
  // Whether the secret of an invitation is enough.
  bool invited = false;
};

// Null for a method that nobody may call: it is not in the table.
const CallRule* RuleOf(std::string_view method);

// OK if the role may make the call; kPermissionDenied names the role that may.
Status CheckRole(Role role, const std::string& name, const CallRule& rule);

}  // namespace braid::coordinator
