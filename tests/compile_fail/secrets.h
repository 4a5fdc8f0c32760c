// What the snippets have in hand.
#pragma once

#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/secret.h"

using keyhold::crypto::AeadKey;
using keyhold::crypto::BlockPrf;
using keyhold::crypto::Key256;
using keyhold::crypto::SecretAccess;
using keyhold::crypto::SecretBlock;
