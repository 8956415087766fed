#include "agent/report/invoice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace evenkeel::report {

namespace {

constexpr std::size_t bytes_max = 64u << 20;

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(
        out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes one record off the front of a CSV text; quoted fields may hold line ends.
std::vector<std::string> take_record(std::string_view& text) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted) {
            if (c != '"') {
                fields.back() += c;
            } else if (at + 1 < text.size() && text[at + 1] == '"') {
                fields.back() += '"';
                ++at;
            } else {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == ',') {
            fields.emplace_back();
        } else if (c == '\n') {
            ++at;
            break;
        } else if (c != '\r') {
            fields.back() += c;
        }
    }
    text.remove_prefix(std::min(at, text.size()));
    return fields;
}

constexpr std::size_t no_column = std::string::npos;

std::size_t column_of(
    const std::vector<std::string>& header, std::span<const std::string_view> words) {
    for (const std::string_view word : words) {
        for (std::size_t i = 0; i < header.size(); ++i) {
            if (lower(trimmed(header[i])) == word) {
                return i;
            }
        }
    }
    return no_column;
}

std::string_view cell(const std::vector<std::string>& record, std::size_t column) {
    return column < record.size() ? trimmed(record[column]) : std::string_view{};
}

bool says_tax(std::string_view text) {
    const std::string word = lower(text);
    return std::ranges::any_of(
        std::array<std::string_view, 3>{"tax", "vat", "gst"},
        [&](std::string_view part) { return word.find(part) != std::string::npos; });
}

constexpr std::size_t group_digits = 3;

/// Takes out the commas of "1,234,567": nothing of a text whose commas stand elsewhere, because it
/// may mean another number where a comma begins the decimals.
std::optional<std::string> without_groups(std::string_view whole) {
    std::string digits{whole.substr(0, whole.find(','))};
    if (digits.size() == whole.size()) {
        return digits;
    }
    if (digits.empty() || digits.size() > group_digits) {
        return std::nullopt;
    }
    for (std::size_t at = digits.size(); at < whole.size(); at += 1 + group_digits) {
        const std::string_view group = whole.substr(at + 1, group_digits);
        if (whole[at] != ',' || group.size() != group_digits || group.contains(',')) {
            return std::nullopt;
        }
        digits += group;
    }
    return digits;
}

/// "1,234.50", "$3.20" and "-$3.20" are amounts too.
Result<Money> amount_of(std::string_view text, Currency currency) {
    std::string_view rest = text;
    const bool negative = rest.starts_with('-');
    rest.remove_prefix(negative ? 1 : 0);
    rest.remove_prefix(rest.starts_with('$') ? 1 : 0);
    const std::size_t point = std::min(rest.find('.'), rest.size());
    const auto whole = without_groups(rest.substr(0, point));
    Result<std::int64_t> nanos = fail(Errc::invalid_argument, "");
    if (whole && !rest.starts_with('-')) {
        nanos = parse_decimal((negative ? "-" : "") + *whole + std::string{rest.substr(point)}, 9);
    }
    if (!nanos) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "'{}' is no amount: write 1234.50 or 1,234.50, commas only between thousands and "
                "a point before the decimals",
                text));
    }
    return Money{*nanos, currency};
}

}  // namespace

Result<Invoice> parse_invoice_amount(std::string_view text, Currency currency) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const auto named = space == text.size() ? std::optional{currency}
                                            : Currency::parse(trimmed(text.substr(space)));
    if (!named) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "'{}' is no currency: write an amount such as '123.45 USD'",
                trimmed(text.substr(space))));
    }
    const auto money = amount_of(text.substr(0, space), *named);
    if (!money) {
        return std::unexpected{money.error()};
    }
    return Invoice{.amount = *money};
}

Result<Invoice> parse_invoice_csv(std::string_view text, Currency currency) {
    constexpr std::array<std::string_view, 8> ids{
        "resourceid", "id", "remote_id", "podid", "pod_id", "droplet_id", "instance_id", "machine"};
    constexpr std::array<std::string_view, 5> amounts{
        "billedcost", "amount", "total", "cost", "totalamount"};
    constexpr std::array<std::string_view, 2> currencies{"billingcurrency", "currency"};
    constexpr std::array<std::string_view, 5> kinds{
        "chargecategory", "kind", "type", "category", "description"};
    if (text.size() > bytes_max) {
        return fail(Errc::invalid_argument, "the invoice is larger than 64 MiB");
    }
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    const std::vector<std::string> header = take_record(text);
    const std::size_t amount = column_of(header, amounts);
    if (amount == no_column) {
        return fail(
            Errc::invalid_argument,
            "line 1 of the invoice names no column 'amount' (or BilledCost, total, cost): the file "
            "must be CSV with a header line");
    }
    const std::size_t id = column_of(header, ids);
    const std::size_t code = column_of(header, currencies);
    const std::size_t kind = column_of(header, kinds);
    Invoice invoice;
    for (int number = 2; !text.empty(); ++number) {
        const std::vector<std::string> record = take_record(text);
        if (cell(record, amount).empty()) {
            continue;  // an empty line, or a heading
        }
        const std::string_view word = cell(record, code);
        const auto named = word.empty() ? std::optional{currency} : Currency::parse(word);
        const auto money = named ? amount_of(cell(record, amount), *named) : Result<Money>{};
        if (!named || !money) {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "record {} of the invoice: {}",
                    number,
                    named ? money.error().message : fmt::format("'{}' is no currency", word)));
        }
        invoice.lines.push_back(
            {.id = std::string{cell(record, id)},
             .amount = *money,
             .tax = says_tax(cell(record, kind))});
    }
    return invoice;
}

}  // namespace evenkeel::report
