#include "inference/http/head.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

/// Differential fuzzing of heads: the way the bytes arrive must not matter, and what we accept
/// another parser must read alike; else a request could be smuggled past one of the two.
namespace {

namespace beast = boost::beast;
using namespace evenkeel::inference::http;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// Smaller than in production, so that the fuzzer reaches them.
constexpr Limits limits{.header_bytes = 2048, .fields = 16, .target_bytes = 512};

/// The same bytes in growing prefixes, `step` more each time, in a new place each time.
void compare_with_pieces(
    HeadParser::Kind kind,
    std::string_view bytes,
    std::size_t step,
    Progress whole,
    const HeadParser& parsed) {
    HeadParser pieces{kind};
    std::string held;
    Progress progress = Progress::need_more;
    for (std::size_t size = 0; progress == Progress::need_more && size < bytes.size();) {
        size = std::min(size + step, bytes.size());
        std::string next{bytes.substr(0, size)};
        next.reserve(size + 64);
        held.swap(next);  // the old place stays alive until here, as it does in a connection
        progress = pieces.feed(held, limits);
    }
    // A head that is too large may be noticed earlier, and for another limit, when it comes slowly.
    const auto too_large = [](const HeadParser& parser) {
        return parser.refusal().status == 414 || parser.refusal().status == 431;
    };
    if (progress == Progress::refused && too_large(pieces)) {
        return;
    }
    require(progress == whole);
    if (whole == Progress::refused) {
        require(pieces.refusal().status == parsed.refusal().status);
        require(pieces.refusal().sentence == parsed.refusal().sentence);
    }
    if (whole != Progress::complete) {
        return;
    }
    require(pieces.size() == parsed.size());
    const auto a =
        kind == HeadParser::Kind::request ? pieces.request().fields : pieces.response().fields;
    const auto b =
        kind == HeadParser::Kind::request ? parsed.request().fields : parsed.response().fields;
    require(std::ranges::equal(a, b, [](const Field& x, const Field& y) {
        return x.name == y.name && x.value == y.value;
    }));
    if (kind == HeadParser::Kind::request) {
        require(pieces.request().method == parsed.request().method);
        require(pieces.request().target == parsed.request().target);
        require(pieces.request().path == parsed.request().path);
        require(pieces.request().query == parsed.request().query);
    }
}

template <class Parser>
std::size_t parse_with_beast(Parser& other, std::string_view bytes) {
    other.header_limit(64 * 1024);
    other.body_limit(boost::none);
    other.skip(true);  // no body: only the head is compared
    boost::system::error_code code;
    const std::size_t used = other.put(boost::asio::buffer(bytes), code);
    require(!code);
    require(other.is_header_done());
    return used;
}

void compare_request(const RequestHead& head, std::string_view bytes) {
    beast::http::request_parser<beast::http::empty_body> other;
    require(parse_with_beast(other, bytes) == bytes.size());
    const auto& message = other.get();
    require(message.method_string() == head.method);
    require(message.target() == head.target);
    require(message.version() == 10u + static_cast<unsigned>(head.minor));
    require(other.chunked() == head.chunked);
    require(other.keep_alive() || !head.keep_alive);  // for us "close" always wins
    const auto length = other.content_length();
    require(length.has_value() == head.content_length.has_value());
    require(!length || *length == *head.content_length);
    require(
        static_cast<std::size_t>(std::distance(message.begin(), message.end())) ==
        head.fields.size());
    // Beast keeps fields of one name together: compare name by name.
    for (const Field& field : head.fields) {
        const auto [first, last] = message.equal_range(field.name);
        auto theirs = first;
        for (const Field& ours : head.fields) {
            if (iequals(ours.name, field.name)) {
                require(theirs != last);
                require(theirs->name_string() == ours.name);
                require(theirs->value() == ours.value);
                ++theirs;
            }
        }
        require(theirs == last);
    }
}

void compare_response(const ResponseHead& head, std::string_view bytes) {
    if (bytes[12] == '\r') {
        return;  // "HTTP/1.1 200" without a space behind: we are more lenient to our own engines
    }
    beast::http::response_parser<beast::http::empty_body> other;
    require(parse_with_beast(other, bytes) == bytes.size());
    require(other.get().result_int() == static_cast<unsigned>(head.status));
    require(other.chunked() == head.chunked);
    const auto length = other.content_length();
    require(!head.content_length || (length && *length == *head.content_length));
}

/// What a handler may rely on.
void check_promises(const RequestHead& head) {
    require(head.path.starts_with('/'));
    require(head.path.find("//") == std::string_view::npos);
    require(head.path.find("/../") == std::string_view::npos);
    require(head.path.find('\\') == std::string_view::npos);
    require(!(head.chunked && head.content_length));
    require(!(head.chunked && head.minor == 0));
    for (const Field& field : head.fields) {
        require(!field.name.empty());
        require(field.value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::size_t step = 1 + data[0] % 64;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    for (const auto kind : {HeadParser::Kind::request, HeadParser::Kind::response}) {
        HeadParser parser{kind};
        const Progress progress = parser.feed(bytes, limits);
        compare_with_pieces(kind, bytes, step, progress, parser);
        if (progress != Progress::complete) {
            continue;
        }
        const std::string_view head = bytes.substr(0, parser.size());
        if (kind == HeadParser::Kind::request) {
            check_promises(parser.request());
            compare_request(parser.request(), head);
        } else {
            compare_response(parser.response(), head);
        }
    }
    return 0;
}
