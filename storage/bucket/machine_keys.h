// Keys that end after some hours, which clouds and clusters give to the programs on their machines:
// documents that are asked for by HTTP. Each function is kNotFound, with a few words, if this
// machine is not set up for it; kUnavailable if another try may succeed; kFailedPrecondition or
// kPermissionDenied if somebody has to do what the message says. They take some seconds at most.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "storage/bucket/place.h"
#include "storage/bucket/sigv4.h"

namespace braid::storage {

// Ends requests once it is true; may be null.
using Stopped = std::function<bool()>;

// The role AWS_ROLE_ARN, for the token in AWS_WEB_IDENTITY_TOKEN_FILE, as EKS gives one to service
// accounts (IRSA): by AssumeRoleWithWebIdentity of AWS_ENDPOINT_URL_STS, or of AWS in the region.
Result<AccessKey> WebIdentityKey(const Variables& variables, const std::string& region,
                                 const Stopped& stopped = nullptr);

// What a container is given: of ECS at AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, of EKS (Pod
// Identity) and others at AWS_CONTAINER_CREDENTIALS_FULL_URI, with the text of
// AWS_CONTAINER_AUTHORIZATION_TOKEN or of the file AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.
Result<AccessKey> ContainerKey(const Variables& variables, const Stopped& stopped = nullptr);

// The role of an instance of EC2, by the second version of its metadata service, at
// AWS_EC2_METADATA_SERVICE_ENDPOINT or http://169.254.169.254; not with
// AWS_EC2_METADATA_DISABLED=true.
Result<AccessKey> InstanceKey(const Variables& variables, const Stopped& stopped = nullptr);

}  // namespace braid::storage
