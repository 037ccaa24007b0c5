#include "braid/v1/alerts.grpc.pb.h"
#include "coordinator/alerts/alert_center.h"
#include "coordinator/services/services.h"
#include "coordinator/services/unary.h"

namespace braid::coordinator {
namespace {

void FillChannel(const alert::ChannelState& channel, v1::AlertChannel* message) {
  message->set_name(channel.name);
  message->set_kind(channel.kind);
  message->set_to(channel.to);
  for (const std::string& kind : channel.on) message->add_on(kind);
  message->set_sent(channel.sent);
  message->set_dropped(channel.dropped);
  message->set_seq(channel.seq);
  message->set_trouble(channel.trouble);
  message->set_last_sent_ms(channel.last_sent_ms);
}

class AlertsService final : public v1::Alerts::CallbackService {
 public:
  explicit AlertsService(Backend* backend) : backend_(backend) {}

  Reactor* ListAlertChannels(Context* context, const v1::ListAlertChannelsRequest*,
                             v1::ListAlertChannelsResponse* reply) override {
    if (backend_->alerts != nullptr) {
      for (const alert::ChannelState& channel : backend_->alerts->Channels())
        FillChannel(channel, reply->add_channels());
    }
    Reactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  Reactor* SendTestAlert(Context* context, const v1::SendTestAlertRequest* request,
                         v1::SendTestAlertResponse* reply) override {
    const Result<Identity> who = WhoCalls(*context, *backend_);
    if (!who.ok()) return Refuse(context, who.status());
    // The threads for what takes minutes: another machine may not answer.
    return InCoreThenFiles(
        context, backend_, CoreWork{nullptr, [](const State&) { return OkStatus(); }},
        &backend_->hashing,
        [this, request, reply]() -> Status {
          if (backend_->alerts == nullptr)
            return NotFound(
                "this coordinator has no channels for alerts: start it with --alerts FILE "
                "(docs/alerts.md)");
          BRAID_ASSIGN_OR_RETURN(const alert::Outcome outcome,
                                 backend_->alerts->SendTest(request->channel()));
          reply->set_delivered(outcome.verdict == alert::Verdict::kDelivered);
          reply->set_answer(outcome.answer);
          return OkStatus();
        },
        AuditOf(*context, *who, "SendTestAlert", request->channel()));
  }

 private:
  Backend* const backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAlertsService(Backend* backend) {
  return std::make_unique<AlertsService>(backend);
}

}  // namespace braid::coordinator
