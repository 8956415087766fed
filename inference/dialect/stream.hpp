#pragma once

#include "inference/dialect/pass_stream.hpp"

#include <string_view>

namespace evenkeel::inference::dialect {

/// An OpenAI stream for an OpenAI client, passed on without parsing events: only lines that name
/// `"usage"` are looked into.
///
/// - An event that carries only usage is dropped when the client did not ask for it.
/// - The end mark is `data: [DONE]`.
class EventStream : public PassStream {
public:
    explicit EventStream(bool drop_usage_event) noexcept : drop_usage_{drop_usage_event} {}

protected:
    Line data_line(std::string_view name, std::string_view data) override;

private:
    bool drop_usage_;
};

}  // namespace evenkeel::inference::dialect
