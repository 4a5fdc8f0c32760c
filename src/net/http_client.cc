#include "net/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <mutex>
#include <string_view>
#include <tuple>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "net/wiping_memory.h"

namespace keyhold::net {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64U << 10U;
constexpr std::size_t kMaxUrlBytes = 8U << 10U;
constexpr std::size_t kMostAtRest = 8;
constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE"};

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ShareDeleter {
  void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Share = std::unique_ptr<CURLSH, ShareDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;
using Url = std::unique_ptr<CURLU, UrlDeleter>;

// Never undone: other users of the library in the process may go on.
bool library_is_ready() {
  static const bool ready =
      curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc,
                           wiping_strdup, wiping_calloc) == CURLE_OK;
  return ready;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

tl::unexpected<Error> bad_url(const std::string& why) {
  return fail(Code::invalid_argument, "URL: " + why);
}

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

// A write to a connection that the peer has closed raises SIGPIPE, in OpenSSL at least: it is held
// back in this thread, and taken away where it came.
class SigpipeHeld {
 public:
  SigpipeHeld() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeHeld() {
    if (sigismember(&before_, SIGPIPE) == 0) {
      const timespec at_once{};
      while (sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) continue;
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeHeld(const SigpipeHeld&) = delete;
  SigpipeHeld& operator=(const SigpipeHeld&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

// What the callbacks of one transfer share.
struct Transfer {
  HttpResponse response;
  const HttpOptions* options = nullptr;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool cancelled = false;
};

std::size_t take_body(const char* data, std::size_t unit, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t size = unit * count;
  if (size > transfer.options->max_response_bytes - transfer.response.body.size()) {
    transfer.too_large = true;
    return 0;  // ends the transfer
  }
  transfer.response.body.append(data, size);
  return size;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t take_header(const char* data, std::size_t unit, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t size = unit * count;
  transfer.header_bytes += size;
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // those of an interim answer do not count
  } else if (colon != std::string_view::npos) {
    transfer.response.headers.push_back({.name = lower(trimmed(line.substr(0, colon))),
                                         .value = std::string(trimmed(line.substr(colon + 1)))});
  }
  return size;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(context);
  const auto& cancelled = transfer.options->cancelled;
  if (cancelled && cancelled()) transfer.cancelled = true;
  return transfer.cancelled ? 1 : 0;
}

Status check_request(const HttpRequest& request) {
  KEYHOLD_TRY(parse_http_url(request.url));
  if (std::ranges::find(kMethods, request.method) == kMethods.end()) {
    return fail(Code::invalid_argument, "HTTP method " + request.method + " is not used here");
  }
  for (const HttpHeader& header : request.headers) {
    const bool named = !header.name.empty() && header.name.find(':') == std::string::npos;
    if (!named || has_control(header.name) || has_control(header.value)) {
      return fail(Code::invalid_argument, "HTTP header " + header.name + " cannot be sent");
    }
  }
  return {};
}

Result<List> header_list(const HttpRequest& request) {
  // Expect: a server that knows no 100 Continue costs a second.
  List list(curl_slist_append(nullptr, "Expect:"));
  for (const HttpHeader& header : request.headers) {
    WipedString line(header.name);
    line += header.value.empty() ? ";" : ": ";
    line += header.value;
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return fail(Code::internal, "no memory for an HTTP header");
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

template <typename Value>
bool set(CURL* easy, CURLoption option, Value value) {
  return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

// OpenSSL otherwise keeps the last record that it has deciphered with its connection.
CURLcode wipe_received(CURL*, void* context, void*) {
  SSL_CTX_set_options(static_cast<SSL_CTX*>(context), SSL_OP_CLEANSE_PLAINTEXT);
  return CURLE_OK;
}

bool set_manners(CURL* easy, const HttpOptions& options) {
  bool good = set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  good = good && set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  good = good && set(easy, CURLOPT_PROXY, "");  // also: no *_proxy of the environment
  good = good && set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  good = good && set(easy, CURLOPT_NOSIGNAL, 1L);
  good = good && set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  good = good && set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  good = good && set(easy, CURLOPT_SSL_VERIFYPEER, 1L) && set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  good = good && set(easy, CURLOPT_SSL_CTX_FUNCTION, &wipe_received);
  if (!options.client_cert_file.empty()) {
    good = good && set(easy, CURLOPT_SSLCERT, options.client_cert_file.c_str());
    good = good && set(easy, CURLOPT_SSLKEY, options.client_key_file.c_str());
  }
  if (options.ca_file.empty()) return good;
  return good && set(easy, CURLOPT_CAINFO, options.ca_file.c_str()) &&
         set(easy, CURLOPT_CAPATH, nullptr);
}

bool set_request(CURL* easy, const HttpRequest& request, curl_slist* headers) {
  bool good = set(easy, CURLOPT_URL, request.url.c_str());
  good = good && set(easy, CURLOPT_HTTPHEADER, headers);
  if (request.method != "GET") {
    good = good && set(easy, CURLOPT_POST, 1L);
    good = good && set(easy, CURLOPT_POSTFIELDS, request.body.data());
    good = good &&
           set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  return good && set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

bool set_times(CURL* easy, const HttpOptions& options, std::chrono::milliseconds remaining) {
  const auto total = std::max<long>(1, static_cast<long>(remaining.count()));
  const auto connect = std::max<long>(1, static_cast<long>(options.connect_timeout.count()));
  return set(easy, CURLOPT_TIMEOUT_MS, total) &&
         set(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(total, connect));
}

bool set_callbacks(CURL* easy, Transfer& transfer) {
  return set(easy, CURLOPT_WRITEFUNCTION, &take_body) && set(easy, CURLOPT_WRITEDATA, &transfer) &&
         set(easy, CURLOPT_HEADERFUNCTION, &take_header) &&
         set(easy, CURLOPT_HEADERDATA, &transfer) && set(easy, CURLOPT_NOPROGRESS, 0L) &&
         set(easy, CURLOPT_XFERINFOFUNCTION, &on_progress) &&
         set(easy, CURLOPT_XFERINFODATA, &transfer);
}

std::chrono::milliseconds left_of(Deadline deadline, const Clock& clock) {
  constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24);
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::min(deadline.remaining(clock), kLongest));
}

Result<HttpResponse> outcome_of(CURLcode code, CURL* easy, Transfer& transfer,
                                const std::string& host) {
  if (transfer.too_large) return fail(Code::integrity, host + ": the answer is too large");
  if (transfer.cancelled) return fail(Code::unavailable, host + ": the request was cancelled");
  if (code != CURLE_OK) return fail(Code::unavailable, host + ": " + curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  return std::move(transfer.response);
}

}  // namespace

Result<HttpOrigin> parse_http_url(const std::string& url) {
  if (url.empty() || url.size() > kMaxUrlBytes) return bad_url("empty or too long");
  if (has_control(url) || url.find(' ') != std::string::npos) {
    return bad_url("spaces or control characters in it");
  }
  const Url parsed(curl_url());
  if (parsed == nullptr) return fail(Code::internal, "no memory for a URL");
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return bad_url("write it as https://host/path");
  }
  HttpOrigin origin{.scheme = lower(part_of(parsed.get(), CURLUPART_SCHEME)),
                    .host = lower(part_of(parsed.get(), CURLUPART_HOST))};
  if (origin.scheme != "http" && origin.scheme != "https") return bad_url("neither http nor https");
  if (origin.host.empty()) return bad_url("no host in it");
  if (!part_of(parsed.get(), CURLUPART_USER).empty() ||
      !part_of(parsed.get(), CURLUPART_PASSWORD).empty()) {
    return bad_url("a user or password in it; use a token file");
  }
  return origin;
}

// A share that one request at a time uses: it keeps a connection while the handle, whose buffers
// hold what went over it, is made anew for each request. (libcurl cannot share connections between
// threads.)
class HttpClient::Connections {
 public:
  // Null where libcurl cannot.
  Share take() {
    {
      const std::lock_guard lock(mutex_);
      if (!at_rest_.empty()) {
        Share share = std::move(at_rest_.back());
        at_rest_.pop_back();
        return share;
      }
    }
    Share share(curl_share_init());
    const bool good =
        share != nullptr &&
        curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK &&
        curl_share_setopt(share.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
    return good ? std::move(share) : nullptr;
  }

  void give_back(Share share, long opened) {
    const std::lock_guard lock(mutex_);
    opened_ += static_cast<std::uint64_t>(opened);
    if (at_rest_.size() < kMostAtRest) at_rest_.push_back(std::move(share));
  }

  std::uint64_t opened() const {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Share> at_rest_;
  std::uint64_t opened_ = 0;
};

HttpClient::HttpClient(const Clock& clock, HttpOptions options)
    : clock_(&clock), options_(std::move(options)), connections_(std::make_unique<Connections>()) {}

HttpClient::~HttpClient() = default;

std::uint64_t HttpClient::connections_opened() const {
  return connections_->opened();
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, Deadline deadline) {
  KEYHOLD_TRY(check_request(request));
  KEYHOLD_TRY_ASSIGN(const HttpOrigin origin, parse_http_url(request.url));
  if (!library_is_ready()) return fail(Code::internal, "libcurl cannot be set up");
  const std::chrono::milliseconds remaining = left_of(deadline, *clock_);
  if (remaining.count() <= 0) return fail(Code::unavailable, origin.host + ": out of time");
  KEYHOLD_TRY_ASSIGN(const List headers, header_list(request));
  Share share = connections_->take();
  Easy easy(curl_easy_init());
  Transfer transfer;
  transfer.options = &options_;
  const bool ready =
      share != nullptr && easy != nullptr && set(easy.get(), CURLOPT_SHARE, share.get()) &&
      set_manners(easy.get(), options_) && set_request(easy.get(), request, headers.get()) &&
      set_times(easy.get(), options_, remaining) && set_callbacks(easy.get(), transfer);
  if (!ready) return fail(Code::internal, "libcurl does not take the request");
  const SigpipeHeld held;
  const CURLcode code = curl_easy_perform(easy.get());
  auto outcome = outcome_of(code, easy.get(), transfer, origin.host);
  long opened = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_NUM_CONNECTS, &opened);
  easy.reset();
  connections_->give_back(std::move(share), opened);
  return outcome;
}

std::shared_ptr<HttpClient> shared_http_client(const Clock& clock, const HttpOptions& options) {
  using Key = std::tuple<const Clock*, std::string, std::string, std::string,
                         std::chrono::milliseconds, std::size_t>;
  // Never destroyed: a host's threads may outlive main().
  static auto& mutex = *new std::mutex;
  static auto& clients = *new std::map<Key, std::shared_ptr<HttpClient>>;
  const Key key(&clock, options.ca_file, options.client_cert_file, options.client_key_file,
                options.connect_timeout, options.max_response_bytes);
  const std::lock_guard lock(mutex);
  auto& client = clients[key];
  if (!client) client = std::make_shared<HttpClient>(clock, options);
  return client;
}

}  // namespace keyhold::net
