#include "inference/http/response.hpp"

#include <array>
#include <charconv>

namespace evenkeel::inference::http {

namespace {

void append_number(std::string& out, std::size_t number) {
    std::array<char, 24> digits{};
    const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), end);
}

bool is_name(std::string_view name) noexcept {
    for (const char c : name) {
        const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alpha && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return !name.empty();
}

bool is_framing(std::string_view name) noexcept {
    switch (name.size()) {
        case 4:
            return iequals(name, "date");
        case 10:
            return iequals(name, "connection");
        case 14:
            return iequals(name, "content-length");
        case 17:
            return iequals(name, "transfer-encoding");
        default:
            return false;
    }
}

}  // namespace

bool headers_are_clean(const Headers& headers) noexcept {
    for (const auto& [name, value] : headers) {
        if (!is_name(name) || is_framing(name)) {
            return false;
        }
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
                return false;
            }
        }
    }
    return true;
}

void append_head(
    std::string& out,
    int status,
    const Headers& headers,
    const Framing& framing,
    std::string_view date) {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::size_t>(status));
    out += ' ';
    out += reason_phrase(status);
    out += "\r\n";
    out += date;
    for (const auto& [name, value] : headers) {
        out += name;
        out += ": ";
        out += value;
        out += "\r\n";
    }
    if (framing.length.has_value()) {
        out += "Content-Length: ";
        append_number(out, *framing.length);
        out += "\r\n";
    }
    if (framing.chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    }
    if (framing.close) {
        out += "Connection: close\r\n";
    } else if (framing.keep_alive) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

std::string_view DateLine::at(std::time_t now) {
    if (now != second_) {
        second_ = now;
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        // Not strftime's %a and %b: those follow the process's locale.
        constexpr std::array<std::string_view, 7> days{
            "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        constexpr std::array<std::string_view, 12> months{
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::array<char, 32> rest{};
        line_ = "Date: ";
        line_ += days[static_cast<std::size_t>(utc.tm_wday)];
        line_.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &utc));
        line_ += months[static_cast<std::size_t>(utc.tm_mon)];
        line_.append(
            rest.data(), std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT\r\n", &utc));
    }
    return line_;
}

std::string plain_error_body(std::string_view sentence) {
    std::string body = R"({"error":{"message":")";
    for (const char c : sentence) {
        if (c == '"' || c == '\\') {
            body += '\\';
        }
        body += c;
    }
    body += R"("}})";
    return body;
}

}  // namespace evenkeel::inference::http
