#include "inference/http/head.hpp"

#include <array>
#include <cstring>

namespace evenkeel::inference::http {

namespace {

/// What a byte may be part of (RFC 9110, RFC 3986).
enum Class : std::uint8_t {
    token = 1,
    value = 2,
    path = 4,
    query = 8,
    host = 16,
    digit = 32,
    hex = 64,
    upper = 128,
};

constexpr std::size_t fields_at_first = 8;  ///< that there is room for, before it grows

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view characters, unsigned classes) {
        for (const char c : characters) {
            auto& entry = table[static_cast<unsigned char>(c)];
            entry = static_cast<std::uint8_t>(entry | classes);
        }
    };
    constexpr std::string_view alpha = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    constexpr std::string_view digits = "0123456789";
    add(alpha, token | path | query | host);
    add(digits, token | path | query | host | digit | hex);
    add("abcdefABCDEF", hex);
    add("ABCDEFGHIJKLMNOPQRSTUVWXYZ", upper);
    add("!#$%&'*+-.^_`|~", token);
    add("-._~!$&'()*+,;=:@/%", path | query);
    add("?[]{}|", query);
    add("-._:[]", host);
    for (unsigned c = 0x20; c < 0x100; ++c) {
        if (c != 0x7F) {
            table[c] = static_cast<std::uint8_t>(table[c] | value);
        }
    }
    table['\t'] = static_cast<std::uint8_t>(table['\t'] | value);
    return table;
}

constexpr std::array<std::uint8_t, 256> classes = make_classes();

constexpr bool is(char c, Class wanted) noexcept {
    return (classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

bool all(std::string_view text, Class wanted) noexcept {
    unsigned every = 0xFF;
    for (const char c : text) {
        every &= classes[static_cast<unsigned char>(c)];
    }
    return (every & wanted) != 0;
}

constexpr unsigned hex_value(char c) noexcept {
    return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

constexpr std::size_t method_bytes_max = 16;

/// True when the three bytes at `at` are a percent sign and two hexadecimal digits.
bool is_escape(std::string_view text, std::size_t at) noexcept {
    return at + 2 < text.size() && is(text[at + 1], hex) && is(text[at + 2], hex);
}

/// What is wrong with a path whose bytes are all of class `path`; empty when nothing is. Dot
/// segments, empty segments and escapes that could hide them would let two readers see two paths.
std::string_view path_fault(std::string_view text) noexcept {
    std::size_t segment = 1;
    for (std::size_t i = 1; i <= text.size(); ++i) {
        if (i == text.size() || text[i] == '/') {
            const std::string_view name = text.substr(segment, i - segment);
            if (name == "." || name == "..") {
                return "The path must not hold \".\" or \"..\" segments.";
            }
            if (name.empty() && i != text.size()) {
                return "The path must not hold \"//\".";
            }
            segment = i + 1;
        } else if (text[i] == '%') {
            if (!is_escape(text, i)) {
                return "A \"%\" in the target must be followed by two hexadecimal digits.";
            }
            const unsigned code = hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]);
            if (code == '.' || code == '/' || code == '\\' || code < 0x20 || code == 0x7F) {
                return "The path must not escape dots, slashes or control characters.";
            }
        }
    }
    return {};
}

std::string_view query_fault(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            continue;
        }
        if (!is_escape(text, i)) {
            return "A \"%\" in the target must be followed by two hexadecimal digits.";
        }
        if (text[i + 1] == '0' && text[i + 2] == '0') {
            return "The target must not hold a zero byte.";
        }
    }
    return {};
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

void HeadParser::reset() noexcept {
    base_ = nullptr;
    scanned_ = 0;
    line_start_ = 0;
    fields_.clear();
    request_ = {};
    response_ = {};
    refusal_ = {};
    first_line_ = true;
    has_host_ = false;
    has_encoding_ = false;
    says_close_ = false;
    says_keep_alive_ = false;
}

Progress HeadParser::refuse(int status, std::string_view sentence) noexcept {
    refusal_ = {.status = status, .sentence = sentence};
    return Progress::refused;
}

void HeadParser::refuse_late() noexcept {
    static_cast<void>(refuse(408, "The header did not arrive in time."));
}

/// The buffer may have grown and moved: make the views point into the new one.
void HeadParser::rebase(std::string_view bytes) noexcept {
    if (bytes.data() == base_ || base_ == nullptr) {
        base_ = bytes.data();
        return;
    }
    const auto move = [this, &bytes](std::string_view& view) {
        if (!view.empty()) {
            view = bytes.substr(static_cast<std::size_t>(view.data() - base_), view.size());
        }
    };
    for (Field& field : fields_) {
        move(field.name);
        move(field.value);
    }
    move(request_.method);
    move(request_.target);
    move(request_.path);
    move(request_.query);
    base_ = bytes.data();
}

Progress HeadParser::feed(std::string_view bytes, const Limits& limits) {
    rebase(bytes);
    if (scanned_ == 0 && !bytes.empty()) {
        if (bytes[0] == '\x16') {
            return refuse(400, "This looks like TLS; this port speaks plain HTTP.");
        }
        if (!is(bytes[0], upper)) {
            return refuse(400, "A message must begin with its first line, in capitals.");
        }
    }
    for (;;) {
        const std::string_view fresh = bytes.substr(scanned_);
        const std::size_t at = fresh.find('\n');
        if (at == std::string_view::npos) {
            scanned_ = bytes.size();
            if (first_line_ && kind_ == Kind::request &&
                scanned_ > limits.target_bytes + method_bytes_max + 16) {
                return refuse(414, "The target is too long.");
            }
            if (scanned_ >= limits.header_bytes) {
                return refuse(431, "The header is too large.");
            }
            return Progress::need_more;
        }
        const std::size_t end = scanned_ + at;
        if (end == line_start_ || bytes[end - 1] != '\r') {
            return refuse(400, "Lines must end with CR LF.");
        }
        const std::string_view line = bytes.substr(line_start_, end - 1 - line_start_);
        scanned_ = end + 1;
        line_start_ = scanned_;
        if (scanned_ > limits.header_bytes) {
            return first_line_ && kind_ == Kind::request ? refuse(414, "The target is too long.")
                                                         : refuse(431, "The header is too large.");
        }
        bool good = false;
        if (first_line_) {
            first_line_ = false;
            good = kind_ == Kind::request ? request_line(line, limits) : status_line(line);
        } else if (line.empty()) {
            return finish() ? Progress::complete : Progress::refused;
        } else {
            good = field_line(line, limits);
        }
        if (!good) {
            return Progress::refused;
        }
    }
}

bool HeadParser::request_line(std::string_view line, const Limits& limits) noexcept {
    const auto no = [this](int status, std::string_view sentence) {
        static_cast<void>(refuse(status, sentence));
        return false;
    };
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return no(400, "The request line must be: method, target, version.");
    }
    request_.method = line.substr(0, first);
    const std::string_view version = line.substr(last + 1);
    if (!all(request_.method, upper) || request_.method.size() > method_bytes_max) {
        return no(400, "The method must be up to 16 capital letters.");
    }
    if (version == "HTTP/1.1") {
        request_.minor = 1;
    } else if (version == "HTTP/1.0") {
        request_.minor = 0;
    } else if (
        version.size() == 8 && version.starts_with("HTTP/") && is(version[5], digit) &&
        version[6] == '.' && is(version[7], digit)) {
        return no(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    } else {
        return no(400, "The request line must end with HTTP/1.1 or HTTP/1.0.");
    }
    if (request_.method == "CONNECT" || request_.method == "TRACE") {
        return no(405, "This method is not allowed here.");
    }
    return target(line.substr(first + 1, last - first - 1), limits);
}

bool HeadParser::target(std::string_view text, const Limits& limits) noexcept {
    const auto no = [this](int status, std::string_view sentence) {
        static_cast<void>(refuse(status, sentence));
        return false;
    };
    if (text.size() > limits.target_bytes) {
        return no(414, "The target is too long.");
    }
    if (text.empty() || text.front() != '/') {
        return no(400, "The target must begin with \"/\"; this is not a proxy.");
    }
    request_.target = text;
    const std::size_t mark = text.find('?');
    request_.path = text.substr(0, mark);
    request_.query = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
    if (!all(request_.path, path) || (!request_.query.empty() && !all(request_.query, query))) {
        return no(400, "The target holds characters that must be percent-encoded.");
    }
    std::string_view fault = path_fault(request_.path);
    if (fault.empty()) {
        fault = query_fault(request_.query);
    }
    return fault.empty() || no(400, fault);
}

bool HeadParser::status_line(std::string_view line) noexcept {
    const bool version = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    const bool code = version && line.size() >= 12 && line[9] >= '1' && line[9] <= '5' &&
                      is(line[10], digit) && is(line[11], digit);
    const bool rest =
        code && (line.size() == 12 ||
                 (line[12] == ' ' && (line.size() == 13 || all(line.substr(13), value))));
    if (!rest) {
        static_cast<void>(refuse(502, "The status line is malformed."));
        return false;
    }
    response_.minor = line[7] - '0';
    response_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return true;
}

bool HeadParser::field_line(std::string_view line, const Limits& limits) {
    const auto no = [this](int status, std::string_view sentence) {
        static_cast<void>(refuse(status, sentence));
        return false;
    };
    if (fields_.size() >= limits.fields) {
        return no(431, "There are too many header fields.");
    }
    std::size_t colon = 0;
    while (colon < line.size() && is(line[colon], token)) {
        ++colon;
    }
    if (colon == 0 || colon == line.size() || line[colon] != ':') {
        // White space before the colon and folded lines end up here, too.
        return no(400, "A header line must be: name, colon, value, without spaces in the name.");
    }
    const Field field{.name = line.substr(0, colon), .value = trim(line.substr(colon + 1))};
    if (!field.value.empty() && !all(field.value, value)) {
        return no(400, "A header value must not hold control characters.");
    }
    if (fields_.capacity() == 0) {
        fields_.reserve(fields_at_first);
    }
    fields_.push_back(field);
    return framing_field(field);
}

bool HeadParser::framing_field(const Field& field) noexcept {
    const auto no = [this](int status, std::string_view sentence) {
        static_cast<void>(refuse(status, sentence));
        return false;
    };
    const bool asks = kind_ == Kind::request;
    switch (field.name.size()) {
        case 4:
            if (asks && iequals(field.name, "host")) {
                if (has_host_) {
                    return no(400, "There must be only one Host.");
                }
                has_host_ = true;
                if (field.value.empty() || !all(field.value, host)) {
                    return no(400, "The Host is malformed.");
                }
            }
            return true;
        case 6:
            if (asks && iequals(field.name, "expect")) {
                if (!iequals(field.value, "100-continue")) {
                    return no(417, "Only \"100-continue\" may be expected.");
                }
                request_.expect_continue = true;
            }
            return true;
        case 10:
            return !iequals(field.name, "connection") || connection(field.value);
        case 14:
            return !iequals(field.name, "content-length") || content_length(field.value);
        case 17:
            return !iequals(field.name, "transfer-encoding") || transfer_encoding(field.value);
        default:
            return true;
    }
}

bool HeadParser::content_length(std::string_view text) noexcept {
    auto& length = kind_ == Kind::request ? request_.content_length : response_.content_length;
    constexpr std::size_t digits_max = 18;  // below 2^63 whatever the digits are
    if (length.has_value()) {
        static_cast<void>(refuse(400, "There must be only one Content-Length."));
        return false;
    }
    if (text.empty() || text.size() > digits_max || !all(text, digit) ||
        (text.front() == '0' && text.size() > 1)) {
        static_cast<void>(refuse(400, "The Content-Length must be a plain number."));
        return false;
    }
    std::uint64_t number = 0;
    for (const char c : text) {
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    length = number;
    return true;
}

bool HeadParser::transfer_encoding(std::string_view text) noexcept {
    const auto no = [this](int status, std::string_view sentence) {
        static_cast<void>(refuse(status, sentence));
        return false;
    };
    if (has_encoding_) {
        return no(400, "There must be only one Transfer-Encoding.");
    }
    has_encoding_ = true;
    if (text == "chunked") {
        (kind_ == Kind::request ? request_.chunked : response_.chunked) = true;
        return true;
    }
    if (!text.empty() && all(text, token) && !iequals(text, "chunked")) {
        return no(501, "The only transfer encoding spoken here is \"chunked\".");
    }
    return no(400, "The Transfer-Encoding must be exactly \"chunked\".");
}

bool HeadParser::connection(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view word = trim(text.substr(0, comma));
        if (!word.empty() && !all(word, token)) {
            static_cast<void>(refuse(400, "The Connection must be a list of words."));
            return false;
        }
        says_close_ = says_close_ || iequals(word, "close");
        says_keep_alive_ = says_keep_alive_ || iequals(word, "keep-alive");
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return true;
}

bool HeadParser::finish() noexcept {
    const bool asks = kind_ == Kind::request;
    const int minor = asks ? request_.minor : response_.minor;
    const bool sized =
        asks ? request_.content_length.has_value() : response_.content_length.has_value();
    if (has_encoding_ && minor == 0) {
        static_cast<void>(refuse(400, "HTTP/1.0 has no Transfer-Encoding."));
        return false;
    }
    if (has_encoding_ && sized) {
        static_cast<void>(
            refuse(400, "Content-Length and Transfer-Encoding must not come together."));
        return false;
    }
    if (asks && minor == 1 && !has_host_) {
        static_cast<void>(refuse(400, "The Host is missing."));
        return false;
    }
    const bool keep_alive = !says_close_ && (minor == 1 || says_keep_alive_);
    if (asks) {
        request_.fields = fields_;
        request_.keep_alive = keep_alive;
        request_.expect_continue = request_.expect_continue && minor == 1;
    } else {
        response_.fields = fields_;
        response_.keep_alive = keep_alive;
    }
    return true;
}

}  // namespace evenkeel::inference::http
