#include "tests/fakes/cloud/wire.hpp"

#include "providers/http/rfc3339.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace evenkeel::fakes::cloud::wire {

std::optional<bj::object> read_object(std::string_view body) {
    boost::system::error_code error;
    bj::value value = bj::parse(body, error);
    if (error || !value.is_object()) {
        return std::nullopt;
    }
    return std::move(value.as_object());
}

std::string text(const bj::object& object, std::string_view name) {
    const bj::value* const value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->as_string()} : std::string{};
}

bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool matches(const std::string& text, const std::regex& pattern) {
    return std::regex_match(text, pattern);
}

std::string seconds_text(UtcTime time) {
    std::string text = providers::format_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
    text.resize(text.find_first_of(".Z"));
    return text + 'Z';
}

void trouble(json::Members& members, const Personality& personality, const MachineNames& names) {
    const auto member = [&](std::string_view name) -> std::string& {
        return std::ranges::find(members, name, [](const auto& pair) { return pair.first; })
            ->second;
    };
    if (personality.is_on(Trouble::unknown_status)) {
        member(names.status) = R"("migrating")";
    }
    if (const auto which = personality.value(Trouble::missing_field)) {
        member(*which == 0 ? names.status : *which == 1 ? names.name : names.created).clear();
    }
    if (personality.is_on(Trouble::extra_fields)) {
        members.emplace_back("experimental_lease", R"({"grace":17,"until":null,"nested":[{}]})");
    }
}

int shown_stock(const Shop& shop, const Sku& sku, std::string_view region) {
    const auto none = shop.world().personality(sku.vendor).value(Trouble::no_stock);
    return none == 1 ? 0 : shop.world().stock_left(sku, region);
}

}  // namespace evenkeel::fakes::cloud::wire
