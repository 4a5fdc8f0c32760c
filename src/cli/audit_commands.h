// keyhold audit …: one maker a command, each in a file of its own; and what they share.
#pragma once

#include <string>

#include "audit/events.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/reconcile.h"
#include "kms/local/access_log.h"

namespace keyhold::cli {

Command audit_verify_command();
Command audit_tail_command();
Command audit_export_command();

// Where a store keeps its audit log. Code::not_found where there is no store.
Result<std::string> audit_directory(const std::string& store);

Json to_json(const audit::Record& record);
// "2026-03-01T09:30:00.250Z  17  probe  disabled  local:///k/orders  the key is disabled", safe for
// a terminal, with a line feed.
std::string to_line(const audit::Record& record);

// What `audit verify --kms-log` found (audit_reconcile.cc).
Result<Reconciliation> reconcile_with(const std::string& kms_directory, const std::string& store);
Json to_json(const Reconciliation& found);
std::string to_text(const Reconciliation& found, const std::string& kms_directory);

}  // namespace keyhold::cli
