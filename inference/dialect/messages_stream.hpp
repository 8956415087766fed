#pragma once

#include "inference/dialect/messages_meter.hpp"
#include "inference/dialect/pass_stream.hpp"

#include <string_view>

namespace evenkeel::inference::dialect {

/// An Anthropic stream for an Anthropic client, passed on whole: only the events that tell usage
/// are looked into. The end mark is the event `message_stop`.
class MessagesStream final : public PassStream {
private:
    Line data_line(std::string_view name, std::string_view data) override;
    Line typed(std::string_view type, std::string_view data);

    MessagesMeter meter_{};
};

}  // namespace evenkeel::inference::dialect
