#include "tests/bench/year_world.hpp"

#include <fmt/format.h>

namespace evenkeel::bench {

namespace {

Money usd_nanos(std::int64_t nanos) {
    return Money{nanos, usd};
}

Money aud_nanos(std::int64_t nanos) {
    return Money{nanos, aud};
}

}  // namespace

Prices prices_of(int quarter) {
    // Tokens become cheaper, hours go up and down, the dollar moves.
    constexpr std::array<std::int64_t, 4> opus_in{
        5'000'000'000, 5'000'000'000, 4'000'000'000, 4'000'000'000};
    constexpr std::array<std::int64_t, 4> runpod{
        2'890'000'000, 2'690'000'000, 2'990'000'000, 2'790'000'000};
    constexpr std::array<std::int64_t, 4> rate{
        1'512'300'000, 1'487'500'000, 1'423'500'000, 1'466'000'000};
    const auto q = static_cast<std::size_t>(quarter % 4);
    return {
        .claude_in = Price::per_mtok(usd_nanos(opus_in[q])),
        .claude_out = Price::per_mtok(usd_nanos(opus_in[q] * 5)),
        .claude_cached = Price::per_mtok(usd_nanos(opus_in[q] / 20)),
        .nano_in = Price::per_mtok(aud_nanos(256'000'000)),
        .nano_out = Price::per_mtok(aud_nanos(305'000'000)),
        .runpod_hour = Price::per_hour(usd_nanos(runpod[q])),
        .do_hour = Price::per_hour(usd_nanos(4'410'000'000)),
        .power = Price::per_kwh(aud_nanos(quarter < 2 ? 330'000'000 : 347'000'000)),
        .aud_for_usd_nanos = rate[q]};
}

void book_names(ledger::Ledger& ledger, int keys) {
    using namespace names;
    using enum routing::NameKind;
    const std::vector<std::pair<routing::NameKind, const char*>> all{
        {model, "qwq-32b"},      {model, "r1-70b"},    {model, "opus"},
        {model, "embed-small"},  {route, "default"},   {route, "hard"},
        {route, "night-batch"},  {route, "stay-home"}, {source, "desk"},
        {source, "rack"},        {source, "claude"},   {source, "nano"},
        {source, "runpod-h100"}, {source, "do-h100"},  {provider, "claude"},
        {provider, "nano"},      {provider, "runpod"}, {provider, "do"},
        {offer, "claude"},       {offer, "nano"},      {offer, "runpod"},
        {offer, "do"},           {budget, "all"},      {budget, "api"}};
    std::int32_t ix = 0;
    for (const auto& [kind, text] : all) {
        ledger.name({.ix = NameIx{++ix}, .kind = kind, .text = text});
    }
    for (int i = 0; i < keys; ++i) {
        // Some names are what people really type: commas, quotes, formulas, other alphabets.
        const std::string text = i == 0   ? "me"
                                 : i == 5 ? "=SUM(A1:A9)"
                                 : i == 6 ? "team \"b\", nights"
                                 : i == 7 ? "Büro Köln"
                                          : fmt::format("team-{:02}", i);
        ledger.name({.ix = NameIx{first_key + i}, .kind = key, .text = text});
    }
    const auto tell =
        [&](std::int32_t source_ix, SourceKind kind, std::int32_t by, const char* label) {
            ledger.source(
                {.ix = NameIx{source_ix}, .kind = kind, .provider = NameIx{by}, .label = label});
        };
    tell(source_desk, SourceKind::own, 0, "desk");
    tell(source_rack, SourceKind::own, 0, "rack");
    tell(source_claude, SourceKind::api, provider_claude, "claude");
    tell(source_nano, SourceKind::api, provider_nano, "nano");
    tell(source_runpod, SourceKind::rental, provider_runpod, "H100 PCIe");
    tell(source_do, SourceKind::rental, provider_do, "H100 SXM");
}

void book_prices(ledger::Ledger& ledger, const Prices& prices, UtcTime now) {
    using namespace names;
    const auto seen = [&](std::int32_t offer, const char* meter, const Price& price) {
        ledger.price_seen(
            {.offer = NameIx{offer}, .meter = meter, .price = price, .seen = now, .from = now});
    };
    seen(offer_claude, "in", prices.claude_in);
    seen(offer_claude, "out", prices.claude_out);
    seen(offer_claude, "cached", prices.claude_cached);
    seen(offer_nano, "in", prices.nano_in);
    seen(offer_nano, "out", prices.nano_out);
    seen(offer_runpod, "hour", prices.runpod_hour);
    seen(offer_do, "hour", prices.do_hour);
    ledger.fx_seen(
        {.base = usd,
         .quote = aud,
         .num = prices.aud_for_usd_nanos,
         .den = 1'000'000'000,
         .as_of = now});
}

}  // namespace evenkeel::bench
