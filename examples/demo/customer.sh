# The customer's side of examples/demo/run, which sources this: a KMS, its two keys (orders, orders-2027), what the customer does to
# them, and the KMS's own log. $cloud says which one: local is a software KMS in a directory; aws, gcp and vault are served by
# keyhold devcloud on loopback, which enforces what the real ones enforce. Uses $work, run and fail of there.
# shellcheck shell=bash disable=SC2154

devcloud=0     # its process id
declare -A key # NAME → what the provider calls it
key_flags=()   # of the key that was made last, as store init and store rewrap take them

case $cloud in
  local) kms=$work/customer-kms ;;
  *) kms=$work/devcloud ;;
esac

customer_stop() {
  ((devcloud > 0)) || return 0
  kill -TERM "$devcloud" 2>/dev/null || true
  wait "$devcloud" 2>/dev/null || true
  devcloud=0
}

# A devcloud's settings for clients are in force afterwards.
start_devcloud() {
  local tries=100
  printf '%s$ keyhold devcloud --dir %s &%s\n' "$dim" "$kms" "$reset"
  keyhold devcloud --dir "$kms" >"$work/devcloud.out" 2>"$work/devcloud.err" &
  devcloud=$!
  until grep -q '^export' "$work/devcloud.out"; do
    kill -0 "$devcloud" 2>/dev/null || fail "devcloud has ended: $(cat "$work/devcloud.err")"
    ((tries-- > 0)) || fail "devcloud did not start: $(cat "$work/devcloud.err")"
    sleep 0.1 # bounded poll
  done
  head -n 1 "$work/devcloud.out"
  take_exports <"$work/devcloud.out"
}

# The export lines of standard input become variables; what they hold is not shown.
take_exports() {
  local lines
  lines=$(grep '^export ' || true)
  eval "$lines"
}

https() { sed -n 's/^# https \([^,]*\),.*/\1/p' "$work/devcloud.out"; }

# use_key NAME TYPE URI [PRINCIPAL]: of devcloud.
use_key() {
  key[$1]=$3
  key_flags=(--kms-type "$2" --kms-uri "$3" --auth-principal "$4" --kms-ca "$kms/ca.pem")
  # Vault's URI holds its own address.
  [[ $2 == VAULT_TRANSIT ]] || key_flags+=(--kms-endpoint "$(https)")
}

# What the customer and the operator have to do before anything can be encrypted.
customer_set_up() {
  case $cloud in
    local)
      run keyhold kms init "$kms"
      run keyhold kms key create "$kms" orders
      key[orders]=local://$kms/orders
      key_flags=(--kms-type LOCAL --kms-uri "${key[orders]}")
      ;;
    aws)
      start_devcloud
      run keyhold devcloud aws setup --dir "$kms" --org acme --name orders >"$work/setup"
      take_exports <"$work/setup"
      printf "the role's trust policy wants the external id acme; the cluster's own user may assume it\n"
      use_key orders AWS_KMS "$KEYHOLD_DEV_AWS_KEY_URI" "$KEYHOLD_DEV_AWS_PRINCIPAL"
      ;;
    vault)
      start_devcloud
      run keyhold devcloud vault setup --dir "$kms" --org acme --name orders >"$work/setup"
      take_exports <"$work/setup"
      use_key orders VAULT_TRANSIT "$KEYHOLD_DEV_VAULT_KEY_URI" "$KEYHOLD_DEV_VAULT_PRINCIPAL"
      ;;
  esac
}

# The same grants as for the first.
customer_makes_second_key() {
  local account
  case $cloud in
    local)
      run keyhold kms key create "$kms" orders-2027
      key[orders-2027]=local://$kms/orders-2027
      key_flags=(--kms-type LOCAL --kms-uri "${key[orders-2027]}")
      ;;
    aws)
      account=$(cut -d : -f 5 <<<"${key[orders]}")
      cat >"$work/key-policy.json" <<POLICY
{"Version": "2012-10-17",
 "Statement": [{"Sid": "Administer", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
                "Principal": {"AWS": "arn:aws:iam::$account:root"}},
               {"Sid": "Keyhold", "Effect": "Allow", "Resource": "*",
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"],
                "Principal": {"AWS": "$KEYHOLD_DEV_AWS_PRINCIPAL"}}]}
POLICY
      run keyhold devcloud aws key-create --dir "$kms" --account "$account" --region "$AWS_REGION" \
        --policy "$work/key-policy.json" --json >"$work/key.json"
      use_key orders-2027 AWS_KMS "$(sed -n 's/.*"Arn": *"\([^"]*\)".*/\1/p' "$work/key.json" | head -n 1)" \
        "$KEYHOLD_DEV_AWS_PRINCIPAL"
      ;;
    vault)
      run keyhold devcloud vault key-create --dir "$kms" orders-2027
      cat >"$work/both-keys.json" <<POLICY
{"path": {"transit/encrypt/orders*": {"capabilities": ["update"]},
          "transit/decrypt/orders*": {"capabilities": ["update"]},
          "transit/keys/orders*": {"capabilities": ["read"]}}}
POLICY
      run keyhold devcloud vault policy-grant --dir "$kms" --policy "$work/both-keys.json" orders
      use_key orders-2027 VAULT_TRANSIT "${key[orders]}-2027" "$KEYHOLD_DEV_VAULT_PRINCIPAL"
      ;;
  esac
}

# customer_sets disable|enable NAME
customer_sets() {
  case $cloud in
    local) run keyhold kms key "$1" "$kms" "$2" ;;
    aws) run keyhold devcloud aws "key-$1" --dir "$kms" "${key[$2]}" ;;
    vault) run keyhold devcloud vault "key-$1" --dir "$kms" "$2" ;;
  esac
}

# The times of the log's refusals, a line each.
denials() {
  if [[ $cloud == local ]]; then
    grep '"key":"orders-2027"' "$kms/access.log" | grep -v '"outcome":"ok"' | sed 's/.*"time":"\([^"]*\)".*/\1/'
  else
    grep '"errorCode"' "$kms/access.log" | sed 's/.*"eventTime":"\([^"]*\)".*/\1/'
  fi
}

show_kms_log() {
  if [[ $cloud == local ]]; then
    run keyhold kms key log "$kms" orders-2027 | tail -n 3
  else
    run keyhold devcloud log --dir "$kms" --limit 3
  fi
}

# The log of a devcloud is its provider's; only LOCAL's is reconciled.
audit_against_kms() {
  if [[ $cloud == local ]]; then
    run keyhold audit verify "$store" --kms-log "$kms"
    row "audit log and the KMS's access log" "agree"
  else
    run keyhold audit verify "$store"
    row "audit log" "whole"
  fi
}
