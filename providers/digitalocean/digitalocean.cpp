#include "providers/digitalocean/digitalocean.hpp"

#include "providers/digitalocean/bill.hpp"
#include "providers/digitalocean/wire.hpp"
#include "providers/drivers.hpp"
#include "providers/http/wire_tools.hpp"

#include <algorithm>
#include <atomic>

namespace evenkeel::providers {

namespace {

constexpr std::string_view first_page = "1";

class DigitalOcean final : public Provider {
public:
    DigitalOcean(DriverOptions options, ClientPair clients, const Clock& clock, Pause pause)
        : options_{std::move(options)},
          lines_{
              std::move(clients.spend),
              std::move(clients.safety),
              {.budget = std::make_shared<RateBudget>(
                   "DigitalOcean", scaled(digitalocean_rate_rules(), options_.speed)),
               .clock = clock,
               .pause = std::move(pause)}},
          clock_{clock} {}

    std::string_view name() const noexcept override { return options_.name; }
    StartForm start_form() const noexcept override { return StartForm::cloud_init; }
    /// https://docs.digitalocean.com/products/volumes/how-to/mount/
    VolumePlace volume_place(std::string_view /*volume*/) const override {
        return {.path = "/mnt/models", .device = "/dev/disk/by-id/scsi-0DO_Volume_*"};
    }

    Result<std::vector<MarketOffer>> offers(std::stop_token stop) override;
    Result<RemoteMachine> create(const MachineSpec& spec, std::stop_token stop) override;
    Result<std::vector<RemoteMachine>> list(std::stop_token stop) override;
    Result<RemoteMachine> get(const std::string& remote_id, std::stop_token stop) override;
    Result<void> destroy(const std::string& remote_id, std::stop_token stop) override;
    Result<std::vector<BillLine>> billing(std::stop_token stop) override;
    Result<Account> account(std::stop_token stop) override;

private:
    /// All pages of a list. `request` and `parse` take the page.
    template <class Item, class Request, class Parse, class IdOf>
    Result<std::vector<Item>> pages(
        Line& line,
        std::string_view what,
        const std::stop_token& stop,
        Request request,
        Parse parse,
        IdOf id_of) {
        return read_pages<Item>(
            what,
            digitalocean::pages_max,
            [&](const std::string& next) {
                const std::string page = next.empty() ? std::string{first_page} : next;
                return ask(line, request(page), stop, [&](const HttpResponse& response) {
                    return parse(response, page);
                });
            },
            id_of);
    }
    template <class Request>
    Result<std::vector<RemoteMachine>> droplets(
        std::string_view what, const std::stop_token& stop, Request request) {
        return pages<RemoteMachine>(
            lines_.safety,
            what,
            stop,
            request,
            &digitalocean::parse_list,
            [](const RemoteMachine& machine) { return std::string_view{machine.remote_id}; });
    }

    DriverOptions options_;
    Lines lines_;
    const Clock& clock_;
    std::atomic<int> listed_{0};  ///< GPU Droplets of the team in the newest list
};

Result<std::vector<MarketOffer>> DigitalOcean::offers(std::stop_token stop) {
    using namespace digitalocean;
    const auto sizes = pages<Size>(
        lines_.spend,
        "DigitalOcean's size list",
        stop,
        &make_sizes_request,
        &parse_sizes,
        [](const Size& size) { return std::string_view{size.slug}; });
    if (!sizes) {
        return std::unexpected{sizes.error()};
    }
    const auto regions = pages<Region>(
        lines_.spend,
        "DigitalOcean's region list",
        stop,
        &make_regions_request,
        &parse_regions,
        [](const Region& region) { return std::string_view{region.slug}; });
    if (!regions) {
        return std::unexpected{regions.error()};
    }
    return with_speed(
        digitalocean::make_offers(*sizes, *regions, options_.regions, clock_.read().utc),
        options_.speed);
}

Result<RemoteMachine> DigitalOcean::create(const MachineSpec& spec, std::stop_token stop) {
    if (auto fit = check_spec(spec, digitalocean::user_data_max); !fit) {
        return std::unexpected{fit.error()};
    }
    if (spec.region.empty()) {
        return fail(
            Errc::rejected, "not sent: DigitalOcean would choose the region, and its price");
    }
    const auto response = send_launch(
        lines_.spend,
        digitalocean::make_create_request(spec, options_.tag, options_.ssh_keys),
        stop);
    if (!response) {
        return std::unexpected{response.error()};
    }
    return digitalocean::parse_created(*response, spec);
}

Result<std::vector<RemoteMachine>> DigitalOcean::list(std::stop_token stop) {
    auto machines = droplets("DigitalOcean's list", stop, [](std::string_view page) {
        return digitalocean::make_list_request(page);
    });
    if (!machines) {
        return machines;
    }
    listed_ = static_cast<int>(machines->size());
    // A second way to the same machines: absence is proved only when neither list has it. Only by
    // their name, too: somebody may give our tag to a server of his own.
    auto tagged = droplets("DigitalOcean's list of our tag", stop, [this](std::string_view page) {
        return digitalocean::make_tagged_request(options_.owner_mark, page);
    });
    if (!tagged) {
        return tagged;
    }
    for (RemoteMachine& machine : *tagged) {
        if (owner_mark_of_name(machine.name) == options_.owner_mark &&
            std::ranges::find(*machines, machine.remote_id, &RemoteMachine::remote_id) ==
                machines->end()) {
            machines->push_back(std::move(machine));
        }
    }
    return machines;
}

Result<RemoteMachine> DigitalOcean::get(const std::string& remote_id, std::stop_token stop) {
    if (!digitalocean::is_id(remote_id)) {
        return fail(Errc::invalid_argument, "not an id of a Droplet");
    }
    return ask_machine(
        lines_.safety,
        digitalocean::make_get_request(remote_id),
        stop,
        "DigitalOcean",
        remote_id,
        &digitalocean::parse_machine);
}

Result<void> DigitalOcean::destroy(const std::string& remote_id, std::stop_token stop) {
    if (!digitalocean::is_id(remote_id)) {
        return fail(Errc::invalid_argument, "not an id of a Droplet");
    }
    return ask(
        lines_.safety,
        digitalocean::make_destroy_request(remote_id),
        stop,
        &digitalocean::parse_destroyed,
        CallClass::destroy);
}

Result<std::vector<BillLine>> DigitalOcean::billing(std::stop_token stop) {
    using namespace digitalocean;
    std::optional<Invoice> preview;
    auto closed = pages<Invoice>(
        lines_.safety,
        "DigitalOcean's invoice list",
        stop,
        &make_invoices_request,
        [&](const HttpResponse& response, std::string_view page) -> Result<PageOf<Invoice>> {
            auto read = parse_invoices(response, page);
            if (!read) {
                return std::unexpected{read.error()};
            }
            preview = std::move(read->preview);
            return std::move(read->closed);
        },
        [](const Invoice& invoice) { return std::string_view{invoice.uuid}; });
    if (!closed) {
        return std::unexpected{closed.error()};
    }
    std::vector<Invoice> wanted = newest(*std::move(closed));
    if (preview) {
        // A month that was closed just now can stand in both places under one id.
        std::erase_if(wanted, [&](const Invoice& each) { return each.uuid == preview->uuid; });
        wanted.push_back(*preview);
    }
    Bill bill{settles_after / options_.speed};
    for (const Invoice& invoice : wanted) {
        const auto items = pages<InvoiceItem>(
            lines_.safety,
            "DigitalOcean's invoice",
            stop,
            [&](std::string_view page) { return make_items_request(invoice.uuid, page); },
            &parse_items,
            [](const InvoiceItem&) { return std::string_view{}; });
        if (!items) {
            return std::unexpected{items.error()};
        }
        bill.add(invoice, *items);
    }
    return bill.lines();
}

Result<Account> DigitalOcean::account(std::stop_token stop) {
    const auto standing = ask(
        lines_.safety, digitalocean::make_account_request(), stop, &digitalocean::parse_standing);
    if (!standing) {
        return std::unexpected{standing.error()};
    }
    Account account;
    if (standing->status != "active") {
        account.trouble = fmt::format(
            "DigitalOcean says the account is '{}': look at its control panel", standing->status);
    } else if (listed_ >= standing->droplet_limit) {
        account.trouble = fmt::format(
            "DigitalOcean allows {} Droplets and {} with a GPU run: ask for a higher limit",
            standing->droplet_limit,
            listed_.load());
    }
    // No balance: accounts pay afterwards. What the API calls one is the month's bill, below zero
    // while a promotion lasts: its end is no reason to rent nothing.
    return account;
}

}  // namespace

RateRules digitalocean_rate_rules() {
    return {
        .windows = {
            {"hour", 5'000, std::chrono::hours{1}}, {"minute", 250, std::chrono::minutes{1}}}};
}

Result<std::unique_ptr<Provider>> make_digitalocean(
    DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
    if (!digitalocean::is_tag(options.tag)) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "{}: tag must be letters, digits, ':', '-' or '_', 255 at most", options.name));
    }
    return std::make_unique<DigitalOcean>(
        std::move(options), std::move(clients), clock, std::move(pause));
}

Result<std::unique_ptr<Provider>> make_digitalocean(DriverOptions options, const Clock& clock) {
    auto clients = make_client_pair(options, digitalocean::vendor_url);
    if (!clients) {
        return std::unexpected{clients.error()};
    }
    return make_digitalocean(std::move(options), *std::move(clients), clock);
}

}  // namespace evenkeel::providers
