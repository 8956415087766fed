#include "policies/config/tariff.hpp"

#include <charconv>
#include <string_view>

namespace evenkeel::config {

namespace {

/// Minutes since midnight of "10:00"; the loader has checked the form.
int minutes_of(std::string_view text) {
    int hours = 0;
    int minutes = 0;
    std::from_chars(text.data(), text.data() + 2, hours);
    std::from_chars(text.data() + 3, text.data() + 5, minutes);
    return hours * 60 + minutes;
}

}  // namespace

std::optional<Price> tariff_at(const Energy& energy, int minute) {
    for (const Tariff& tariff : energy.tariff) {
        if (!tariff.when || tariff.when->size() != 11) {
            return tariff.price;
        }
        const int from = minutes_of(std::string_view{*tariff.when}.substr(0, 5));
        const int to = minutes_of(std::string_view{*tariff.when}.substr(6, 5));
        const bool inside =
            from <= to ? minute >= from && minute < to : minute >= from || minute < to;
        if (inside) {
            return tariff.price;
        }
    }
    return std::nullopt;
}

}  // namespace evenkeel::config
