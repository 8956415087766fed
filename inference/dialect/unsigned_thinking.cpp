#include "inference/dialect/unsigned_thinking.hpp"

#include "inference/dialect/json_reader.hpp"

#include <vector>

namespace evenkeel::inference::dialect {

namespace {

using String = JsonReader::String;

class ThinkingReader {
public:
    explicit ThinkingReader(std::string_view body) : json_{body}, body_{body} {}

    std::optional<std::string> run() {
        const bool whole = json_.each_member(1, [this](const String& key) {
            return json_.decode(key) == "messages" && json_.peek() == '[' ? messages()
                                                                          : json_.skip_value(1);
        });
        if (!whole || !found_) {
            return std::nullopt;
        }
        out_ += body_.substr(copied_);
        return std::move(out_);
    }

private:
    bool messages() {
        return json_.each_element(2, [this] {
            if (json_.peek() != '{') {
                return json_.skip_value(2);
            }
            return json_.each_member(3, [this](const String& key) {
                return json_.decode(key) == "content" && json_.peek() == '[' ? blocks()
                                                                             : json_.skip_value(3);
            });
        });
    }

    bool blocks() {
        const std::size_t begin = json_.position();
        std::vector<Span> kept;
        bool drops = false;
        const bool whole = json_.each_element(4, [&] {
            json_.skip_space();
            Span block{.begin = json_.position()};
            bool is_unsigned = false;
            const bool read = json_.peek() == '{' ? this->block(is_unsigned) : json_.skip_value(4);
            block.end = json_.position();
            if (is_unsigned) {
                drops = true;
            } else {
                kept.push_back(block);
            }
            return read;
        });
        if (whole && drops) {
            found_ = true;
            out_ += body_.substr(copied_, begin - copied_);
            out_ += '[';
            for (const Span& block : kept) {
                out_ += out_.back() == '[' ? "" : ",";
                out_ += json_.text(block);
            }
            out_ += ']';
            copied_ = json_.position();
        }
        return whole;
    }

    bool block(bool& is_unsigned) {
        bool thinks = false;
        bool is_signed = false;
        const bool whole = json_.each_member(5, [&](const String& key) {
            const std::string name = json_.decode(key);
            if ((name != "type" && name != "signature") || json_.peek() != '"') {
                return json_.skip_value(5);
            }
            String text;
            if (!json_.read_string(text)) {
                return false;
            }
            thinks = thinks || (name == "type" && json_.decode(text) == "thinking");
            is_signed = is_signed || (name == "signature" && text.decoded_bytes > 0);
            return true;
        });
        is_unsigned = thinks && !is_signed;
        return whole;
    }

    JsonReader json_;
    std::string_view body_;
    std::string out_{};
    std::size_t copied_{0};
    bool found_{false};
};

}  // namespace

std::optional<std::string> without_unsigned_thinking(std::string_view body) {
    return ThinkingReader{body}.run();
}

}  // namespace evenkeel::inference::dialect
