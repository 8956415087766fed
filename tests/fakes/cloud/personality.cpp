#include "tests/fakes/cloud/personality.hpp"

#include <algorithm>

namespace evenkeel::fakes::cloud {

namespace {

using enum Trouble;

// name, unit, standard value, standard times, what it does
constexpr std::array<TroubleKind, trouble_count> table{{
    {create_500_before, "create_500_before", "", 0, 1, "create answers 500, nothing was made"},
    {create_500_after, "create_500_after", "", 0, 1, "create answers 500, the machine exists"},
    {create_lost, "create_lost", "", 0, 1, "the machine exists, the connection closes unanswered"},
    {create_broken_json,
     "create_broken_json",
     "which",
     0,
     1,
     "the machine exists, the answer is cut JSON (0) or empty (1)"},
    {create_twice, "create_twice", "", 0, 1, "two machines under the one name"},
    {vanishing_placement,
     "vanishing_placement",
     "ms",
     60'000,
     1,
     "accepted, never placed: after this long it is gone for good and was never billed"},
    {no_stock,
     "no_stock",
     "which",
     0,
     -1,
     "creates find no stock; the catalogue still claims it (0) or knows (1)"},
    {name_taken,
     "name_taken",
     "which",
     0,
     1,
     "create says the name exists: a stranger's machine (0; not RunPod), or the one just made (1)"},
    {wrong_gpu, "wrong_gpu", "", 0, -1, "machines come with another GPU"},
    {fewer_gpus, "fewer_gpus", "", 0, -1, "machines come with one GPU less, so perhaps none"},
    {dearer, "dearer", "percent", 50, -1, "machines cost this much more than listed"},
    {list_lag, "list_lag", "ms", 60'000, -1, "lists omit machines younger than this"},
    {get_lag, "get_lag", "ms", 60'000, -1, "a machine younger than this is 404 by its id"},
    {empty_list_once, "empty_list_once", "", 0, 1, "a list answers 200 without any machine"},
    {partial_page,
     "partial_page",
     "",
     0,
     -1,
     "lists lack their last machine, though meta.total counts it"},
    {unknown_status, "unknown_status", "", 0, -1, "machines have a status nobody documented"},
    {extra_fields, "extra_fields", "", 0, -1, "machines carry members nobody documented"},
    {missing_field,
     "missing_field",
     "which",
     0,
     -1,
     "machines lack a member: status (0), name (1), time of creation (2)"},
    {delete_204_noop, "delete_204_noop", "", 0, 1, "delete answers 204 and does nothing"},
    {delete_500_done, "delete_500_done", "", 0, 1, "delete answers 500 and is done"},
    {delete_lost, "delete_lost", "", 0, 1, "delete is done, the connection closes unanswered"},
    {delete_404_existing, "delete_404_existing", "", 0, 1, "delete answers 404, it runs on"},
    {delete_locked, "delete_locked", "", 0, 3, "delete is refused: a pending event, a lock"},
    {stopped, "stopped", "ms", 0, 1, "a machine this old is switched off, but there (and billed)"},
    {human_deletes, "human_deletes", "ms", 0, 1, "a machine this old is deleted in the console"},
    {orphan, "orphan", "", 0, 1, "a machine with the caller's mark that it never asked for"},
    {foreign, "foreign", "", 0, 1, "strangers' machines with names and marks that look alike"},
    {storm_429, "storm_429", "s", 12, -1, "every call is 429 with this Retry-After"},
    {slow, "slow", "ms", 30'000, -1, "answers leave this much later than they were made"},
    {outage, "outage", "", 0, -1, "every connection closes unanswered, nothing is done"},
    {flapping,
     "flapping",
     "percent",
     50,
     -1,
     "so many calls answer 500, half of them after their effect"},
    {auth_revoked, "auth_revoked", "", 0, -1, "the key is no longer accepted"},
    {redirect, "redirect", "", 0, 1, "an answer sends the client to another host"},
    {huge_body, "huge_body", "", 0, 1, "an answer of 200 MB"},
    {gzip_bomb, "gzip_bomb", "", 0, 1, "a small answer that inflates to 200 MB"},
    {endless_body, "endless_body", "", 0, 1, "a chunked answer that does not end"},
    {html_403, "html_403", "", 0, 1, "the edge answers 403 in plain text, not the API"},
    {bill_more, "bill_more", "percent", 5, -1, "the bill is this much above the true cost"},
    {bill_less, "bill_less", "percent", 5, -1, "the bill is this much below the true cost"},
    {bill_cents, "bill_cents", "", 0, -1, "the bill comes in whole cents"},
    {engine_never_healthy, "engine_never_healthy", "", 0, -1, "nodes: the engine never starts"},
    {wrong_model, "wrong_model", "", 0, -1, "nodes: the engine serves another model"},
    {garbage_completion, "garbage_completion", "", 0, -1, "nodes: completions are garbled"},
    {wrong_pin, "wrong_pin", "", 0, -1, "nodes: another certificate than they were given"},
    {dies_mid_stream, "dies_mid_stream", "tokens", 20, -1, "nodes: the engine dies after these"},
    {no_gpu, "no_gpu", "", 0, -1, "nodes: no GPU, so the engine ends as soon as it starts"},
}};

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].trouble) != i) {
            return false;
        }
    }
    return true;
}
static_assert(in_order());

}  // namespace

std::string_view to_text(Vendor vendor) noexcept {
    switch (vendor) {
        case Vendor::digitalocean:
            return "digitalocean";
        case Vendor::runpod:
            return "runpod";
        case Vendor::lambda:
            return "lambda";
    }
    return "";
}

std::optional<Vendor> find_vendor(std::string_view name) noexcept {
    const auto found = std::ranges::find(vendors, name, [](Vendor v) { return to_text(v); });
    return found == vendors.end() ? std::nullopt : std::optional{*found};
}

std::span<const TroubleKind> trouble_kinds() noexcept {
    return table;
}

const TroubleKind& kind_of(Trouble trouble) noexcept {
    return table[static_cast<std::size_t>(trouble)];
}

std::optional<Trouble> find_trouble(std::string_view name) noexcept {
    const auto found = std::ranges::find(table, name, &TroubleKind::name);
    return found == table.end() ? std::nullopt : std::optional{found->trouble};
}

void Personality::put_on(Trouble trouble, int times, std::int64_t value) noexcept {
    worn_[static_cast<std::size_t>(trouble)] = {.times = times, .value = value};
}

void Personality::put_on(Trouble trouble) noexcept {
    put_on(trouble, kind_of(trouble).times, kind_of(trouble).standard);
}

void Personality::take_off(Trouble trouble) noexcept {
    worn_[static_cast<std::size_t>(trouble)] = {};
}

std::optional<std::int64_t> Personality::strike(Trouble trouble) noexcept {
    Worn& worn = worn_[static_cast<std::size_t>(trouble)];
    if (worn.times == 0) {
        return std::nullopt;
    }
    if (worn.times > 0) {
        --worn.times;
    }
    return worn.value;
}

std::optional<std::int64_t> Personality::value(Trouble trouble) const noexcept {
    return is_on(trouble) ? std::optional{at(trouble).value} : std::nullopt;
}

}  // namespace evenkeel::fakes::cloud
