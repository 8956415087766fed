#include "inference/dialect/responses_stream.hpp"

#include "inference/dialect/event_reader.hpp"
#include "inference/dialect/scan.hpp"

namespace evenkeel::inference::dialect {

ResponsesStream::Line ResponsesStream::data_line(std::string_view name, std::string_view data) {
    const std::string_view type = name.empty() ? leading_type(data) : name;
    if (type.ends_with(".delta")) {
        ++events_;
        return Line::plain;
    }
    if (type == "error") {
        error_ = true;
        return Line::plain;
    }
    const bool ends =
        type == "response.completed" || type == "response.incomplete" || type == "response.failed";
    if (!ends) {
        return Line::plain;
    }
    if (const auto scan = scan_answer(data)) {
        usage_ = scan->usage;
    }
    error_ = error_ || type == "response.failed";
    return Line::done;
}

}  // namespace evenkeel::inference::dialect
