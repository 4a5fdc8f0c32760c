# The lease's part of examples/demo/run, which sources this: readers and a writer at work while the customer takes the key away and gives
# it back. Uses $store, $work, $with_agent, the functions there and those of customer.sh.
# shellcheck shell=bash disable=SC2154

progress=$work/progress
server=0 # the process id of the engine, or of the agent above it
server_status=0

# Ends what was started here: well, and after 15 s by force.
stop_server() {
  ((server > 0)) || return 0
  local process=$server tries=150
  server=0
  kill -TERM "$process" 2>/dev/null || true
  while ((tries-- > 0)) && kill -0 "$process" 2>/dev/null; do sleep 0.1; done
  # A killed agent's supervisor kills the engine.
  kill -KILL "$process" 2>/dev/null || true
  wait "$process" 2>/dev/null || server_status=$?
}

start_server() {
  local command=(apt_index serve --db "$store/db" --store "$store" --progress "$progress")
  if [[ $with_agent == yes ]]; then
    command=(keyhold agent --store "$store" -- "${command[@]}")
  else
    command+=(--seal-handler)
  fi
  printf '%s$ %s &%s\n' "$dim" "${command[*]}" "$reset"
  "${command[@]}" 2>"$work/server.log" &
  server=$!
}

# progress_of LINE FIELD: the newest LINE (opened, first, write, read); field 2 is its time in Unix milliseconds, 3 its number.
progress_of() {
  # As text: mawk's %d ends at 2^31.
  awk -v name="$1" -v field="$2" 'BEGIN { value = "0" } $1 == name && $2 + 0 >= newest { newest = $2 + 0; value = $field "" } END { print value }' \
    "$progress" 2>/dev/null || echo 0
}

seconds_between() { awk -v from="$1" -v to="$2" 'BEGIN { printf "%.1f s", (to - from) / 1000 }'; }

# wait_for SECONDS WHAT COMMAND…: until the command succeeds.
wait_for() {
  local end=$(($(now_ms) + $1 * 1000)) what=$2
  shift 2
  until "$@"; do
    kill -0 "$server" 2>/dev/null || fail "what serves the database has ended: $(cat "$work/server.log")"
    (($(now_ms) < end)) || fail "waited in vain for $what: $(cat "$work/server.log")"
    sleep 0.1 # bounded poll
  done
}

serves_since() { (($(progress_of first 2) > $1 && $(progress_of write 2) > $1)); }
is_warm() { (($(progress_of read 3) >= 1000 && $(progress_of write 3) >= 500)); }
is_quiet() { (($(now_ms) - $(progress_of read 2) > 1000 && $(now_ms) - $(progress_of write 2) > 1000)); }
host_state() { keyhold store status "$store" --json 2>/dev/null | awk '/"host": \{/ { inside = 1 } inside && /^    "state":/ { gsub(/[",]/, ""); print $2; exit }'; }
is_sealed() { [[ $(host_state) == sealed ]]; }

# first_denial_since MILLISECONDS: when the KMS denied first, by its own access log.
first_denial_since() {
  local time
  while read -r time; do
    time=$(date -d "$time" +%s%3N)
    if ((time >= $1)); then
      printf '%s\n' "$time"
      return
    fi
  done < <(denials)
  return 1
}

has_denied_since() { first_denial_since "$1" >/dev/null; }

take_the_key_away() {
  local taken denied read_end write_end
  step "The customer disables the key while they run"
  taken=$(now_ms)
  customer_sets disable orders-2027
  wait_for 20 "a denial in the KMS's log" has_denied_since "$taken"
  wait_for 20 "the last read and write" is_quiet
  denied=$(first_denial_since "$taken")
  read_end=$(progress_of read 2) write_end=$(progress_of write 2) acknowledged=$(progress_of write 3)
  row "reads that the block cache answered by then" "$(progress_of read 3) a thread"
  row "the KMS's first denial to the last read" "$(seconds_between "$denied" "$read_end")"
  row "the KMS's first denial to the last synced write" "$(seconds_between "$denied" "$write_end")"
  printf '%s\n' "${table[@]: -2}"
  printf 'last acknowledged record: number %d\n' "$acknowledged"
  ((read_end - denied <= 10000 && write_end - denied <= 10000)) || fail "it took longer than 10 s"

  step "Nothing reads now"
  wait_for 10 "the host to say that it is sealed" is_sealed
  printf 'keyhold store status says: %s\n' "$(host_state)"
  if KEYHOLD_KMS_WAIT=1s run apt_index query --db "$store/db" --store "$store" package coreutils; then
    fail "a sealed store was read"
  fi
  (($(progress_of read 2) == read_end && $(progress_of write 2) == write_end)) || fail "the engine went on after the seal"
}

give_the_key_back() {
  local given
  step "The customer enables it: the same database serves again, by itself"
  given=$(now_ms)
  customer_sets enable orders-2027
  wait_for 30 "the database to serve" serves_since "$given"
  row "access back to the first read" "$(seconds_between "$given" "$(progress_of first 2)")"
  printf '%s\n' "${table[@]: -1}"
  (($(progress_of first 2) - given <= 10000)) || fail "it took longer than 10 s"
  (($(progress_of opened 3) >= acknowledged)) ||
    fail "record $acknowledged was acknowledged, but the last one after the seal is $(progress_of opened 3)"
  row "acknowledged records before the seal, all there" "$acknowledged"
  printf 'all %d acknowledged records are there\n' "$acknowledged"
}

only_open_files_left() { ! keyhold store coverage "$store" | grep '^pending:' | grep -qv 'being written'; }

is_one_generation() {
  keyhold store coverage "$store" --json |
    awk '/"(current|oldest)_generation":/ { gsub(/[^0-9]/, ""); seen[++count] = $0 } END { exit !(count == 2 && seen[1] == seen[2]) }'
}

# What RocksDB writes is swapped once it closes it: SIGHUP has the engine open the database again.
reencrypt_and_shred() {
  local start before engine
  step "Write everything again under a new key, while they run, and take the old keys away"
  start=$(now_ms)
  run keyhold store reencrypt --rotate --no-wait "$store"
  wait_for 60 "the tables to be re-encrypted" only_open_files_left
  run keyhold store coverage "$store"
  before=$(now_ms)
  engine=$(engine_of "$server")
  run kill -HUP "$engine"
  wait_for 20 "the database to be open again" serves_since "$before"
  run keyhold store reencrypt "$store"
  row "re-encrypt everything, online" "$(seconds_between "$start" "$(now_ms)")"
  run keyhold store coverage "$store"
  run keyhold store shred "$store"
  run keyhold store status "$store"
  is_one_generation || fail "an older DEK generation is still in the key ring"
  row "DEK generations before the current one" "shredded"
}

# engine_of PROCESS: its only descendant without children, or itself.
engine_of() {
  local child
  child=$(cat "/proc/$1/task/"*/children 2>/dev/null | awk '{ print $1; exit }')
  if [[ -n $child ]]; then engine_of "$child"; else printf '%s\n' "$1"; fi
}

lease_part() {
  local start
  step "Readers on a warm block cache and a writer that syncs numbered records"
  start=$(now_ms)
  start_server
  wait_for 30 "the database to serve" serves_since "$start"
  wait_for 30 "reads from the block cache and synced records" is_warm
  if [[ $with_agent == yes ]]; then
    printf 'agent %d, engine with the plugin %d, the supervisor between them\n' "$server" "$(engine_of "$server")"
  fi
  take_the_key_away
  give_the_key_back
  reencrypt_and_shred
  stop_server
  ((server_status == 0)) || fail "what served the database ended with $server_status: $(cat "$work/server.log")"
  step "The audit log against the KMS's own, and every record against the input"
  audit_against_kms
  timed "verify every record, after all that" apt_index verify --db "$store/db" --store "$store" packages.txt
}
