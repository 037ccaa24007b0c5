// Errors as values. A Status says whether an operation succeeded and, if not, what failed and why;
// a Result<T> is a value or the Status that explains its absence. All functions of braid that can
// fail return one of the two; services convert them to grpc::Status (rpc/status.h). No function
// throws on bad input, except inside the trainer, where LibTorch throws and the trainer's outermost
// functions catch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error_reason.h"

namespace braid {

// The canonical codes of gRPC, with gRPC's numbers, so that services convert by a cast.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};

// "NOT_FOUND" for kNotFound, and so on.
std::string_view StatusCodeName(StatusCode code);

// OK, or a code with a message for people and perhaps a reason for programs. A message names the
// subject (file, field, tensor, job) and says what to do.
class [[nodiscard]] Status {
 public:
  // OK.
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}
  Status(StatusCode code, ErrorReason reason, std::string message)
      : code_(code), reason_(NameOf(reason)), message_(std::move(message)) {}
  // With the reason as a word that was copied from another error or received from another process,
  // which may know more reasons than this program; "" means no reason.
  Status(StatusCode code, std::string reason, std::string message)
      : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}
  // Deleted so that code names reasons by ErrorReason and not by string literals.
  template <size_t N>
  Status(StatusCode code, const char (&reason)[N], std::string message) = delete;

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  // The message, and the word of the reason (base/error_reason.h); both are empty if OK, and the
  // reason is often empty.
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }

  // Whether the error has this reason.
  bool Is(ErrorReason reason) const { return IsNameOf(reason_, reason); }
  // The same error with `doing` in front of the message: "reading config.json: no such file". OK
  // stays OK.
  Status Wrap(std::string_view doing) const;

  // "NOT_FOUND: message", for logs.
  std::string ToString() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string reason_;
  std::string message_;
};

// The status of success.
inline Status OkStatus() {
  return {};
}

// Errors of each code without a reason. Messages longer than kMessageBytes (base/excerpt.h) are cut
// in the middle.
Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status FailedPrecondition(std::string message);
Status Aborted(std::string message);
Status OutOfRange(std::string message);
Status Unimplemented(std::string message);
Status Internal(std::string message);
Status Unavailable(std::string message);
Status DataLoss(std::string message);
Status Cancelled(std::string message);
Status DeadlineExceeded(std::string message);
Status ResourceExhausted(std::string message);
Status PermissionDenied(std::string message);

// The Status of errno value `error`: ENOENT becomes kNotFound, ENOSPC kResourceExhausted with
// reason STORAGE_FULL, EACCES kPermissionDenied, and so on. `doing` goes in front: "opening x.bin:
// No such file or directory".
Status ErrnoStatus(int error, std::string_view doing);

// A value of type T, or the error that explains its absence (never an OK status).
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit, so that functions return values and errors as they are.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}
  // REQUIRES: !status.ok()
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {}

  bool ok() const { return state_.index() == 1; }
  // The error, or OK if there is a value.
  Status status() const { return ok() ? Status() : std::get<0>(state_); }

  // The value. REQUIRES: ok().
  T& value() & { return std::get<1>(state_); }
  const T& value() const& { return std::get<1>(state_); }
  T&& value() && { return std::get<1>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

// Prints the condition with its place in the source and aborts. For errors of the programmer only,
// not for bad input.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace braid

// Aborts the program unless `condition` holds, in all builds.
#define BRAID_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::braid::CheckFailed(__FILE__, __LINE__, #condition))

// Evaluates an expression of type Status and returns it from the function if it is an error.
#define BRAID_RETURN_IF_ERROR(expression)                                                        \
  do {                                                                                           \
    if (::braid::Status braid_status_ = (expression); !braid_status_.ok()) return braid_status_; \
  } while (false)

#define BRAID_CONCAT_INNER_(a, b) a##b
#define BRAID_CONCAT_(a, b) BRAID_CONCAT_INNER_(a, b)

// Assigns the value of a Result, or returns its error from the function:
// BRAID_ASSIGN_OR_RETURN(auto text, ReadFile(path));
#define BRAID_ASSIGN_OR_RETURN(target, expression) \
  BRAID_ASSIGN_OR_RETURN_IMPL_(BRAID_CONCAT_(braid_result_, __LINE__), target, expression)
#define BRAID_ASSIGN_OR_RETURN_IMPL_(result, target, expression) \
  auto result = (expression);                                    \
  if (!result.ok()) return result.status();                      \
  target = std::move(result).value()
