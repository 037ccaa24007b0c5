// The table of the calls that each role may make.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/catalog/records.h"

namespace braid::coordinator {

using catalog::Role;

// "submitter".
std::string_view NameOf(Role role);
// The role of a name. kInvalidArgument, listing all names, for any other text.
Result<Role> RoleNamed(std::string_view name);

// The callers that may make one call.
struct CallRule {
  std::string_view method;  // "/braid.v1.Runs/SubmitRun"
  // The lowest role of viewer, submitter, operator and admin that may make the call; higher roles
  // may, too.
  Role people = Role::kAdmin;
  // Whether a worker may, for what is its own (bounds.h).
  bool workers = false;
  // Whether the secret of an invitation is enough.
  bool invited = false;
};

// The rule of a method; null for a method that is not in the table, which no caller may call.
const CallRule* RuleOf(std::string_view method);

// OK if the role may make the call; kPermissionDenied names the role that may.
Status CheckRole(Role role, const std::string& name, const CallRule& rule);

}  // namespace braid::coordinator
