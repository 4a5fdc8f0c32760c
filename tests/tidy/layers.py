"""Who may include whom (docs/architecture.md): the one place where the direction is written down.

Every folder may include itself. A folder that is not named may include nothing, so that a new one has
to be given its place.
"""

# Folders whose subfolders are layers of their own; elsewhere a subfolder belongs to its folder's.
WITH_INNER_LAYERS = {"kms"}

ALLOWED = {
    "base": [],
    "control": ["base"],
    "crypto": ["base"],
    "format": ["base", "crypto"],  # sizes, check values, checksums; it holds no key
    "io": ["base"],
    "audit": ["base", "crypto", "format", "io"],
    "net": ["base"],
    "cloud": ["base", "crypto", "net"],
    "kms": ["base", "cloud", "crypto", "io", "kms/aws", "kms/gcp", "kms/local", "kms/vault"],  # client.cc makes the provider's client
    "kms/aws": ["base", "cloud", "crypto", "kms", "net"],
    "kms/gcp": ["base", "cloud", "crypto", "kms", "net"],
    "kms/vault": ["base", "cloud", "crypto", "kms", "net"],
    "kms/fake": ["base", "crypto", "kms"],
    "kms/local": ["base", "crypto", "format", "io", "kms"],
    "keyring": ["base", "crypto", "format", "io", "kms"],
    "store": ["base", "crypto", "format", "io"],
    "host": ["base", "control", "crypto", "format", "io", "audit", "net", "kms", "keyring", "store"],
    "rocksdb": ["base", "crypto", "io", "store", "host"],
    "agent": ["base", "host", "io"],
    "devcloud": ["base", "cloud", "crypto", "format", "io", "net"],
    "cli": ["agent", "base", "crypto", "devcloud", "net", "format", "io", "audit", "kms", "kms/local", "keyring", "store", "host"],
    "cmd": ["base", "cli"],
}

# What a *_test.cc or a header of test support may include beyond its folder's own list.
ALLOWED_IN_TESTS = ["kms/fake", "kms/local"]

# Headers of third parties, and the only places (paths from the top of the tree) that may include them.
THIRD_PARTY = {
    "openssl/": ["src/crypto/", "src/net/", "bench/", "tests/memory/"],  # the peers; what the search must find
    "intel-ipsec-mb.h": ["src/crypto/", "bench/", "tests/memory/"],  # bench: the raw cipher
    "rocksdb/": ["src/rocksdb/", "include/keyhold/rocksdb", "examples/", "bench/", "tests/"],
    "prometheus/": ["src/agent/"],
    "spdlog/": ["src/base/log.cc"],
    "CLI/": ["src/cli/", "cmd/"],
    "curl/": ["src/net/"],
    "boost/": ["src/net/http_server.cc"],
    "toml++/": ["src/format/toml_leaves.cc"],
    "pugixml.hpp": ["src/cloud/aws/sts_xml.cc"],
}

# Third parties too heavy to come in through a header of ours.
HEAVY = ["nlohmann/json.hpp", "boost/", "spdlog/", "toml++/", "CLI/"]

# Where secret bytes may be touched: the folders that may make a SecretAccess.
SECRET_ACCESS = ["src/crypto/", "src/kms/", "src/keyring/", "src/host/", "src/devcloud/sealer.cc"]
