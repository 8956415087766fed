#include "tests/fakes/cloud/node_data.hpp"

#include "tests/fakes/cloud/base64.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace evenkeel::fakes::cloud {

namespace {

/// Shorter runs of base64 letters are words of the text itself.
constexpr std::size_t base64_word_min = 64;
constexpr int layers_max = 3;
constexpr std::size_t expanded_bytes_max = 4 * 1024 * 1024;

/// The text, and behind it what its base64 words say, layer after layer.
std::string expand(std::string_view text) {
    std::string all{text};
    std::size_t from = 0;
    for (int layer = 0; layer < layers_max; ++layer) {
        const std::size_t end = all.size();
        for (std::size_t at = from; at < end;) {
            std::size_t stop = at;
            while (stop < end && base64_digit(all[stop]) >= 0) {
                ++stop;
            }
            if (stop - at >= base64_word_min && all.size() < expanded_bytes_max) {
                all += '\n' + base64_decode(std::string_view{all}.substr(at, stop - at));
            }
            at = std::max(stop, at + 1);
        }
        from = end;
    }
    return all;
}

/// The block from `begin` to `end` with its lines unindented.
std::string pem_block(std::string_view text, std::string_view label) {
    const std::string begin = "-----BEGIN " + std::string{label} + "-----";
    const std::string end = "-----END " + std::string{label} + "-----";
    const std::size_t start = text.find(begin);
    const std::size_t stop = start == text.npos ? text.npos : text.find(end, start);
    if (stop == text.npos) {
        return {};
    }
    std::string block;
    bool at_line_start = true;
    for (const char c : text.substr(start, stop + end.size() - start)) {
        if (at_line_start && (c == ' ' || c == '\t')) {
            continue;
        }
        at_line_start = c == '\n';
        if (c != '\r') {
            block += c;
        }
    }
    return block + '\n';
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._/:+"}.contains(c);
}

/// The word behind `marker`, past blanks, quotes and the dashes of a YAML list.
std::string word_behind(std::string_view text, std::string_view marker) {
    std::size_t at = text.find(marker);
    if (at == text.npos) {
        return {};
    }
    at += marker.size();
    while (at < text.size() && (std::string_view{" \t\r\n=,\"'\\"}.contains(text[at]) ||
                                (text[at] == '-' && text.substr(at).starts_with("- ")))) {
        ++at;
    }
    const std::size_t stop = std::min(
        text.size(),
        static_cast<std::size_t>(
            std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_word) -
            text.begin()));
    return std::string{text.substr(at, stop - at)};
}

/// nginx's "listen [address:]port ssl".
int front_port(std::string_view text) {
    for (std::size_t at = text.find("listen "); at != text.npos;
         at = text.find("listen ", at + 1)) {
        const std::string_view line = text.substr(at, text.find_first_of(";\n", at) - at);
        const std::size_t ssl = line.find(" ssl");
        if (ssl == line.npos) {
            continue;
        }
        const std::string_view place = line.substr(7, ssl - 7);
        const std::string_view digits = place.substr(place.find_last_of(": ") + 1);
        int port = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (read.ec == std::errc{} && port > 0 && port < 65'536) {
            return port;
        }
    }
    return 0;
}

}  // namespace

std::optional<NodeData> read_node_data(std::string_view text) {
    const std::string all = expand(text);
    NodeData data{.certificate = pem_block(all, "CERTIFICATE")};
    for (const std::string_view label : {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"}) {
        if (data.key.empty()) {
            data.key = pem_block(all, label);
        }
    }
    data.engine_key = word_behind(all, "EVENKEEL_ENGINE_KEY=");
    if (data.certificate.empty() || data.key.empty() || data.engine_key.empty()) {
        return std::nullopt;
    }
    for (const std::string_view marker : {"--served-model-name", "SERVED_MODEL_NAME=", "--alias"}) {
        if (data.model.empty()) {
            data.model = word_behind(all, marker);
        }
    }
    if (const int port = front_port(all); port != 0) {
        data.port = port;
    }
    return data;
}

}  // namespace evenkeel::fakes::cloud
