# What scripts/run and scripts/test share: they come from a bare machine to a working environment.
# Bash, coreutils and util-linux are taken for granted, nothing else: not even Python.
set -euo pipefail
# Programs of the system, not what a developer's shell happens to put before them.
unset PYTHONPATH PYTHONHOME DJANGO_SETTINGS_MODULE CDPATH
export PYTHONUTF8=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The embedded servers run under another account when we are root, and must be able to read.
umask 022

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
called_from=$PWD
cd -- "$root"
mkdir -p .local

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
    exit 1
}

# Prints the first Python that is new enough and can make virtual environments (on Debian that
# part is a package of its own).
find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v "$name" >/dev/null && "$name" - <<'PYTHON' 2>/dev/null; then
import ensurepip, sys, venv
sys.exit(sys.version_info < (3, 11))
PYTHON
            command -v "$name"
            return
        fi
    done
    return 1
}

has_library() { /sbin/ldconfig -p 2>/dev/null | grep -F "$1" >/dev/null; }
has_program() { command -v "$1" >/dev/null; }

# Prints the Debian packages that are missing. $1: run, or test for what only the tests need.
missing_packages() {
    [[ -n ${PORTAL_PYTHON:-} ]] || find_python >/dev/null || say python3 python3-venv
    has_library libpango-1.0.so.0 || say libpango-1.0-0
    has_library libpangoft2-1.0.so.0 || say libpangoft2-1.0-0
    # Without it the PDFs are right but each Chinese page takes seconds.
    has_library libharfbuzz-subset.so.0 || say libharfbuzz-subset0
    [[ $1 == test ]] || return 0
    has_program chromium || say chromium
    has_library libatomic.so.1 || say libatomic1
    has_program xgettext || say gettext
    has_program pdffonts || say poppler-utils
    [[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ]] || say fonts-noto-cjk
}

# Installs what is missing when root; otherwise says what an administrator has to type.
ensure_packages() {
    local packages
    packages=$(missing_packages "$1" | tr '\n' ' ')
    packages=${packages% }
    [[ -n $packages ]] || return 0
    local install="apt-get install --yes --no-install-recommends $packages"
    has_program apt-get || fail "these are missing (names of Debian's packages): $packages"
    if [[ $(id -u) != 0 ]]; then
        fail "some system packages are missing. Ask an administrator to run:
    apt-get update && $install"
    fi
    say "Installing system packages: $packages"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get -o DPkg::Lock::Timeout=300 update
        apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends $packages
    } >.local/apt.log 2>&1 || { tail -n 20 .local/apt.log >&2; fail "apt-get failed (.local/apt.log)"; }
    packages=$(missing_packages "$1" | tr '\n' ' ')
    [[ -z $packages ]] || fail "still missing after the installation: $packages"
}

# Makes .venv, or brings it up to date when requirements.txt, Python or the folder has changed.
ensure_venv() {
    local base want
    base=$(find_python)
    want="$("$base" -VV) $root"
    if [[ $(cat .venv/made-by 2>/dev/null) != "$want" ]] || ! .venv/bin/python -c '' 2>/dev/null; then
        say "Creating .venv with $("$base" -V)"
        "$base" -m venv --clear .venv
        printf '%s\n' "$want" >.venv/made-by
    fi
    want=$(sha256sum <requirements.txt)
    if [[ $(cat .venv/installed 2>/dev/null) != "$want" ]]; then
        say "Installing Python packages (half a minute)"
        .venv/bin/python -m pip install --quiet --quiet --requirement requirements.txt
        printf '%s\n' "$want" >.venv/installed
    fi
}

# Leaves $python set. PORTAL_PYTHON names a Python that has everything already (a container's).
prepare() {
    exec 9>.local/setup.lock
    flock 9 # two starts at once: the second waits and finds everything done
    ensure_packages "$1"
    if [[ -n ${PORTAL_PYTHON:-} ]]; then
        python=$PORTAL_PYTHON
    else
        ensure_venv
        python=$root/.venv/bin/python
    fi
    exec 9>&-
    PATH=$(dirname -- "$python"):$PATH
    export PATH
}
