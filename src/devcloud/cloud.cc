#include "devcloud/cloud.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "devcloud/admin.h"
#include "devcloud/service.h"
#include "devcloud/shifted_clock.h"
#include "net/certificates.h"
#include "net/http_server.h"

namespace keyhold::devcloud {
namespace {

using nlohmann::json;
constexpr std::chrono::days kAuthorityLifetime{3650};
constexpr std::chrono::days kServerLifetime{397};
constexpr const char* kEndpoints = "endpoints.json";
constexpr std::size_t kMaxPemBytes = 64U << 10U;

Status write_pem(const Folder& folder, const std::string& name, std::string_view pem,
                 std::uint32_t mode) {
  return io::replace_file(folder.machine().files, folder.at(name), as_bytes(pem), mode);
}

// Made once: clients trust it for as long as the folder lives.
Result<net::Certificate> load_authority(const Folder& folder) {
  io::FileSystem& files = folder.machine().files;
  const auto certificate = io::read_file(files, folder.at("ca.pem"), kMaxPemBytes);
  if (certificate) {
    KEYHOLD_TRY_ASSIGN(const auto key, io::read_file(files, folder.at("ca.key"), kMaxPemBytes));
    return net::Certificate{std::string(as_text(*certificate)), WipedString(as_text(key))};
  }
  if (certificate.error().code() != Code::not_found) return fail(certificate.error());
  KEYHOLD_TRY_ASSIGN(auto made,
                     net::make_authority("Keyhold devcloud", folder.machine().clock.wall_now(),
                                         kAuthorityLifetime));
  // The key first: a certificate in its place says that both are there.
  KEYHOLD_TRY(write_pem(folder, "ca.key", made.key_pem, 0600));
  KEYHOLD_TRY(write_pem(folder, "ca.pem", made.certificate_pem, 0644));
  return made;
}

// A new one at every start, so that none is ever too old.
Status make_server_files(const Folder& folder, const std::string& address) {
  KEYHOLD_TRY_ASSIGN(const auto authority, load_authority(folder));
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  if (std::ranges::find(names, address) == names.end()) names.push_back(address);
  KEYHOLD_TRY_ASSIGN(const auto server,
                     net::make_server_certificate(
                         authority, names, folder.machine().clock.wall_now(), kServerLifetime));
  KEYHOLD_TRY(write_pem(folder, "server.key", server.key_pem, 0600));
  return write_pem(folder, "server.pem", server.certificate_pem, 0600);
}

// Of "https://127.0.0.1:8443"; 0 where there is none.
std::uint16_t port_in(const std::string& origin) {
  std::uint16_t port = 0;
  const std::size_t colon = origin.rfind(':');
  if (colon == std::string::npos) return 0;
  std::from_chars(origin.data() + colon + 1, origin.data() + origin.size(), port);
  return port;
}

// What stands in the endpoints.json of last time.
Endpoints last_endpoints(const Folder& folder) {
  const auto text = folder.load(kEndpoints);
  const json document = json::parse(text && *text ? **text : "{}", nullptr, false);
  if (!document.is_object()) return {};
  return {document.value("https", ""), document.value("metadata", ""), ""};
}

// On the port that was asked for; without one on that of last time where it is free, so that what
// clients were told stays true.
Result<std::unique_ptr<net::HttpServer>> serve(net::HttpServerOptions options,
                                               const std::string& last,
                                               const net::HttpHandler& handler) {
  if (options.port == 0) {
    options.port = port_in(last);
    auto again = net::HttpServer::start(options, handler);
    if (again || again.error().code() != Code::busy) return again;
    options.port = 0;
  }
  return net::HttpServer::start(options, handler);
}

net::HttpAnswer nothing_there() {
  net::HttpAnswer answer;
  answer.status = 404;
  answer.headers = {{"Content-Type", "text/plain"}};
  answer.body = "no service of this cloud takes this request\n";
  return answer;
}

}  // namespace

// In the order in which they are made; ended in the opposite one.
struct Cloud::Parts {
  Parts(std::unique_ptr<ShiftedClock> shifted, Folder opened)
      : clock(std::move(shifted)), folder(std::move(opened)) {}

  Status load();
  Status listen(const CloudOptions& options);
  [[nodiscard]] net::HttpAnswer answer(const net::HttpCall& call) const;
  [[nodiscard]] std::map<std::string, std::string> exports() const;

  std::unique_ptr<ShiftedClock> clock;
  Folder folder;
  std::unique_ptr<Sealer> sealer;
  std::unique_ptr<FaultPanel> faults;
  std::unique_ptr<AccessLog> log;
  std::vector<std::unique_ptr<Service>> services;
  std::unique_ptr<Admin> admin;
  Endpoints endpoints;
  std::unique_ptr<net::HttpServer> https;
  std::unique_ptr<net::HttpServer> metadata;
};

Status Cloud::Parts::load() {
  KEYHOLD_TRY_ASSIGN(auto opened, Sealer::open(folder));
  sealer = std::make_unique<Sealer>(std::move(opened));
  KEYHOLD_TRY_ASSIGN(faults, FaultPanel::open(folder));
  KEYHOLD_TRY_ASSIGN(log, AccessLog::open(folder));
  const Shared shared{folder, *sealer, *faults, *log};
  KEYHOLD_TRY_ASSIGN(services, make_services(shared));
  KEYHOLD_TRY_ASSIGN(auto made, Admin::open(shared, services, *clock));
  admin = std::make_unique<Admin>(std::move(made));
  return {};
}

Status Cloud::Parts::listen(const CloudOptions& options) {
  KEYHOLD_TRY(make_server_files(folder, options.address));
  const auto handler = [this](const net::HttpCall& call) { return answer(call); };
  net::HttpServerOptions server;
  server.address = options.address;
  server.port = options.metadata_port;
  const Endpoints last = last_endpoints(folder);
  KEYHOLD_TRY_ASSIGN(metadata, serve(server, last.metadata, handler));
  server.port = options.port;
  server.certificate_file = folder.at("server.pem");
  server.key_file = folder.at("server.key");
  KEYHOLD_TRY_ASSIGN(https, serve(server, last.https, handler));
  endpoints = {https->origin(), metadata->origin(), folder.at("ca.pem")};
  for (const auto& service : services) service->listens(endpoints);
  return {};
}

net::HttpAnswer Cloud::Parts::answer(const net::HttpCall& call) const {
  if (Admin::takes(call)) return admin->answer(call);
  const auto service =
      std::ranges::find_if(services, [&](const auto& candidate) { return candidate->takes(call); });
  return service == services.end() ? nothing_there() : (*service)->answer(call);
}

std::map<std::string, std::string> Cloud::Parts::exports() const {
  std::map<std::string, std::string> all;
  for (const auto& service : services) all.merge(service->exports(endpoints));
  return all;
}

Cloud::Cloud(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Cloud::~Cloud() = default;

Result<std::unique_ptr<Cloud>> Cloud::start(const Machine& machine, const std::string& directory,
                                            const CloudOptions& options) {
  auto clock = std::make_unique<ShiftedClock>(machine.clock);
  const Machine shifted{machine.files, *clock, machine.random};
  KEYHOLD_TRY_ASSIGN(auto folder, Folder::open(shifted, directory));
  auto parts = std::make_unique<Parts>(std::move(clock), std::move(folder));
  KEYHOLD_TRY(parts->load());
  KEYHOLD_TRY(parts->listen(options));
  std::unique_ptr<Cloud> cloud(new Cloud(std::move(parts)));
  KEYHOLD_TRY(cloud->parts_->folder.save(kEndpoints, cloud->endpoints_json() + "\n"));
  return cloud;
}

std::string Cloud::endpoints_json() const {
  const json document = {{"https", parts_->endpoints.https},
                         {"metadata", parts_->endpoints.metadata},
                         {"ca_file", parts_->endpoints.ca_file},
                         {"admin_token_file", parts_->folder.at("admin.token")},
                         {"exports", parts_->exports()}};
  return document.dump(2);
}

std::string Cloud::greeting() const {
  std::string text = "# https " + parts_->endpoints.https + ", metadata " +
                     parts_->endpoints.metadata + ", CA " + parts_->endpoints.ca_file + "\n";
  for (const auto& [name, value] : parts_->exports()) {
    text.append("export ").append(name).append("=").append(shell_quoted(value)).append("\n");
  }
  return text;
}

}  // namespace keyhold::devcloud
