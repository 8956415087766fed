#include "policies/config/cases.hpp"
#include "policies/config/explain_key.hpp"
#include "policies/config/load.hpp"
#include "policies/config/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// Feeds the loader four files cut from one input (at NUL bytes) and checks what it promises: no
/// exception, findings with sane places, and text that a terminal can be trusted with. The
/// last one is also read as policy.test.yaml. What loads differs in nothing from itself, and in all
/// that it says from an empty configuration.
namespace evenkeel::config {
namespace {

[[noreturn]] void broken(const char* what, const std::string& text) {
    std::fprintf(stderr, "%s:\n%s\n", what, text.c_str());
    std::abort();
}

void check(const Diagnostic& found) {
    const std::string text = render(found);
    if (found.line < 1 || found.col < 1 || found.end_col <= found.col) {
        broken("a finding without a place", text);
    }
    if (explain(found.code).empty()) {
        broken("a code that is not explained", text);
    }
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) {
            broken("a control character in a finding", text);
        }
    }
    if (text.size() > 4'000) {
        broken("a finding too long for a screen", text);
    }
}

void check(const Loaded& loaded) {
    if (!changes(loaded.settings, loaded.settings).empty()) {
        broken("a configuration that differs from itself", "");
    }
    for (const Change& change : changes({}, loaded.settings)) {
        if (change.path().empty() || change.kind != ChangeKind::added) {
            broken("a change without a place", change.path());
        }
        for (const char c : change.after) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
                broken("a control character in a change", change.path());
            }
        }
    }
}

}  // namespace
}  // namespace evenkeel::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace evenkeel::config;
    constexpr const char* names[] = {
        "evenkeel.yaml", "providers.yaml", "models.yaml", "policy.yaml"};
    std::vector<SourceFile> files;
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    for (const char* name : names) {
        const std::size_t end = rest.find('\0');
        files.push_back({.path = name, .text = std::string{rest.substr(0, end)}});
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    constexpr Date today{std::chrono::year{2026}, std::chrono::month{11}, std::chrono::day{25}};
    const auto loaded = load(files, today);
    if (loaded) {
        check(*loaded);
    }
    const auto cases =
        load_cases({.path = "policy.test.yaml", .text = files.back().text}, evenkeel::usd);
    if (!cases) {
        for (const Diagnostic& found : cases.error()) {
            check(found);
        }
    }
    for (const KeyRef& each : find_keys(files.front().text)) {
        if (explain_key(each).empty()) {
            broken("a key without help", files.front().text);
        }
    }
    if (near_keys(files.front().text).size() > 3) {
        broken("too many near keys", files.front().text);
    }
    for (const Diagnostic& found : loaded ? loaded->warnings : loaded.error()) {
        check(found);
    }
    return 0;
}
