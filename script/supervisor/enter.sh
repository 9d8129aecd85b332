# Sourced by the commands beside this folder: `enter local|dev COMMAND "$@"`.
# Finds Python, makes .venv (instant when it is up to date) and becomes the Python program.

enter() {
    root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
    python=''
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "Python 3.11 or newer is needed, as python3, python3.11, python3.12 or python3.13." >&2
        exit 1
    fi
    "$python" -B "$root/script/supervisor/environment.py" "$1" || exit $?
    shift
    exec "$root/.venv/bin/python" "$root/script/supervise.py" "$@"
}
