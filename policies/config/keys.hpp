#pragma once

#include <span>
#include <string>
#include <string_view>

/// The one list of configuration keys. The loader checks files against it and docs/configuration.md
/// is made from it; a new key is a new row here, a field in config.hpp and a line in build.cpp.
namespace evenkeel::config {

enum class File {
    evenkeel,
    providers,
    models,
    policy,
    cases,  ///< policy.test.yaml: no part of the configuration, see cases.hpp
};

/// The files of a configuration.
inline constexpr File all_files[] = {File::evenkeel, File::providers, File::models, File::policy};

/// "evenkeel.yaml" and so on.
[[nodiscard]] std::string_view file_name(File file) noexcept;
/// What the file is for, as in "says who sells what".
[[nodiscard]] std::string_view file_purpose(File file) noexcept;

/// What may stand at a key.
enum class Type {
    map,            ///< further keys
    text,           ///< any text of 1 to 256 bytes without control characters
    pattern,        ///< an RE2 pattern of 1 to 256 bytes
    name,           ///< letters, digits, . _ -; 1 to 64 characters
    model_name,     ///< as name, and / : + @; 1 to 128 characters
    file_name,      ///< the name of one file, no folders
    header_name,    ///< lower-case HTTP header name
    choice,         ///< one of the listed words
    boolean,        ///< true or false
    integer,        ///< 0 4 730
    tokens,         ///< 32768 32k 1M (thousands and millions)
    ratio,          ///< up to three decimals: 0.35
    rate,           ///< up to nine decimals, above zero: 1.4235
    percent,        ///< 60%
    duration,       ///< 80ms 45s 5m 6h 3d
    duration_auto,  ///< the same, or auto
    months,         ///< 24mo
    money,          ///< 400 AUD
    price_hour,     ///< 4.41 USD/h
    price_mtok,     ///< 25 USD/Mtok
    price_kwh,      ///< 0.33 AUD/kWh
    per_minute,     ///< 60/min, 200k/min (thousands and millions)
    power,          ///< 150 W, 1.35 kW
    bytes,          ///< 512 B, 32 KiB, 32 MiB
    memory,         ///< 256 KiB, 31.84 GiB, 19.85 GB
    date,           ///< 2026-11-09
    time_window,    ///< "10:00-15:00", quoted
    currency,       ///< USD
    zone,           ///< Australia/Sydney
    address,        ///< "127.0.0.1:8080", "[::1]:8080"
    url,            ///< https, or http on loopback
};

/// One row. Paths are written as in diagnostics: `scaling[]` is a list, `scaling[].max` a key of
/// its entries, `providers.*` a map with names the owner chooses.
struct Key {
    std::string_view path{};
    Type type{Type::text};
    Type name_type{Type::name};       ///< of the names under `.*`
    bool is_required{false};          ///< the key must be there
    bool is_filled{false};            ///< a list or named map must have at least one entry
    bool is_ordered{false};           ///< a list whose order means something
    bool may_repeat{false};           ///< a value or map that may also be a list of such
    std::string_view default_text{};  ///< what leaving it out means, as it would be written
    std::string_view example_text{};  ///< for messages and the reference
    std::string_view least{};         ///< smallest legal value, as it would be written
    std::string_view most{};          ///< largest legal value
    std::string_view choices{};       ///< "cheapest|fastest|listed"
    std::string_view help_text{};     ///< one sentence: what it does
    std::string_view without_text{};  ///< one sentence: what happens without it

    constexpr Key(std::string_view at, Type kind, std::string_view sentence) noexcept
        : path{at}, type{kind}, help_text{sentence} {}
    [[nodiscard]] constexpr Key required(std::string_view why) const noexcept {
        Key row = *this;
        row.is_required = true;
        row.without_text = why;
        return row;
    }
    [[nodiscard]] constexpr Key filled() const noexcept {
        Key row = *this;
        row.is_filled = true;
        return row;
    }
    [[nodiscard]] constexpr Key ordered() const noexcept {
        Key row = *this;
        row.is_ordered = true;
        return row;
    }
    [[nodiscard]] constexpr Key repeated() const noexcept {
        Key row = *this;
        row.may_repeat = true;
        return row;
    }
    [[nodiscard]] constexpr Key named(Type names) const noexcept {
        Key row = *this;
        row.name_type = names;
        return row;
    }
    [[nodiscard]] constexpr Key def(std::string_view text) const noexcept {
        Key row = *this;
        row.default_text = text;
        return row;
    }
    [[nodiscard]] constexpr Key example(std::string_view text) const noexcept {
        Key row = *this;
        row.example_text = text;
        return row;
    }
    [[nodiscard]] constexpr Key between(
        std::string_view smallest, std::string_view largest) const noexcept {
        Key row = *this;
        row.least = smallest;
        row.most = largest;
        return row;
    }
    [[nodiscard]] constexpr Key one_of(std::string_view words) const noexcept {
        Key row = *this;
        row.choices = words;
        return row;
    }
    [[nodiscard]] constexpr Key without(std::string_view sentence) const noexcept {
        Key row = *this;
        row.without_text = sentence;
        return row;
    }
};

/// The rows of one file, parents before children.
[[nodiscard]] std::span<const Key> keys(File file) noexcept;

/// docs/configuration.md's table of keys, in Markdown.
[[nodiscard]] std::string reference_markdown();

}  // namespace evenkeel::config
