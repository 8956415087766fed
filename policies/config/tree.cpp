#include "policies/config/tree.hpp"

#include "policies/config/scan.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <unordered_map>

namespace evenkeel::config {
namespace {

/// Ends the parse from within a callback; the finding was added already.
struct Stop {};

/// Builds the tree from yaml-cpp's events. Events carry anchors, aliases, tags and every key, which
/// yaml-cpp's own nodes hide or merge, and can be stopped early; an alias is never expanded.
class Builder final : public YAML::EventHandler {
public:
    using Report =
        std::function<Diagnostic&(std::size_t, std::size_t, std::string_view, std::string)>;

    Builder(const Lines& lines, Report report) : lines_{lines}, report_{std::move(report)} {}

    [[nodiscard]] std::optional<Node> take() { return std::move(root_); }
    /// Start of the innermost list or map in [] or {} that is still open.
    [[nodiscard]] std::optional<std::size_t> open_flow() const {
        for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
            if (frame->begin < text().size() &&
                (at(frame->begin) == '[' || at(frame->begin) == '{')) {
                return frame->begin;
            }
        }
        return std::nullopt;
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) {
            stop(mark, "EK-C007", "a second document; each file is one YAML document");
        }
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Node node;
        node.kind = NodeKind::null;
        const std::size_t begin = begin_of(mark);
        const std::size_t end = token_end(text(), begin, {});
        const std::string_view token = text().substr(begin, end - begin);
        const bool written = token == "~" || token == "null" || token == "Null" || token == "NULL";
        node.spot = written ? lines_.spot(begin, end) : empty_spot(begin);
        check_properties(mark, "", anchor);
        add(std::move(node), begin);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        const std::size_t begin = begin_of(mark);
        alias(begin);
        Node node;
        node.kind = NodeKind::broken;
        node.spot = lines_.spot(begin, begin + 1);
        add(std::move(node), begin);
    }
    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        const std::string& value) override {
        const std::size_t begin = begin_of(mark);
        const std::size_t end = token_end(text(), begin, value);
        Node node;
        node.kind = NodeKind::scalar;
        node.text = value;
        node.spot = lines_.spot(begin, end);
        node.is_quoted = at(begin) == '"' || at(begin) == '\'';
        if (check_properties(mark, tag, anchor)) {
            node.kind = NodeKind::broken;
        } else if (node.is_quoted && end == std::string_view::npos) {
            report_(begin, begin + 1, "EK-C002", "this quote is never closed");
            throw Stop{};
        } else if (!node.is_quoted && spans_lines(begin, value)) {
            Diagnostic& found =
                report_(begin, end, "EK-C002", "this value runs on into the next line");
            found.hint = "indent keys alike, and write 'key: value' on each line";
            found.notes.emplace_back("a value over several lines must stand in quotes");
            node.kind = NodeKind::broken;
        }
        add(std::move(node), begin);
    }
    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override {
        open(mark, NodeKind::list, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t anchor,
        YAML::EmitterStyle::value) override {
        open(mark, NodeKind::map, tag, anchor);
    }
    void OnMapEnd() override {
        std::erase_if(frames_.back().node->entries, [](const Entry& e) { return e.is_ignored; });
        close();
    }

private:
    struct Frame {
        Node* node{nullptr};
        std::size_t begin{0};
        bool has_key{false};  ///< maps: the entry at the back waits for its value
        std::unordered_map<std::string, Spot> seen{};
    };

    [[nodiscard]] std::string_view text() const { return lines_.text(); }
    [[nodiscard]] char at(std::size_t pos) const {
        return pos < text().size() ? text()[pos] : '\0';
    }
    [[nodiscard]] std::size_t begin_of(const YAML::Mark& mark) const {
        return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), text().size());
    }
    [[noreturn]] void stop(const YAML::Mark& mark, std::string_view code, std::string message) {
        const std::size_t begin = begin_of(mark);
        report_(begin, begin + 1, code, std::move(message));
        throw Stop{};
    }
    void alias(std::size_t begin) {
        Diagnostic& found = report_(
            begin, word_end(text(), begin), "EK-C004", "an alias; write the value out instead");
        found.notes.emplace_back("what a line says must stand on that line");
    }
    /// Reports an anchor or a tag in front of a node. True when there was one.
    bool check_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        const std::size_t begin = begin_of(mark);
        const std::size_t end = word_end(text(), begin);
        if (anchor != 0) {
            report_(begin, end, "EK-C004", "an anchor; write the value out where it is needed");
            return true;
        }
        if (at(begin) == '!' || (!tag.empty() && tag != "?" && tag != "!")) {
            report_(begin, end, "EK-C006", "a tag; the key alone decides what its value is");
            return true;
        }
        return false;
    }
    /// Where to point when a value is missing: the last thing written before it.
    [[nodiscard]] Spot empty_spot(std::size_t begin) const {
        if (!frames_.empty() && frames_.back().has_key) {
            return frames_.back().node->entries.back().spot;
        }
        const std::size_t last = text().substr(0, begin).find_last_not_of(" \t\r\n");
        return last == std::string_view::npos ? lines_.spot(begin, begin + 1)
                                              : lines_.spot(last, last + 1);
    }
    [[nodiscard]] bool spans_lines(std::size_t begin, std::string_view value) const {
        const char first = at(begin);
        return first != '|' && first != '>' && !value.empty() &&
               text().substr(begin, value.size()) != value;
    }

    void count(std::size_t begin) {
        if (++nodes_ > file_nodes_max) {
            report_(
                begin,
                begin + 1,
                "EK-C009",
                fmt::format("more than {} values in one file", file_nodes_max));
            throw Stop{};
        }
    }
    void add_key(Node&& node, std::size_t begin) {
        Frame& frame = frames_.back();
        frame.has_key = true;
        Entry entry;
        entry.spot = node.spot;
        if (node.kind == NodeKind::scalar && node.text == "<<" && !node.is_quoted) {
            report_(begin, begin + 2, "EK-C005", "a merge key '<<'; write the keys out instead");
            entry.is_ignored = true;
        } else if (node.kind == NodeKind::null) {
            report_(begin, begin + 1, "EK-C002", "a value without a key");
            entry.is_ignored = true;
        } else if (node.kind == NodeKind::broken) {
            entry.is_ignored = true;
        } else if (const auto [first, fresh] = frame.seen.emplace(node.text, node.spot); !fresh) {
            Diagnostic& found = report_(
                begin,
                token_end(text(), begin, node.text),
                "EK-C003",
                fmt::format(
                    "duplicate key {}, first at {}:{}",
                    quote(node.text),
                    first->second.line,
                    first->second.col));
            found.source.clear();
            entry.is_ignored = true;
        }
        entry.key = std::move(node.text);
        if (frame.node->entries.empty() && at(frame.begin) != '{') {
            frame.node->spot = entry.spot;
        }
        frame.node->entries.push_back(std::move(entry));
    }
    /// Puts a finished or just opened node where it belongs; gives its final address.
    Node* add(Node&& node, std::size_t begin) {
        count(begin);
        if (frames_.empty()) {
            root_ = std::move(node);
            return &*root_;
        }
        Frame& frame = frames_.back();
        if (frame.node->kind == NodeKind::list) {
            return &frame.node->items.emplace_back(std::move(node));
        }
        if (!frame.has_key) {
            add_key(std::move(node), begin);
            return nullptr;
        }
        frame.has_key = false;
        Entry& entry = frame.node->entries.back();
        entry.node = std::move(node);
        return &entry.node;
    }
    void open(
        const YAML::Mark& mark, NodeKind kind, const std::string& tag, YAML::anchor_t anchor) {
        const std::size_t begin = begin_of(mark);
        check_properties(mark, tag, anchor);
        if (!frames_.empty() && frames_.back().node->kind == NodeKind::map &&
            !frames_.back().has_key) {
            stop(mark, "EK-C002", "a list or map as a key; keys are plain words");
        }
        if (frames_.size() >= static_cast<std::size_t>(file_depth_max)) {
            stop(mark, "EK-C009", fmt::format("nested more than {} deep", file_depth_max));
        }
        Node node;
        node.kind = kind;
        node.spot = lines_.spot(begin, begin + 1);
        frames_.push_back({.node = add(std::move(node), begin), .begin = begin});
    }
    void close() { frames_.pop_back(); }

    const Lines& lines_;
    Report report_;
    std::optional<Node> root_{};
    std::vector<Frame> frames_{};
    int documents_{0};
    int nodes_{0};
};

/// yaml-cpp's words in ours, where ours say more.
struct Syntax {
    std::string_view code{"EK-C002"};
    std::string message{};
    std::string note{};
};

Syntax explain_syntax(const std::string& message) {
    using namespace YAML::ErrorMsg;
    if (message == MAP_VALUE || message == MAP_KEY) {
        return {
            .message = "unexpected ':' here",
            .note = "often the line before lacks its ':', or the indentation differs"};
    }
    if (message == END_OF_MAP || message == END_OF_SEQ || message == BLOCK_ENTRY) {
        return {
            .message = "this line does not belong to the list or map above it",
            .note = "entries of one list or map stand in one column"};
    }
    if (message == END_OF_MAP_FLOW || message == END_OF_SEQ_FLOW) {
        return {.message = "a ',' or the closing bracket is missing"};
    }
    if (message == FLOW_END) {
        return {.message = "a closing bracket without an opening one"};
    }
    if (message == UNKNOWN_TOKEN) {
        return {.message = "a value cannot begin like this; put it in quotes"};
    }
    if (message == UNKNOWN_ANCHOR || message == ALIAS_NOT_FOUND || message == CHAR_IN_ALIAS) {
        return {.code = "EK-C004", .message = "an alias; write the value out instead"};
    }
    if (message == ANCHOR_NOT_FOUND || message == CHAR_IN_ANCHOR || message == MULTIPLE_ANCHORS ||
        message == AMBIGUOUS_ANCHOR) {
        return {.code = "EK-C004", .message = "an anchor; write the value out where it is needed"};
    }
    if (message == MULTIPLE_TAGS || message == TAG_WITH_NO_SUFFIX ||
        message == CHAR_IN_TAG_HANDLE || message == END_OF_VERBATIM_TAG) {
        return {.code = "EK-C006", .message = "a tag; the key alone decides what its value is"};
    }
    return {.message = "not valid YAML: " + printable(message)};
}

}  // namespace

const Entry* entry(const Node* map, std::string_view key) noexcept {
    if (map == nullptr || map->kind != NodeKind::map) {
        return nullptr;
    }
    const auto it = std::ranges::find(map->entries, key, &Entry::key);
    return it == map->entries.end() ? nullptr : &*it;
}

const Node* child(const Node* map, std::string_view key) noexcept {
    const Entry* found = entry(map, key);
    return found == nullptr ? nullptr : &found->node;
}

Node* child(Node* map, std::string_view key) noexcept {
    return const_cast<Node*>(child(static_cast<const Node*>(map), key));
}

std::span<const Node> items_of(const Node* node) noexcept {
    return node != nullptr && node->kind == NodeKind::list ? std::span{node->items}
                                                           : std::span<const Node>{};
}

std::span<const Entry> entries_of(const Node* node) noexcept {
    return node != nullptr && node->kind == NodeKind::map ? std::span{node->entries}
                                                          : std::span<const Entry>{};
}

const Value* value(const Node* node) noexcept {
    return node != nullptr && node->value ? &*node->value : nullptr;
}

Document::Document(const SourceFile& file, Findings& findings)
    : path_{file.path}, lines_{without_mark(file.text)} {
    const std::string_view text = lines_.text();
    if (auto problem = scan(text)) {
        const Spot spot = lines_.spot(problem->begin, problem->end);
        Diagnostic& found = findings.add(finding(spot, problem->code, std::move(problem->message)));
        if (!problem->is_shown) {
            found.source.clear();
        }
        return;
    }
    const std::size_t tab = first_tab_indent(text);
    if (tab == std::string_view::npos) {
        parse(lines_, /*is_guess=*/false, findings);
        return;
    }
    Diagnostic& found = findings.add(finding(
        lines_.spot(tab, tab + 1), "EK-C001", "tab used for indentation; YAML allows only spaces"));
    found.source.clear();
    const Untabbed untabbed = without_tabs(text);
    parse(Lines{untabbed.text, untabbed.shifts}, /*is_guess=*/true, findings);
}

void Document::parse(const Lines& lines, bool is_guess, Findings& findings) {
    Diagnostic ignored;
    // Where indentation is a guess, what it seems to break says nothing.
    const auto report = [&](std::size_t begin,
                            std::size_t end,
                            std::string_view code,
                            std::string message) -> Diagnostic& {
        Diagnostic found = finding(lines.spot(begin, end), code, std::move(message));
        return is_guess && code == "EK-C002" ? ignored = std::move(found)
                                             : findings.add(std::move(found));
    };
    Builder builder{lines, report};
    try {
        std::istringstream input{std::string{lines.text()}};
        YAML::Parser parser{input};
        parser.HandleNextDocument(builder);
        parser.HandleNextDocument(builder);
        root_ = builder.take();
    } catch (const Stop&) {
        root_.reset();
    } catch (const YAML::Exception& error) {
        const auto open = builder.open_flow();
        const bool is_unclosed = error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW ||
                                 error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW;
        const std::size_t pos =
            is_unclosed && open ? *open : static_cast<std::size_t>(std::max(error.mark.pos, 0));
        Syntax syntax = explain_syntax(error.msg);
        Diagnostic& found = report(pos, pos + 1, syntax.code, std::move(syntax.message));
        if (!syntax.note.empty()) {
            found.notes.push_back(std::move(syntax.note));
        }
    }
}

}  // namespace evenkeel::config
