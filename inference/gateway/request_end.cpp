#include "inference/gateway/client_request.hpp"
#include "inference/gateway/cost.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

/// What a request cost, and its one record.
namespace evenkeel::inference {

std::int64_t ClientRequest::elapsed_ms() const {
    const auto elapsed = hub_.clock().read().boot - arrived_.boot;
    return std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

Usage ClientRequest::estimated(std::int64_t completion) const noexcept {
    return {
        .prompt = scan_.prompt_tokens,
        .cached = 0,
        .cache_write = 0,
        .completion = completion,
        .estimated = true};
}

const config::TokenPrices* ClientRequest::price_of(const routing::ApiOffer* offer) const noexcept {
    if (record_.kind != SourceKind::api) {
        return plan_.model->internal_price;
    }
    return offer == nullptr ? nullptr : &offer->price;
}

void ClientRequest::settle(const Usage& told) {
    settled_ = true;
    const Usage usage = continued_ ? dialect::whole_usage(first_part_, told) : told;
    record_.usage = usage;
    const bool is_api = record_.kind == SourceKind::api;
    if (record_.source == NameIx{} || (!is_api && plan_.model->internal_price == nullptr)) {
        return;
    }
    const routing::Catalogue& catalogue = *world_->catalogue;
    const routing::ApiOffer* offer = is_api ? catalogue.api(record_.source) : nullptr;
    const config::TokenPrices* price = price_of(offer);
    const auto cost =
        price == nullptr ? std::nullopt : token_cost(*price, usage, Rounding::half_even);
    const auto report =
        cost ? routing::to_report(catalogue.config.currency, *cost, Rounding::half_even)
             : Result<std::int64_t>{fail(Errc::not_found, "no price")};
    if (!report) {
        // It was priced when it was admitted; only absurd token counts can get here.
        spdlog::error(
            "request_unpriced id={} source={} prompt_tokens={} completion_tokens={}",
            id_text_,
            source_ == nullptr ? "" : source_->info.name,
            usage.prompt,
            usage.completion);
        return;
    }
    record_.charged = *cost;
    record_.charged_report = *report;
    if (is_api) {
        record_.model = offer->model;
        record_.paid = *cost;
    }
}

std::string ClientRequest::cost_text() const {
    if (record_.paid.currency().is_none()) {
        return to_text(Money{0, world_->catalogue->config.currency.report});
    }
    return to_text(record_.paid);
}

std::string ClientRequest::estimate_text() const {
    const routing::ApiOffer* offer =
        record_.kind == SourceKind::api ? world_->catalogue->api(record_.source) : nullptr;
    const auto cost =
        offer == nullptr
            ? std::nullopt
            : token_cost(offer->price, estimated(plan_.arrival.tokens_out), Rounding::up);
    return cost ? to_text(*cost) : cost_text();
}

/// Comments that carry what the head could not know.
std::string ClientRequest::trailer() const {
    std::string text = fmt::format(": x-evenkeel-cost: {}\n", cost_text());
    if (held_ && source_ != nullptr) {
        fmt::format_to(
            std::back_inserter(text),
            ": x-evenkeel-source: {}\n{}: x-evenkeel-reason: {}\n",
            source_->info.name,
            source_->info.synthetic ? ": x-evenkeel-synthetic: true\n" : "",
            to_text(record_.reason.code));
    }
    if (continued_ && source_ != nullptr) {
        fmt::format_to(
            std::back_inserter(text), ": x-evenkeel-continued: {}\n", source_->info.name);
    }
    text += "\n";
    return text;
}

gate::Finish ClientRequest::used(bool answered) const noexcept {
    return {
        .charged_report = record_.charged_report,
        .tokens_in = record_.usage.prompt,
        .tokens_out = record_.usage.completion,
        .answered = answered};
}

void ClientRequest::end(Outcome outcome) {
    if (std::exchange(ended_, true)) {
        return;
    }
    if (hold_wait_ != nullptr) {
        hold_wait_->request = nullptr;
        if (record_.hold) {
            (*hold_wait_->result)->leave_to_record();
        }
    }
    if (continued_ && outcome != Outcome::answered && outcome != Outcome::client_gone) {
        outcome = Outcome::cut;  // whatever kept the rest away, the client has a beginning
    }
    end_repeat();
    if (top_up_wait_ != nullptr) {
        top_up_wait_->request = nullptr;
    }
    record_.outcome = outcome;
    record_.total_ms = elapsed_ms();
    Tally& tally = hub_.tally();
    tally.outcomes[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
    const bool was_served = record_.source != NameIx{};
    if (was_served && (outcome == Outcome::answered || outcome == Outcome::cut)) {
        tally.kinds[static_cast<std::size_t>(record_.kind)].fetch_add(1, std::memory_order_relaxed);
    }
    if (was_served && scan_.writes && outcome == Outcome::answered) {
        loop_.learn(
            record_.model,
            record_.usage.completion / std::max<std::int64_t>(scan_.n, 1),
            record_.total_ms - record_.wait_ms);
    }
    if (outcome == Outcome::refused || outcome == Outcome::invalid) {
        record_.source = {};  // nobody served it
    }
    loop_.record(record_);
    if (!spdlog::should_log(spdlog::level::debug)) {
        return;
    }
    spdlog::debug(
        "request id={} outcome={} source={} reason={} wait_ms={} ttft_ms={} total_ms={} "
        "tokens_in={} tokens_out={}{}{} paid=\"{}\" charged=\"{}\"",
        id_text_,
        to_text(outcome),
        source_ == nullptr ? "none" : source_->info.name,
        to_text(record_.reason.code),
        record_.wait_ms,
        record_.ttft_ms,
        record_.total_ms,
        record_.usage.prompt,
        record_.usage.completion,
        record_.usage.estimated ? " estimated" : "",
        record_.continued ? " continued" : "",
        to_text(record_.paid),
        to_text(record_.charged));
}

}  // namespace evenkeel::inference
