#include "inference/http/chunk.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

/// Differential fuzzing of chunked bodies: the way the bytes arrive must not matter, and a body we
/// accept must have the same content and the same end for another parser.
namespace {

namespace beast = boost::beast;
using evenkeel::inference::http::ChunkScanner;
using State = ChunkScanner::State;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

struct Decoded {
    State state{State::more};
    std::string payload{};
    std::size_t used{0};
    friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, std::size_t piece) {
    ChunkScanner scanner;
    Decoded result;
    while (result.used < bytes.size() && scanner.state() == State::more) {
        const auto step = scanner.next(bytes.substr(result.used, piece));
        require(step.consumed > 0);
        require(step.payload.size() <= step.consumed);
        result.payload += step.payload;
        result.used += step.consumed;
    }
    result.state = scanner.state();
    require(scanner.payload_bytes() == result.payload.size());
    require((result.state == State::bad) == !scanner.why().empty());
    ChunkScanner skipper;
    require(skipper.skip(bytes) == result.used);
    require(skipper.state() == result.state);
    return result;
}

void compare(const Decoded& ours, std::string_view bytes) {
    std::string message = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::size_t head = message.size();
    message += bytes.substr(0, ours.used);
    beast::http::response_parser<beast::http::string_body> other;
    other.eager(true);
    other.header_limit(64 * 1024);
    other.body_limit(boost::none);
    boost::system::error_code code;
    std::string_view rest = message;
    while (!other.is_done() && !code && !rest.empty()) {
        const std::size_t used = other.put(boost::asio::buffer(rest), code);
        rest.remove_prefix(used);
        if (used == 0 && !code) {
            break;
        }
    }
    // Extensions have no meaning and no effect on the framing: we skip what may stand in them.
    if (code == beast::http::error::bad_chunk_extension) {
        return;
    }
    require(!code);
    require(other.is_done());
    require(message.size() - rest.size() == head + ours.used);
    require(other.get().body() == ours.payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::size_t piece = 1 + data[0] % 64;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const Decoded whole = decode(bytes, bytes.size() + 1);
    require(decode(bytes, piece) == whole);
    if (whole.state == State::done) {
        compare(whole, bytes);
    }
    return 0;
}
