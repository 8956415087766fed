#include "inference/dialect/scan.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// Differential fuzzing: what our one-pass scan accepts, a full parser must accept and read alike,
/// before and after the splice. Otherwise a client could be priced for other than what was sent.
namespace {

namespace json = boost::json;
using namespace evenkeel::inference::dialect;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

json::value parse(std::string_view text, boost::system::error_code& code) {
    json::parse_options options;
    options.max_depth = depth_max;
    return json::parse(text, code, {}, options);
}

/// Boost.JSON refuses lone surrogate escapes, which we forward; nothing to compare then.
bool has_surrogate_escape(std::string_view text) {
    for (std::size_t at = text.find("\\u"); at != std::string_view::npos;
         at = text.find("\\u", at + 1)) {
        const char first = at + 2 < text.size() ? text[at + 2] : '\0';
        if (first == 'd' || first == 'D') {
            return true;
        }
    }
    return false;
}

std::int64_t count_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value == nullptr || value->is_null() ? 0 : value->to_number<std::int64_t>();
}

bool flag_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

void compare(const json::object& sent, const RequestScan& scan) {
    require(flag_of(sent, "stream") == scan.stream);
    const std::int64_t a = count_of(sent, "max_tokens");
    const std::int64_t b = count_of(sent, "max_completion_tokens");
    require(scan.max_tokens == (a > 0 && b > 0 ? std::min(a, b) : std::max(a, b)));
    const std::int64_t n = count_of(sent, "n");
    require(scan.n == (n == 0 ? 1 : n));
    require(sent.at("messages").is_array());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    (void)scan_answer(body);
    for (const Endpoint endpoint : endpoints) {
        if (const auto other = scan_request(endpoint, body)) {
            (void)message_text(body, *other, 16);
        }
    }
    const auto scan = scan_request(Endpoint::chat, body);
    if (scan) {
        const std::string end = message_text(body, *scan, 16);
        require(end.size() <= 16 && message_text(body, *scan, body.size()).ends_with(end));
    }
    if (!scan || has_surrogate_escape(body)) {
        return 0;
    }
    boost::system::error_code code;
    const json::value original = parse(body, code);
    if (code == json::error::exponent_overflow) {
        return 0;  // a limit of that parser alone
    }
    require(!code && original.is_object());
    require(original.at("model").as_string() == scan->model);
    compare(original.get_object(), *scan);

    const Splice pieces = splice(body, *scan, R"("up")", scan->stream);
    std::string upstream;
    for (std::size_t i = 0; i < pieces.count; ++i) {
        upstream += pieces.pieces[i];
    }
    require(upstream.size() == pieces.bytes);
    const json::value sent = parse(upstream, code);
    require(!code && sent.is_object());
    require(sent.at("model").as_string() == "up");
    compare(sent.get_object(), *scan);
    require(sent.at("messages") == original.at("messages"));
    require(!scan->stream || sent.at("stream_options").at("include_usage").as_bool());
    return 0;
}
