// Canonical bytes of messages, by which repeated requests are recognized.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace braid::rpc {

// The serialized message with the entries of maps in the order of their keys. Equal messages give
// equal bytes in all programs that use the same version of protobuf.
std::string DeterministicBytes(const google::protobuf::Message& message);

}  // namespace braid::rpc
