#include "net/http_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "base/log.h"
#include "base/signals_blocked.h"

namespace keyhold::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kDrain{1};

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

void fill_call(const Request& request, HttpCall& call) {
  call.method = std::string(request.method_string());
  call.target = std::string(request.target());
  const std::size_t mark = call.target.find('?');
  call.path = call.target.substr(0, mark);
  if (mark != std::string::npos) call.query = call.target.substr(mark + 1);
  for (const auto& field : request) {
    call.headers.push_back({lower(field.name_string()), std::string(field.value())});
  }
}

bool has_line_end(std::string_view text) {
  return text.find_first_of("\r\n") != text.npos;
}

Response make_response(HttpAnswer& answer, bool keep_alive) {
  Response response;
  response.version(11);
  response.result(static_cast<unsigned>(answer.status));
  for (const HttpHeader& header : answer.headers) {
    if (has_line_end(header.name) || has_line_end(header.value)) {
      throw std::invalid_argument("a header of the answer holds a line feed");
    }
    response.insert(header.name, header.value);
  }
  response.body() = std::move(answer.body);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

int status_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  const bool is_http =
      error.category() == http::make_error_code(http::error::bad_method).category();
  const bool is_end = error == http::error::end_of_stream || error == http::error::partial_message;
  return is_http && !is_end ? 400 : 0;
}

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::string der_of_peer(SSL* connection) {
  const std::unique_ptr<X509, FreeCertificate> shown(SSL_get1_peer_certificate(connection));
  if (!shown) return {};
  const int size = i2d_X509(shown.get(), nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(shown.get(), &at);
  return der;
}

Code code_of(const error_code& error) {
  if (error == boost::system::errc::address_in_use) return Code::busy;
  if (error == boost::system::errc::permission_denied) return Code::permission;
  return Code::io;
}

// What becomes of a connection.
enum class Next : std::uint8_t {
  request,  // it waits for the next one
  close,    // it is ended as it should be
  drop,     // it is broken, or cut on purpose
};

Next after(const error_code& error, bool keep_alive) {
  if (error) return Next::drop;
  return keep_alive ? Next::request : Next::close;
}

}  // namespace

const std::string* HttpCall::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &HttpHeader::name);
  return found == headers.end() ? nullptr : &found->value;
}

class HttpServer::Engine {
 public:
  Engine(const HttpServerOptions& options, HttpHandler handler)
      : options_(options),
        handler_(std::move(handler)),
        acceptor_(io_),
        handlers_(options.handler_threads) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  Status open();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string origin() const;

 private:
  // A connection as the stop sees it. Used on the thread of io_ alone, as all that follows.
  struct Connection {
    beast::tcp_stream* stream = nullptr;
    bool idle = false;
  };
  // In the list for as long as it lives.
  class Listed {
   public:
    Listed(Engine& engine, beast::tcp_stream& stream)
        : engine_(engine), at_(engine.connections_.insert(engine.connections_.end(), {&stream})) {}
    ~Listed() {
      engine_.connections_.erase(at_);
      engine_.note_end();
    }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    [[nodiscard]] Connection& get() const { return *at_; }

   private:
    Engine& engine_;
    std::list<Connection>::iterator at_;
  };

  Status load_tls();
  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(tcp::socket socket);
  template <typename Stream>
  asio::awaitable<void> converse(Stream& stream, Connection& connection, const HttpCall& blank);
  template <typename Stream>
  asio::awaitable<Next> exchange(Stream& stream, beast::flat_buffer& buffer, Connection& connection,
                                 HttpCall call);
  template <typename Stream>
  asio::awaitable<Next> give(Stream& stream, HttpAnswer answer, bool keep_alive, bool head);
  template <typename Stream>
  asio::awaitable<void> refuse(Stream& stream, error_code error);
  HttpAnswer handle(const HttpCall& call) const noexcept;
  void begin_stop();
  void note_end();

  const HttpServerOptions options_;
  const HttpHandler handler_;
  std::uint16_t port_ = 0;
  std::list<Connection> connections_;
  bool stopping_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool drained_ = false;  // under mutex_
  std::optional<ssl::context> tls_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::thread_pool handlers_;
  std::thread thread_;
};

Status HttpServer::Engine::load_tls() {
  tls_.emplace(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  error_code error;
  tls_->use_certificate_chain_file(options_.certificate_file, error);
  if (error) {
    return fail(Code::invalid_argument,
                options_.certificate_file + ": no certificate in PEM: " + error.message());
  }
  tls_->use_private_key_file(options_.key_file, ssl::context::pem, error);
  if (error) {
    return fail(Code::invalid_argument,
                options_.key_file + ": not the certificate's key in PEM: " + error.message());
  }
  if (options_.client_ca_file.empty()) return {};
  tls_->load_verify_file(options_.client_ca_file, error);
  if (error) {
    return fail(Code::invalid_argument,
                options_.client_ca_file + ": no certificates in PEM: " + error.message());
  }
  tls_->set_verify_mode(ssl::verify_peer, error);
  // What a session of TLS is resumed under; without it, resuming one with a certificate fails.
  static constexpr unsigned char kSession[] = "keyhold";
  SSL_CTX_set_session_id_context(tls_->native_handle(), kSession, sizeof kSession - 1);
  return {};
}

Status HttpServer::Engine::open() {
  if (!options_.certificate_file.empty()) KEYHOLD_TRY(load_tls());
  error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) {
    return fail(Code::invalid_argument, options_.address + " is no address of this machine");
  }
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return fail(code_of(error), "listen on " + options_.address + ":" +
                                    std::to_string(options_.port) + ": " + error.message());
  }
  port_ = acceptor_.local_endpoint().port();
  asio::co_spawn(io_, accept_all(), asio::detached);
  const SignalsBlocked blocked;
  thread_ = std::thread([this] { io_.run(); });
  return {};
}

std::string HttpServer::Engine::origin() const {
  const bool is_v6 = options_.address.find(':') != std::string::npos;
  return std::string(tls_ ? "https://" : "http://") + (is_v6 ? "[" : "") + options_.address +
         (is_v6 ? "]:" : ":") + std::to_string(port_);
}

asio::awaitable<void> HttpServer::Engine::accept_all() {
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(kToken);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // No descriptor left, most likely: those in use come back by and by.
      asio::steady_timer pause(io_, std::chrono::milliseconds(50));
      co_await pause.async_wait(kToken);
      continue;
    }
    if (connections_.size() >= options_.max_connections) continue;  // closed by its destructor
    asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> HttpServer::Engine::serve(tcp::socket socket) {
  error_code error;
  socket.set_option(tcp::no_delay(true), error);
  const auto remote = socket.remote_endpoint(error);
  const std::string peer = error ? std::string() : remote.address().to_string();
  beast::tcp_stream lowest(std::move(socket));
  if (tls_) {
    beast::ssl_stream<beast::tcp_stream> stream(std::move(lowest), *tls_);
    const Listed listed(*this, beast::get_lowest_layer(stream));
    beast::get_lowest_layer(stream).expires_after(options_.request_timeout);
    const auto [refused] = co_await stream.async_handshake(ssl::stream_base::server, kToken);
    if (refused) co_return;
    HttpCall blank;
    blank.peer = peer;
    blank.tls = true;
    blank.client_certificate = der_of_peer(stream.native_handle());
    co_await converse(stream, listed.get(), blank);
  } else {
    const Listed listed(*this, lowest);
    HttpCall blank;
    blank.peer = peer;
    co_await converse(lowest, listed.get(), blank);
  }
}

template <typename Stream>
asio::awaitable<void> HttpServer::Engine::converse(Stream& stream, Connection& connection,
                                                   const HttpCall& blank) {
  beast::flat_buffer buffer;
  Next next = Next::request;
  while (next == Next::request && !stopping_) {
    next = co_await exchange(stream, buffer, connection, blank);
  }
  if constexpr (!std::is_same_v<Stream, beast::tcp_stream>) {
    if (next != Next::drop) {
      beast::get_lowest_layer(stream).expires_after(kDrain);
      co_await stream.async_shutdown(kToken);
    }
  }
  co_return;
}

// One request and its answer.
template <typename Stream>
asio::awaitable<Next> HttpServer::Engine::exchange(Stream& stream, beast::flat_buffer& buffer,
                                                   Connection& connection, HttpCall call) {
  auto& lowest = beast::get_lowest_layer(stream);
  http::request_parser<http::string_body> parser;
  parser.header_limit(options_.max_header_bytes);
  parser.body_limit(options_.max_body_bytes);
  connection.idle = buffer.size() == 0;
  lowest.expires_after(options_.idle_timeout);
  if (connection.idle) {
    // The first bytes may take as long as a connection may rest, the others may not.
    const auto [silent, size] = co_await stream.async_read_some(buffer.prepare(4096), kToken);
    if (silent) co_return Next::drop;
    buffer.commit(size);
  }
  connection.idle = false;
  lowest.expires_after(options_.request_timeout);
  auto [bad_head, head_size] = co_await http::async_read_header(stream, buffer, parser, kToken);
  if (bad_head) {
    co_await refuse(stream, bad_head);
    co_return Next::drop;
  }
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    const http::response<http::empty_body> go_on{http::status::continue_, 11};
    co_await http::async_write(stream, go_on, kToken);
  }
  auto [bad_body, body_size] = co_await http::async_read(stream, buffer, parser, kToken);
  if (bad_body) {
    co_await refuse(stream, bad_body);
    co_return Next::drop;
  }
  const bool keep_alive = parser.get().keep_alive();
  fill_call(parser.get(), call);
  call.body = std::move(parser.get().body());
  lowest.expires_never();
  HttpAnswer answer = co_await asio::co_spawn(
      handlers_.get_executor(),
      [this, &call]() -> asio::awaitable<HttpAnswer> { co_return handle(call); },
      asio::use_awaitable);
  const bool is_head = call.method == "HEAD";
  co_return co_await give(stream, std::move(answer), keep_alive && !stopping_, is_head);
}

template <typename Stream>
asio::awaitable<Next> HttpServer::Engine::give(Stream& stream, HttpAnswer answer, bool keep_alive,
                                               bool head) {
  if (answer.delay.count() > 0) {
    asio::steady_timer pause(io_, answer.delay);
    co_await pause.async_wait(kToken);
  }
  if (answer.cut == HttpAnswer::Cut::before) co_return Next::drop;
  const bool within = answer.cut == HttpAnswer::Cut::within;
  Response response = make_response(answer, keep_alive);
  beast::get_lowest_layer(stream).expires_after(options_.request_timeout);
  if (!head && !within) {
    auto [error, size] = co_await http::async_write(stream, response, kToken);
    co_return after(error, keep_alive);
  }
  http::response_serializer<http::string_body> serializer(response);
  auto [error, size] = co_await http::async_write_header(stream, serializer, kToken);
  if (!error && within) {
    const std::string_view body = response.body();
    co_await asio::async_write(stream, asio::buffer(body.substr(0, body.size() / 2)), kToken);
  }
  co_return within ? Next::drop : after(error, keep_alive);
}

template <typename Stream>
asio::awaitable<void> HttpServer::Engine::refuse(Stream& stream, error_code error) {
  HttpAnswer answer;
  answer.status = status_of(error);
  if (answer.status == 0) co_return;
  co_await give(stream, std::move(answer), false, false);
  // Closed with bytes unread, the connection would be reset, and the answer lost with it.
  auto& lowest = beast::get_lowest_layer(stream);
  error_code ignored;
  lowest.socket().shutdown(tcp::socket::shutdown_send, ignored);
  lowest.expires_after(kDrain);
  std::array<char, 4096> unread;
  for (std::size_t rest = options_.max_body_bytes; rest > 0;) {
    auto [gone, size] = co_await lowest.async_read_some(asio::buffer(unread), kToken);
    if (gone) co_return;
    rest -= std::min(rest, size);
  }
}

HttpAnswer HttpServer::Engine::handle(const HttpCall& call) const noexcept {
  try {
    HttpAnswer answer = handler_(call);
    const bool sound = std::ranges::none_of(answer.headers, [](const HttpHeader& header) {
      return header.name.empty() || has_line_end(header.name) || has_line_end(header.value);
    });
    if (sound && answer.status >= 200 && answer.status <= 599) return answer;
    log::error("an HTTP handler gave an answer that cannot be sent");
  } catch (const std::exception& exception) {
    log::error(std::string("an HTTP handler failed: ") + exception.what());
  }
  HttpAnswer broken;
  broken.status = 500;
  return broken;
}

void HttpServer::Engine::begin_stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  for (Connection& connection : connections_) {
    if (connection.idle) connection.stream->cancel();
  }
  note_end();
}

void HttpServer::Engine::note_end() {
  if (!stopping_ || !connections_.empty()) return;
  const std::lock_guard lock(mutex_);
  drained_ = true;
  ended_.notify_all();
}

HttpServer::Engine::~Engine() {
  if (thread_.joinable()) {
    asio::post(io_, [this] { begin_stop(); });
    {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, kDrain, [this] { return drained_; });
    }
    io_.stop();
    thread_.join();
  }
  handlers_.join();
}

HttpServer::HttpServer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return engine_->port();
}
std::string HttpServer::origin() const {
  return engine_->origin();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options,
                                                      HttpHandler handler) {
  auto engine = std::make_unique<Engine>(options, std::move(handler));
  KEYHOLD_TRY(engine->open());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(engine)));
}

}  // namespace keyhold::net
