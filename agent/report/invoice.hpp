#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A provider's invoice as a person holds it.
namespace evenkeel::report {

struct InvoiceLine {
    std::string id{};  ///< of a machine, as the provider or the agent names it; empty: none
    Money amount{};
    bool tax{false};
};

/// Lines of a file, or one amount.
struct Invoice {
    std::vector<InvoiceLine> lines{};
    std::optional<Money> amount{};
};

/// "123.45 USD", or "123.45" in `currency`; "1,234.50" and "$3.20" too, but no comma that is not
/// between thousands. Errors: invalid_argument.
[[nodiscard]] Result<Invoice> parse_invoice_amount(std::string_view text, Currency currency);

/// A CSV file with a header line (RFC 4180): a FOCUS export of the provider, or columns `amount`
/// and, if it has them, `id`, `currency` and `kind` (a kind that says tax, VAT or GST is tax).
/// `currency` is that of lines which name none. Errors: invalid_argument with the record's number.
[[nodiscard]] Result<Invoice> parse_invoice_csv(std::string_view text, Currency currency);

}  // namespace evenkeel::report
