// What makes two requests the same.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace braid::rpc {

// The message as bytes that depend on its fields alone: entries of maps come in order of their
// keys. Equal messages give equal bytes in every program of one version of protobuf.
std::string DeterministicBytes(const google::protobuf::Message& message);

}  // namespace braid::rpc
