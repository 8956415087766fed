#pragma once

#include "providers/digitalocean/wire.hpp"

#include <set>
#include <string>

/// DigitalOcean's invoices, read for what each Droplet cost
/// (https://docs.digitalocean.com/reference/api/digitalocean/#tag/Billing).
namespace evenkeel::providers::digitalocean {

/// Closed invoices that are read beside the month to date: a machine lives for hours, so two months
/// hold every machine whose bill may still be open.
inline constexpr int closed_invoices = 2;
/// The preview can cut the end of a running item down to the hour, so an item that ended less than
/// this before the preview was made may still grow.
inline constexpr std::chrono::milliseconds settles_after = std::chrono::hours{1};

struct Invoice {
    std::string uuid{};
    std::string period{};              ///< "2026-11"
    std::optional<UtcTime> updated{};  ///< set for the preview of the running month only
};
struct Invoices {
    PageOf<Invoice> closed{};
    std::optional<Invoice> preview{};
};
struct InvoiceItem {
    std::string resource_id{};
    Money amount{};
    std::optional<UtcTime> end{};
    std::optional<UtcTime> start{};
};

[[nodiscard]] HttpRequest make_invoices_request(std::string_view page);
[[nodiscard]] HttpRequest make_items_request(std::string_view uuid, std::string_view page);
[[nodiscard]] Result<Invoices> parse_invoices(const HttpResponse& response, std::string_view page);
/// All items; those of other products than Droplets have an empty `resource_id`.
[[nodiscard]] Result<PageOf<InvoiceItem>> parse_items(
    const HttpResponse& response, std::string_view page);

/// The newest invoices that matter: `closed_invoices` closed ones by period.
[[nodiscard]] std::vector<Invoice> newest(std::vector<Invoice> closed);

/// Adds up the items of each Droplet over its invoices. A line is final when the last of its items
/// ended at least `settle` before the preview was made: a machine that still ran then would have an
/// item with a later end. Without a preview nothing says how far the books go, and no line is
/// final; nor is one whose first item begins with its month while the month before is missing, as
/// around the turn of a month, when the old one is neither previewed nor closed yet.
class Bill {
public:
    explicit Bill(std::chrono::milliseconds settle = settles_after) : settle_{settle} {}
    void add(const Invoice& invoice, std::span<const InvoiceItem> items);
    [[nodiscard]] std::vector<BillLine> lines() const;

private:
    struct Sum {
        std::string remote_id{};
        Money amount{};
        std::optional<UtcTime> end{};
        bool endless{false};          ///< an item names no end
        std::string missing_after{};  ///< the month whose item begins with it; empty: none does
    };
    std::chrono::milliseconds settle_;
    std::vector<Sum> sums_{};
    std::optional<UtcTime> preview_made_{};
    std::set<std::string> months_{};
};

}  // namespace evenkeel::providers::digitalocean
