# Sourced by the scripts of this folder: finds a Python that fastgd runs on.

# A name on PATH proves nothing: a version manager leaves names there that do not run.
runs() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
}

# Prints the Python asked for, or the newest that runs.
find_python() {
    local name names=(python3.14 python3.13 python3.12 python3.11 python3 python)
    [ -z "${1:-}" ] || names=("$1")
    for name in "${names[@]}"; do
        if runs "$name"; then
            echo "$name"
            return
        fi
    done
    echo "no Python from 3.11 on, with venv, among: ${names[*]}" >&2
    return 1
}

# Prints the Python to work with in the checkout: $PYTHON, else .venv, else the first on PATH.
checkout_python() {
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
    elif .venv/bin/python -c '' 2> /dev/null; then
        echo "$PWD/.venv/bin/python"
    else
        command -v python3 || command -v python
    fi
}

# For what compiles after it: through ccache where that is installed, and without debug symbols,
# which take a fifth of the time.
choose_compiler() {
    if [ -z "${CC:-}" ] && command -v ccache > /dev/null && command -v gcc > /dev/null; then
        export CC="ccache gcc" CCACHE_NOHASHDIR=1
    fi
    export CFLAGS="${CFLAGS:--g0}"
}
