// Errors as values. Status says whether something worked and, if not, what failed and why;
// Result<T> is a value or the Status that kept it from being made. Both cross every boundary inside
// braid; services turn them into grpc::Status at the edge. Nothing below the trainer's edge throws
// on bad input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

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

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}
  // `reason` is a word of the closed set that the API documents (STALE_LEASE, BLOB_MISSING, ...).
  Status(StatusCode code, std::string reason, std::string message)
      : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }

  // The same error with what was being done in front: "reading config.json: no such file". OK stays
  // OK.
  Status Wrap(std::string_view doing) const;

  // "NOT_FOUND: message", for logs.
  std::string ToString() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string reason_;
  std::string message_;
};

inline Status OkStatus() {
  return {};
}
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

// A value of type T, or the error that kept it from being made. Never an OK status without a value.
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
  Status status() const { return ok() ? Status() : std::get<0>(state_); }

  // REQUIRES: ok()
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

// Ends the program with the condition and its place in the source. For programmer errors only,
// never for bad input.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace braid

#define BRAID_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::braid::CheckFailed(__FILE__, __LINE__, #condition))

#define BRAID_RETURN_IF_ERROR(expression)                                                        \
  do {                                                                                           \
    if (::braid::Status braid_status_ = (expression); !braid_status_.ok()) return braid_status_; \
  } while (false)

#define BRAID_CONCAT_INNER_(a, b) a##b
#define BRAID_CONCAT_(a, b) BRAID_CONCAT_INNER_(a, b)

// BRAID_ASSIGN_OR_RETURN(auto text, ReadFile(path));
#define BRAID_ASSIGN_OR_RETURN(target, expression) \
  BRAID_ASSIGN_OR_RETURN_IMPL_(BRAID_CONCAT_(braid_result_, __LINE__), target, expression)
#define BRAID_ASSIGN_OR_RETURN_IMPL_(result, target, expression) \
  auto result = (expression);                                    \
  if (!result.ok()) return result.status();                      \
  target = std::move(result).value()
