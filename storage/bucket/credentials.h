// Who asks a bucket: keys where all tools of AWS look for them. Errors name files and variables,
// and no secret.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "storage/bucket/place.h"
#include "storage/bucket/sigv4.h"

namespace braid::storage {

// The key of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or that of the profile
// AWS_PROFILE ("default") in the file AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials).
// kPermissionDenied if others may read the file; kFailedPrecondition if there is no key.
Result<AccessKey> FindAccessKey(const Variables& variables);

// The first key of: the variables; the role of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE; the
// file; the container; the instance of EC2 (storage/bucket/machine_keys.h). What is asked for by a
// variable and fails is the error, and nothing behind it is tried. kFailedPrecondition says what
// was tried if there is none; kUnavailable: another try may find one. May take some seconds.
//   region:  of AWS, where roles are asked for
//   stopped: ends requests once it is true; may be null
Result<AccessKey> FindAnyKey(const Variables& variables, const std::string& region,
                             const std::function<bool()>& stopped = nullptr);

}  // namespace braid::storage
