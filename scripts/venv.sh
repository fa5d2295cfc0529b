# Sourced by scripts/sos and scripts/test: a virtual environment with exactly the pinned packages.
# sh only, no bashisms. Everything it says goes to stderr.
#
#   root    must be set to the checkout
#   venv    is set to the environment: $SOS_VENV, else .venv in the checkout
#   ensure_venv run|dev   makes or refreshes it; nothing happens when it is up to date
#
# SOS itself is installed in editable form, so a change of the source needs no new installation; a change
# of pyproject.toml or constraints.txt does, and is noticed by a checksum kept in the environment.

venv=${SOS_VENV:-$root/.venv}
lock=$venv.lock

say() { printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2; }
die() { say "$@"; exit 1; }

good_python() { command -v -- "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${SOS_PYTHON:-}" ]; then
        good_python "$SOS_PYTHON" || die "SOS_PYTHON=$SOS_PYTHON is not a Python 3.11 or newer"
        printf '%s\n' "$SOS_PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if good_python "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "needs Python 3.11 or newer and found none on PATH; install one, or set SOS_PYTHON to its path"
}

# What the environment was made from: pins, dependencies, place of the checkout.
fingerprint() { { cat "$root/constraints.txt" "$root/pyproject.toml" && printf '%s\n' "$root"; } | cksum; }

up_to_date() { [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.sos-$1" 2>/dev/null)" = "$(fingerprint)" ]; }

# A directory is the lock; a lock whose maker is dead is taken over.
take_lock() {
    mkdir -p "$(dirname -- "$venv")"
    until mkdir "$lock" 2>/dev/null; do
        holder=$(cat "$lock/pid" 2>/dev/null || :)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -rf "$lock"
            continue
        fi
        [ "${told:-}" ] || say "another run is installing into $venv; waiting for it"
        told=yes
        sleep 1
    done
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    echo $$ >"$lock/pid"
}

install_into() {
    what=.
    [ "$1" = run ] || what=".[$1]"
    if ! [ -x "$venv/bin/python" ] || ! good_python "$venv/bin/python"; then
        python=$(find_python) || exit 1
        say "making $venv with $("$python" -V)"
        "$python" -m venv --clear "$venv" >&2 ||
            die "could not make $venv; on Debian and Ubuntu the package python3-venv is needed"
    fi
    say "installing the pinned packages into $venv (once; takes a minute)"
    # The build backend is pinned too: older pips read one variable for that, newer ones the other.
    (
        cd "$root"
        PIP_CONSTRAINT=$root/constraints.txt PIP_BUILD_CONSTRAINT=$root/constraints.txt \
            PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1 \
            "$venv/bin/python" -m pip install -qq -c constraints.txt -e "$what" >&2
    ) || die "the installation failed; mend what pip says above and run this again"
    fingerprint >"$venv/.sos-run"
    [ "$1" = run ] || fingerprint >"$venv/.sos-$1"
}

ensure_venv() {
    up_to_date "$1" && return
    take_lock
    up_to_date "$1" || install_into "$1"
    rm -rf "$lock"
    trap - EXIT INT TERM
}
