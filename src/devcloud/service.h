// A service of the cloud: what one is made of, and what all of them share.
//
// To add one: a folder src/devcloud/NAME with a class that implements Service, made in
// make_services() (services.cc). It finds its requests by takes(), keeps its state in a Versions<…>
// (versions.h) saved through Shared::folder, asks Shared::faults once per request, and writes one
// record to Shared::log before it answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "devcloud/access_log.h"
#include "devcloud/fault_panel.h"
#include "devcloud/folder.h"
#include "devcloud/sealer.h"
#include "net/http_server.h"

namespace keyhold::devcloud {

// All of it outlives the services.
struct Shared {
  const Folder& folder;
  const Sealer& sealer;
  FaultPanel& faults;
  AccessLog& log;

  [[nodiscard]] const Machine& machine() const { return folder.machine(); }
};

// Where the cloud listens.
struct Endpoints {
  std::string https;     // "https://127.0.0.1:8443"
  std::string metadata;  // "http://127.0.0.1:8169": IMDS and GCE's metadata server
  std::string ca_file;
};

// Thread-safe.
class Service {
 public:
  virtual ~Service() = default;

  // "aws": what the admin API and the CLI call it.
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Whether the request is this service's, by its headers and path. call.tls tells the two ports
  // apart: the metadata port speaks plain HTTP.
  [[nodiscard]] virtual bool takes(const net::HttpCall& call) const = 0;
  virtual net::HttpAnswer answer(const net::HttpCall& call) = 0;

  // A command of the admin API: POST /_devcloud/NAME/COMMAND with a JSON object; gives one.
  // Code::not_found for a command that it does not have.
  virtual Result<std::string> administer(std::string_view command, std::string_view arguments) = 0;
  // What a shell exports so that the official clients find this service.
  [[nodiscard]] virtual std::map<std::string, std::string> exports(
      const Endpoints& endpoints) const = 0;
  // Called once, when both ports are known and before anybody is told of them.
  virtual void listens(const Endpoints& /*endpoints*/) {}
};

// Every service that there is, in the order in which they are asked whether they take a request.
Result<std::vector<std::unique_ptr<Service>>> make_services(const Shared& shared);

}  // namespace keyhold::devcloud
