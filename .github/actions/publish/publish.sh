#!/usr/bin/env bash
# The stages of a release: build, test, package, sign, upload, publish.
#
# The same in a workflow, where action.yml fills in variables, and by hand:
# with --dry-run every stage is run but those that others see (upload), and
# publish shows what it would send. An option --NAME is the variable
# PUBLISH_NAME, and a line NAME=VALUE of the file of --settings; they count in
# this order. A stage without a command is left out.
#
# Written for bash 3.2, which is what macOS has.
set -euo pipefail

readonly HOME_REPOSITORY=turbo-engine/turbo-engine
# Options with a value, and those that are there or not.
readonly VALUES="build test package sign sign-key certificate timestamp upload release components only wait records \
fail-on prior audit-key binary version public-key downloads settings build-env"
readonly SWITCHES="dry-run staging resume no-gate"
# All that the commands of build, test and package are given of the environment.
# Left out on purpose: whatever may hold a secret (tokens, keys, addresses with a
# login), and the files through which a step talks to the runner (GITHUB_ENV,
# GITHUB_PATH, GITHUB_OUTPUT, ...): who writes there changes the steps that follow.
readonly PASSED="PATH HOME USER LOGNAME SHELL TERM COLORTERM COLUMNS NO_COLOR CLICOLOR FORCE_COLOR LANG LANGUAGE TZ \
TMPDIR TMP TEMP XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR SSL_CERT_FILE SSL_CERT_DIR LD_LIBRARY_PATH \
CI RUNNER_OS RUNNER_ARCH RUNNER_NAME RUNNER_ENVIRONMENT RUNNER_TEMP RUNNER_TOOL_CACHE RUNNER_WORKSPACE RUNNER_DEBUG \
ImageOS ImageVersion AGENT_TOOLSDIRECTORY GITHUB_ACTIONS GITHUB_WORKSPACE GITHUB_SHA GITHUB_REF GITHUB_REF_NAME \
GITHUB_REF_TYPE GITHUB_REF_PROTECTED GITHUB_HEAD_REF GITHUB_BASE_REF GITHUB_REPOSITORY GITHUB_REPOSITORY_ID \
GITHUB_REPOSITORY_OWNER GITHUB_REPOSITORY_OWNER_ID GITHUB_RUN_ID GITHUB_RUN_NUMBER GITHUB_RUN_ATTEMPT GITHUB_WORKFLOW \
GITHUB_WORKFLOW_REF GITHUB_WORKFLOW_SHA GITHUB_JOB GITHUB_ACTOR GITHUB_ACTOR_ID GITHUB_TRIGGERING_ACTOR \
GITHUB_EVENT_NAME GITHUB_SERVER_URL GITHUB_API_URL GITHUB_GRAPHQL_URL SOURCE_DATE_EPOCH MAKEFLAGS CC CXX AR LD CFLAGS \
CXXFLAGS CPPFLAGS LDFLAGS PKG_CONFIG PKG_CONFIG_PATH CMAKE_GENERATOR MACOSX_DEPLOYMENT_TARGET SDKROOT DEVELOPER_DIR \
CARGO_HOME CARGO_INCREMENTAL CARGO_ENCODED_RUSTFLAGS CARGO_NET_OFFLINE CARGO_NET_RETRY CARGO_NET_GIT_FETCH_WITH_CLI \
CARGO_HTTP_CAINFO CARGO_HTTP_TIMEOUT CARGO_HTTP_MULTIPLEXING RUSTC RUSTC_WRAPPER RUSTC_BOOTSTRAP RUSTFLAGS \
RUSTDOCFLAGS RUST_BACKTRACE RUST_LOG RUST_TEST_THREADS RUSTUP_HOME RUSTUP_TOOLCHAIN RUSTUP_MAX_RETRIES GOROOT GOPATH \
GOCACHE GOMODCACHE GOFLAGS GOOS GOARCH GOTOOLCHAIN CGO_ENABLED NODE_ENV NODE_OPTIONS VIRTUAL_ENV PYTHONPATH \
pythonLocation JAVA_HOME GRADLE_USER_HOME DOTNET_ROOT NUGET_PACKAGES ANDROID_HOME ANDROID_SDK_ROOT NO_PROXY no_proxy \
SystemRoot SYSTEMROOT SystemDrive SYSTEMDRIVE windir WINDIR OS ComSpec COMSPEC PATHEXT APPDATA LOCALAPPDATA ProgramData \
PROGRAMDATA ALLUSERSPROFILE ProgramFiles PROGRAMFILES ProgramW6432 CommonProgramFiles USERPROFILE HOMEDRIVE HOMEPATH \
PROCESSOR_ARCHITECTURE NUMBER_OF_PROCESSORS MSYSTEM INCLUDE LIB LIBPATH VSINSTALLDIR VCINSTALLDIR VCToolsInstallDir \
WindowsSdkDir WindowsSDKVersion"
# And those whose names begin so.
readonly PASSED_PREFIXES="LC_ CARGO_BUILD_ CARGO_TERM_ CARGO_PROFILE_ CARGO_TARGET_ JAVA_HOME_"
# And these, unless a login is in them.
readonly PROXIES="HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy"
# A summary may have 1 MiB: beyond this the proposed files stay in the events.
readonly SUMMARY_BYTES=200000

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
stages=""

usage() {
  cat <<'TEXT'
Usage: publish.sh [--dry-run] [OPTION]...

Stages, in this order; each is a command of bash unless said otherwise:
  --build CMD          builds the programs
  --test CMD           tests them
  --package CMD        makes the files of the release
  --sign PATTERN...    files to sign: SHA256SUMS beside them, and signatures by
    --sign-key FILE      minisign; password in TURBO_ENGINE_SIGN_PASSWORD
    --certificate PFX    Authenticode; password in TURBO_ENGINE_CERTIFICATE_PASSWORD
    --timestamp URL      server of timestamps for it
  --upload CMD         puts the files where the public gets them; not with --dry-run
  --build-env NAMES    variables that build, test and package get as well: they
                       get those that builds need, and none that may be secret

Publishing:
  --release WHAT       what to release [turbo-release.toml]
  --components LIST    generators in place of the channels' own
  --only LIST          channels to publish to
  --staging            publish to the staging targets
  --dry-run            show every effect, and have none
  --resume             go on where an earlier run ended
  --no-gate            do not fetch the public URLs; only with --dry-run
  --prior DIR          stands for the destinations, which nobody asks then
  --wait S             seconds to wait for the public URLs
  --records DIR        states, audit log and events [.turbo-publish]
  --audit-key SOURCE   key that authenticates the audit log: env:NAME
  --fail-on any|all    fail when any channel fails, or only when all do [any]

The program:
  --binary PATH        the turbo-engine to use
  --version V          the one to install; the action's own version without it,
                       and outside of a workflow the one in PATH
  --public-key KEY     minisign's key that has to have signed it
  --downloads URL      folder with its archives, in place of GitHub's

  --settings FILE      lines NAME=VALUE with any of these [.github/publish.env]
TEXT
}

say() { printf '%s\n' "$*" >&2; }

# Tells the user of a workflow beside the log, too. What a server said may be in
# the text: it must stay one command of the runner.
annotate() {
  local kind=$1 text=$2
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    text="${text//\%/%25}"
    text="${text//$'\r'/%0D}"
    say "::$kind::${text//$'\n'/%0A}"
  else
    say "$kind: $text"
  fi
}

# A command of the runner; nothing outside of a workflow.
runner() { [ "${GITHUB_ACTIONS:-}" != true ] || say "::$1::${2:-}"; }

# What nobody can have guessed.
fence() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

die() {
  annotate error "$1"
  [ $# -lt 2 ] || say "hint: $2"
  [ -z "${GITHUB_OUTPUT:-}" ] || printf 'exit-code=2\n' >>"$GITHUB_OUTPUT"
  exit 2
}

# --- options --------------------------------------------------------------

variable_of() { printf 'PUBLISH_%s' "$(printf %s "$1" | tr 'a-z-' 'A-Z_')"; }

setting() {
  local name
  name="$(variable_of "$1")"
  printf %s "${!name:-}"
}

is_on() { [ "$(setting "$1")" = true ]; }

is_one_of() {
  case " $2 " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

parse() {
  local name value
  while [ $# -gt 0 ]; do
    case $1 in -h | --help) usage && exit 0 ;; esac
    name="${1#--}" value=""
    [ "$name" != "$1" ] || die "what is \`$1\`?" "options begin with --; --help lists them"
    shift
    case $name in
      *=) die "\`--${name%=}\` needs a value" "\`true\` is a command that does nothing" ;;
      *=*) value="${name#*=}" name="${name%%=*}" ;;
    esac
    if is_one_of "$name" "$SWITCHES"; then
      value=true
    elif ! is_one_of "$name" "$VALUES"; then
      die "there is no option \`--$name\`" "--help lists them"
    elif [ -z "$value" ]; then
      [ $# -gt 0 ] || die "\`--$name\` needs a value"
      value=$1 && shift
    fi
    printf -v "$(variable_of "$name")" %s "$value"
  done
}

# Reads what neither options nor variables say. The lines are values, and never
# run as a script.
read_settings() {
  # Set but empty, as by the action, it means no file at all.
  local file="${PUBLISH_SETTINGS-.github/publish.env}" line name
  if [ ! -f "$file" ]; then
    [ -z "${PUBLISH_SETTINGS:-}" ] || die "there is no file $file"
    return 0
  fi
  while IFS= read -r line || [ -n "$line" ]; do
    line="${line%$'\r'}"
    case $line in '' | '#'*) continue ;; esac
    name="${line%%=*}"
    if [ "$name" = "$line" ] || ! is_one_of "$name" "$VALUES $SWITCHES"; then
      die "$file: what is \`$line\`?"
    fi
    [ -n "$(setting "$name")" ] || printf -v "$(variable_of "$name")" %s "${line#*=}"
  done <"$file"
}

check_settings() {
  local name
  for name in $SWITCHES; do
    case "$(setting "$name")" in '' | true | false) ;; *) die "\`$name\` is neither true nor false" ;; esac
  done
  fail_on="$(setting fail-on)" records="$(setting records)" release="$(setting release)"
  fail_on="${fail_on:-any}" records="${records:-.turbo-publish}" release="${release:-turbo-release.toml}"
  is_one_of "$fail_on" "any all" || die "\`fail-on\` is neither any nor all"
  if is_on no-gate && ! is_on dry-run; then
    die "\`no-gate\` is for dry runs" "what is sent has to be what the public gets"
  fi
}

# --- the program ----------------------------------------------------------

digest_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# The action's own owner, repository and ref, out of the folder that the runner
# put it in. The contexts of a composite action do not tell them reliably.
own_place() {
  local path="${here//\\//}"
  case $path in */_actions/*/*/*/.github/actions/publish) ;; *) return 1 ;; esac
  path="${path##*/_actions/}"
  printf %s "${path%/.github/actions/publish}"
}

# The target whose archive runs here.
target_here() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo x86_64-unknown-linux-gnu ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-gnu ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    MINGW*-x86_64 | MSYS*-x86_64) echo x86_64-pc-windows-msvc ;;
    MINGW*-aarch64 | MSYS*-aarch64) echo aarch64-pc-windows-msvc ;;
    *) die "no turbo-engine is built for $(uname -s) $(uname -m)" "build one, and name it in \`binary\`" ;;
  esac
}

fetch() {
  # A folder on this machine stands for a server without a network.
  curl --fail --silent --show-error --location --retry 3 --proto '=https,file' --proto-redir '=https' \
    --output "$scratch/$2" "$1/$2" || die "cannot download $2 from $1"
}

verify_download() {
  local archive=$1 key=$2 wanted
  if [ -n "$key" ]; then
    command -v minisign >/dev/null || die "\`public-key\` needs minisign" "install it in a step before"
    fetch "$3" SHA256SUMS.minisig
    minisign -Vqm "$scratch/SHA256SUMS" -P "$key" >&2 || die "SHA256SUMS of $3 is not signed by $key"
  fi
  wanted="$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$scratch/SHA256SUMS")"
  [ "$(digest_of "$scratch/$archive")" = "$wanted" ] || die "$archive is not what SHA256SUMS of $3 lists"
}

# Downloads a version, and sets `engine`.
install_engine() {
  local version=$1 repository=$2 target archive from folder="$scratch/engine"
  [[ $version =~ ^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$ ]] ||
    die "\`$version\` is no version of turbo-engine" "name one in \`version\`, such as v0.1.0"
  target="$(target_here)"
  archive="turbo-engine-$target.tar.gz"
  case $target in *windows*) archive="turbo-engine-$target.zip" ;; esac
  from="$(setting downloads)"
  from="${from:-${GITHUB_SERVER_URL:-https://github.com}/$repository/releases/download/v${version#v}}"
  fetch "$from" SHA256SUMS
  fetch "$from" "$archive"
  verify_download "$archive" "$(setting public-key)" "$from"
  mkdir "$folder"
  case $archive in
    *.zip) unzip -q "$scratch/$archive" -d "$folder" ;;
    *) tar -xzf "$scratch/$archive" -C "$folder" ;;
  esac
  engine="$(find "$folder" -type f \( -name turbo-engine -o -name turbo-engine.exe \) | head -n 1)"
  [ -n "$engine" ] || die "there is no turbo-engine in $archive"
  # For the commands of the stages.
  PATH="$(dirname "$engine"):$PATH"
}

# Finds or installs the program; one that the stages build is there only later.
prepare_engine() {
  local version place
  engine="$(setting binary)" version="$(setting version)"
  [ -z "$engine" ] || return 0
  if [ -n "$version" ]; then
    install_engine "$version" "$HOME_REPOSITORY"
  elif place="$(own_place)"; then
    install_engine "${place#*/*/}" "${place%/*}"
  else
    engine="$(command -v turbo-engine)" || die "there is no turbo-engine" "name it in \`binary\`, or \`version\` to install"
  fi
}

find_engine() {
  case $engine in
    */* | *\\*)
      [ -f "$engine" ] || die "there is no $engine" "it is \`binary\` that names it"
      # What came as an artifact of a workflow has lost its mode.
      [ -x "$engine" ] || chmod +x "$engine"
      ;;
    *) command -v "$engine" >/dev/null || die "there is no $engine in PATH" ;;
  esac
  "$engine" --version >&2 || die "$engine does not run here"
}

# --- stages ---------------------------------------------------------------

# Variables that are known to hold a key: what channels log in with and what the
# audit log is authenticated with, by their names, and those of the engine.
key_variables() {
  local file=turbo-release.toml
  case $release in *.toml) file="$release" ;; esac
  {
    [ ! -f "$file" ] || cat "$file"
    printf '\n%s\n' "$(setting audit-key)"
  } | grep -o 'env:[A-Za-z_][A-Za-z0-9_]*' | cut -c 5- || true
  compgen -e TURBO_ENGINE_ || true
}

note_stage() { stages="$stages| $1 | $2 |"$'\n'; }

# The names of the variables that the commands may get.
passed_names() {
  local name prefix
  for name in $PASSED $(setting build-env); do printf '%s\n' "$name"; done
  for prefix in $PASSED_PREFIXES; do compgen -e "$prefix" || true; done
  for name in $PROXIES; do
    case "${!name:-}" in *@*) ;; *) printf '%s\n' "$name" ;; esac
  done
}

# Writes these as a script: as arguments of a program everybody on the machine
# could read them.
write_environment() {
  local name value
  for name in $(comm -12 <(passed_names | sort -u) <(compgen -e | sort -u)); do
    # Not a variable of this script.
    value="$(printenv "$name" && printf .)" || continue
    value="${value%.}"
    printf 'export %s=%q\n' "$name" "${value%$'\n'}"
  done
}

check_build_env() {
  local name names
  names="$(setting build-env)"
  for name in $names; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || die "\`build-env\`: \`$name\` is no name of a variable"
    ! is_one_of "$name" "$(printf %s "$keys" | tr '\n' ' ')" ||
      annotate warning "\`build-env\` gives the key in $name to build, test and package"
  done
}

# Runs a command with what passes and nothing else. That keeps tokens out of
# logs, crash reports and the hands of dependencies; against code that looks for
# them in other processes only a job of its own helps.
alone() {
  local environment="$scratch/environment" more=()
  (umask 077 && write_environment >"$environment")
  # No name of a variable to bash; Windows' compilers are looked for there.
  ! printenv 'ProgramFiles(x86)' >/dev/null || more=("ProgramFiles(x86)=$(printenv 'ProgramFiles(x86)')")
  # shellcheck disable=SC2016
  env -i ${more[@]+"${more[@]}"} "$BASH" -c '. "$1" && exec "$BASH" -euo pipefail -c "$2"' stage "$environment" "$1"
}

# Runs the command of a stage.
stage() {
  local name=$1 command code=0 since=$SECONDS
  command="$(setting "$name")"
  [ -n "$command" ] || return 0
  say "=== $name: $command"
  runner group "$name"
  case $name in
    # What others see the effects of logs in somewhere: it has all that the step has.
    upload) bash -euo pipefail -c "$command" >&2 || code=$? ;;
    *) alone "$command" >&2 || code=$? ;;
  esac
  runner endgroup
  if [ "$code" != 0 ]; then
    note_stage "$name" "failed with $code"
    finish 1 "the stage \`$name\` failed with $code"
  fi
  note_stage "$name" "done in $((SECONDS - since)) s"
}

# Only local: signatures and the list of checksums lie beside the files.
sign() {
  local pattern path files=() arguments=() certificate timestamp key
  pattern="$(setting sign)" key="$(setting sign-key)"
  certificate="$(setting certificate)" timestamp="$(setting timestamp)"
  [ -n "$pattern" ] || return 0
  # The pattern is several words, and the shell's to expand.
  # shellcheck disable=SC2086
  for path in $pattern; do
    case $path in SHA256SUMS | */SHA256SUMS | *.minisig) continue ;; esac
    [ ! -f "$path" ] || files+=("$path")
  done
  [ ${#files[@]} -gt 0 ] || finish 1 "no file is called $pattern: there is nothing to sign"
  [ -z "$key" ] || arguments+=(--key "$key")
  [ -z "$certificate" ] || arguments+=(--pfx "$certificate")
  [ -z "$timestamp" ] || arguments+=(--timestamp "$timestamp")
  say "=== sign: ${files[*]}"
  "$engine" publish sign --sums ${arguments[@]+"${arguments[@]}"} "${files[@]}" >&2 || finish 1 "the stage \`sign\` failed"
  note_stage sign "done, files: ${#files[@]}"
}

upload() {
  [ -n "$(setting upload)" ] || return 0
  if is_on dry-run; then
    say "=== upload: not in a dry run"
    note_stage upload "not in a dry run"
  else
    stage upload
  fi
}

# The arguments of the command, in `arguments`.
publish_arguments() {
  local word
  arguments=(publish --json --release "$release")
  for word in $(setting components); do arguments+=(--component "$word"); done
  for word in $(setting only); do arguments+=(--only "$word"); done
  [ -z "$(setting wait)" ] || arguments+=(--wait "$(setting wait)")
  ! is_on staging || arguments+=(--staging)
  ! is_on no-gate || arguments+=(--no-gate)
  [ -z "$(setting prior)" ] || arguments+=(--prior "$(setting prior)")
  if is_on dry-run; then
    # It has no effect, and so nothing to record or to resume.
    arguments+=(--dry-run)
  else
    arguments+=(--records "$records")
    [ -z "$(setting audit-key)" ] || arguments+=(--audit-key "$(setting audit-key)")
    ! is_on resume || arguments+=(--resume)
  fi
}

publish() {
  local code=0 word
  publish_arguments
  mkdir -p "$records"
  say "=== publish: $engine ${arguments[*]}"
  # What servers say is quoted in errors: the runner must not obey it.
  word="$(fence)"
  runner stop-commands "$word"
  published=true
  "$engine" "${arguments[@]}" >"$records/events.jsonl" || code=$?
  runner "$word"
  case $code in
    0) note_stage publish "done" ;;
    3) note_stage publish "some channels failed" ;;
    *) note_stage publish "failed with $code" ;;
  esac
  finish "$code" "publish ended with exit code $code; $records has what was recorded"
}

# --- what came of it ------------------------------------------------------

# The events as Markdown, with the files that are proposed or without. Text of
# others is kept in its cell; half a line, of a process that was killed, is left
# out.
events_as_markdown() {
  jq -rRn --argjson files "$1" '
    def cell: tostring | gsub("[\r\n]+"; " ") | gsub("\\|"; "\\|") | gsub("<"; "&lt;");
    def fence: (reduce (scan("`+") | length) as $run (2; if $run > . then $run else . end)) + 1 | "`" * .;
    def row: if .event == "proposed" then "| \(.channel | cell) | proposed | \([.deliveries[]?.kind] | join(", ")) |"
      elif .event == "delivery" then "| \(.channel | cell) | \(.state | cell) | \(.reference // "" | cell) |"
      elif .event == "error" then "| \(.channel // "" | cell) | failed | \(.error | cell)\(if .hint then " — \(.hint | cell)" else "" end) |"
      else empty end;
    [inputs | fromjson? | objects] as $events
    | [$events[] | select(.event == "delivery" or .event == "error") | .channel] as $over
    | ($events[] | select(.event == "release") | "**\(.release.name | cell) \(.release.version | cell)**\n"),
      "| channel | outcome | |\n|---|---|---|",
      ($events[] | select(.event != "proposed" or (.channel as $one | $over | index([$one]) == null)) | row),
      (if $files then $events[] | select(.event == "proposed") | .channel as $channel | .deliveries[]?
        | (if .nuspec then {path: "package.nuspec", content: .nuspec} else empty end), .files[]?
        | (.content | fence) as $fence
        | "\n<details><summary>\($channel | cell): \(.path | cell)</summary>\n\n\($fence)\n\(.content)\n\($fence)\n\n</details>"
      else empty end)
  ' "$records/events.jsonl"
}

summary() {
  printf '## Publish%s\n\n' "$(! is_on dry-run || echo ': a dry run')"
  printf '| stage | outcome |\n|---|---|\n%s\n' "$stages"
  [ "$published" = true ] || return 0
  if command -v jq >/dev/null; then
    events_as_markdown "$1"
  else
    printf 'jq is not installed: see %s/events.jsonl.\n' "$records"
  fi
}

write_summary() {
  local text="$scratch/summary.md"
  if is_on dry-run; then summary true >"$text"; else summary false >"$text"; fi
  [ "$(wc -c <"$text")" -le "$SUMMARY_BYTES" ] || summary false >"$text"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$text" >>"$GITHUB_STEP_SUMMARY"; else cat "$text"; fi
}

write_outputs() {
  local code=$1 word
  [ -n "${GITHUB_OUTPUT:-}" ] || return 0
  word="$(fence)"
  {
    printf 'exit-code=%s\nrecords=%s\nsummary<<%s\n' "$code" "$records" "$word"
    # Inside of a text quotes are escaped, so that only an event looks so.
    [ "$published" != true ] || grep -E '"event":"(delivery|error|summary)"' "$records/events.jsonl" || true
    printf '%s\n' "$word"
  } >>"$GITHUB_OUTPUT"
}

# Ends the script: 3, some channels failed, is a failure only where it was asked
# to be one.
finish() {
  local code=$1 text=${2:-}
  write_summary
  write_outputs "$code"
  [ "$code" != 0 ] || exit 0
  if [ "$code" = 3 ] && [ "$fail_on" = all ]; then
    annotate warning "some channels failed; $records/events.jsonl tells which"
    exit 0
  fi
  annotate error "$text"
  exit "$code"
}

published=false
parse "$@"
read_settings
check_settings
keys="$(key_variables)"
check_build_env
prepare_engine
stage build
stage test
stage package
find_engine
sign
upload
publish
