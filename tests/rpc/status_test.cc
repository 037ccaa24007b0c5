#include "rpc/status.h"

#include <gmock/gmock.h>

namespace braid::rpc {
namespace {

TEST(RpcStatusTest, CodeReasonAndMessageCross) {
  const Status sent(StatusCode::kAborted, ErrorReason::kStaleLease, "attempt r/j#1: it has ended");
  const Status received = FromGrpc(ToGrpc(sent));
  EXPECT_EQ(received.code(), sent.code());
  EXPECT_EQ(received.reason(), sent.reason());
  EXPECT_EQ(received.message(), sent.message());
  EXPECT_TRUE(FromGrpc(ToGrpc(OkStatus())).ok());
}

TEST(RpcStatusTest, AnErrorWithoutAReasonGetsThatOfItsCode) {
  EXPECT_EQ(FromGrpc(ToGrpc(NotFound("no such run"))).reason(), "NOT_FOUND");
  EXPECT_EQ(FromGrpc(ToGrpc(Internal("broken"))).reason(), "INTERNAL");
  // Nobody waits for space on a disk because a file was too large or descriptors ran out.
  EXPECT_EQ(FromGrpc(ToGrpc(ResourceExhausted("too large"))).reason(), "RESOURCE_EXHAUSTED");
}

TEST(RpcStatusTest, WhatGrpcItselfSaysHasNoReason) {
  const Status received = FromGrpc(grpc::Status(grpc::UNAVAILABLE, "connection refused"));
  EXPECT_EQ(received.code(), StatusCode::kUnavailable);
  EXPECT_EQ(received.reason(), "");
}

}  // namespace
}  // namespace braid::rpc
