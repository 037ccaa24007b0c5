// No field of a message is lost on its way through the value that stands for it.
#include "rpc/convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>

#include <string>

#include "braid/v1/jobs.pb.h"
#include "braid/v1/plan.pb.h"
#include "braid/v1/pools.pb.h"

namespace braid::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::MessageDifferencer;

// Gives one field of `message` a value that is not its default, and `n` tells it from others.
void FillField(Message* message, const FieldDescriptor* field, int n);

// Every field, down to the innermost message.
void FillAll(Message* message, int n) {
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i)
    FillField(message, message->GetDescriptor()->field(i), n + i);
}

void FillField(Message* message, const FieldDescriptor* field, int n) {
  const Reflection* reflection = message->GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      FillAll(many ? reflection->AddMessage(message, field)
                   : reflection->MutableMessage(message, field),
              n * 10);
      return;
    case FieldDescriptor::CPPTYPE_STRING: {
      // A device and a binding are words of closed sets; any other text is as it comes.
      std::string value = std::string(field->name()) + std::to_string(n);
      if (field->name() == "device") value = NameOf(Device::kCuda);
      if (field->name() == "binding") value = NameOf(task::Binding::kShards);
      many ? reflection->AddString(message, field, value)
           : reflection->SetString(message, field, value);
      return;
    }
    case FieldDescriptor::CPPTYPE_INT32:
      reflection->SetInt32(message, field, n + 1);
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection->SetInt64(message, field, (int64_t{1} << 40) + n);
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      reflection->SetDouble(message, field, n + 0.5);
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection->SetBool(message, field, true);
      return;
    default:
      FAIL() << "a field of a new type: " << field->full_name();
  }
}

template <typename M, typename ToValue>
void ExpectToCross(ToValue to_value, const std::vector<std::string>& left_out = {}) {
  M message;
  FillAll(&message, 1);
  for (const std::string& name : left_out)
    message.GetReflection()->ClearField(&message, M::descriptor()->FindFieldByName(name));
  M again;
  Fill(to_value(message), &again);
  std::string difference;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(message, again)) << difference;
}

TEST(ConvertTest, EveryFieldOfARankIdCrosses) {
  ExpectToCross<v1::RankId>(RankOf);
}

TEST(ConvertTest, EveryFieldOfProgressCrosses) {
  ExpectToCross<v1::Progress>(ProgressOf);
}

TEST(ConvertTest, EveryFieldOfAnAssignmentCrosses) {
  ExpectToCross<v1::RankAssignment>(AssignmentOf);
}

TEST(ConvertTest, EveryFieldOfAnOutcomeCrosses) {
  ExpectToCross<v1::ReportEndedRequest>(OutcomeOf, {"id", "worker_id"});
}

TEST(ConvertTest, EveryFieldOfALoadCrosses) {
  v1::MachineLoad all;
  FillAll(&all, 1);
  for (const v1::MachineLoad& message : {v1::MachineLoad(), all}) {
    v1::MachineLoad back;
    Fill(LoadOf(message), &back);
    EXPECT_TRUE(MessageDifferencer::Equals(message, back)) << back.DebugString();
  }
}

TEST(ConvertTest, EveryFieldOfADemandCrosses) {
  ExpectToCross<v1::Demand>(DemandOf);
}

template <typename M>
void ExpectToTellWhatItDemands() {
  const task::Requirements requirements{"train", 4, 2, Device::kCuda, 7, "lyon", false};
  M message;
  FillRequirements(requirements, &message);
  EXPECT_EQ(message.kind(), "train");
  EXPECT_EQ(message.ranks(), 4);
  EXPECT_EQ(message.slots_per_rank(), 2);
  EXPECT_EQ(message.device(), "cuda");
  EXPECT_EQ(message.memory_bytes(), 7);
  EXPECT_EQ(message.site(), "lyon");
}

TEST(ConvertTest, JobsTellPeopleWhatTheyDemand) {
  ExpectToTellWhatItDemands<v1::Job>();
  ExpectToTellWhatItDemands<v1::PlannedJob>();
}

TEST(ConvertTest, ASiteDoesNotLeaveTheCoordinator) {
  task::Assignment assignment;
  assignment.site = "here";
  v1::RankAssignment message;
  Fill(assignment, &message);
  EXPECT_EQ(AssignmentOf(message).site, "");
}

}  // namespace
}  // namespace braid::rpc
