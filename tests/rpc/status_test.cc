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

// Who is not known has to show who they are; who is known and may not has to ask somebody else.
TEST(RpcStatusTest, WhoIsNotKnownGetsAnotherCodeThanWhoMayNot) {
  const Status unknown(StatusCode::kPermissionDenied, ErrorReason::kUnauthenticated,
                       "the token was revoked");
  const grpc::Status sent = ToGrpc(unknown);
  EXPECT_EQ(sent.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(FromGrpc(sent), unknown);
  EXPECT_EQ(ToGrpc(unknown.Wrap("reading a log")).error_code(), grpc::UNAUTHENTICATED);
  EXPECT_EQ(ToGrpc(PermissionDenied("not yours")).error_code(), grpc::PERMISSION_DENIED);
  // As gRPC's own check of callers sends it, without details.
  const Status bare = FromGrpc(grpc::Status(grpc::UNAUTHENTICATED, "no token was sent"));
  EXPECT_EQ(bare.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(bare.reason(), "UNAUTHENTICATED");
}

}  // namespace
}  // namespace braid::rpc
