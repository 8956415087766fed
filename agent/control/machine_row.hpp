#pragma once

#include "agent/ledger/ledger.hpp"
#include "policies/lifecycle/machine.hpp"
#include "policies/routing/catalogue.hpp"

#include <string_view>

/// Between the lifecycle's machine and the ledger's row of it.
namespace evenkeel::agent {

/// Fixed facts of a machine that the ledger stores beside its state.
struct MachineNames {
    NameIx provider{};
    NameIx offer{};
    NameIx model{};
    NameIx source{};
    bool synthetic{false};
};

/// A GPU's name without the mark that a sandbox puts behind it: whether something is synthetic is
/// a field of its own, and said once.
[[nodiscard]] std::string plain_gpu(std::string_view gpu);

/// Whether a provider's GPU is the one an offer names. The maker may be left out: RunPod's id of an
/// `H100 PCIe` is `NVIDIA H100 PCIe`.
[[nodiscard]] bool names_gpu(std::string_view written, std::string_view sold);

/// The row after `machine.step`; every field the lifecycle needs goes into `detail`.
[[nodiscard]] ledger::MachineRow to_row(
    const lifecycle::Machine& machine, const MachineNames& names);

/// The machine of a stored row. Errors: corrupt when `detail` cannot be read; the caller must then
/// treat the row as a machine to find and destroy.
[[nodiscard]] Result<lifecycle::Machine> from_row(
    const ledger::MachineRow& row, const routing::NameTable& names, std::string_view owner_mark);

/// A machine whose `detail` cannot be read, made from the columns and phases that can, in the state
/// of its row: good enough to end it, which is all that may be done with it. Times of the open
/// phase are those of the wall clock.
[[nodiscard]] lifecycle::Machine salvage(
    const ledger::Recovered::Machine& stored,
    const routing::NameTable& names,
    std::string_view owner_mark,
    std::string_view boot_id,
    Now now);

}  // namespace evenkeel::agent
