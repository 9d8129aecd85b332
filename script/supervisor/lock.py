"""script/lock: compile requirements/*.in into pinned and hashed *.txt."""

import subprocess

from supervisor import project

FOLDER = project.ROOT / "requirements"
# dev.txt holds everything; what is smaller takes its versions, so that one environment can grow.
LARGEST = "dev"
OTHERS = ("local", "base", "prod")


def main(arguments: list[str]) -> int:
    _compile(LARGEST, arguments)
    for name in OTHERS:
        _compile(name, ["--constraint", f"{LARGEST}.txt"])
    _compile("pip", arguments, universal=False)
    return 0


def _compile(name: str, options: list[str], *, universal: bool = True) -> None:
    command = [str(project.PYTHON), "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-header", "--no-emit-index-url"]
    # Why a package is there is told once, in the largest file.
    command += [] if name == LARGEST else ["--no-annotate"]
    command += ["--universal"] if universal else []
    command += [f"{name}.in", "--output-file", f"{name}.txt", *options]
    subprocess.run(command, cwd=FOLDER, check=True)
    print(f"requirements/{name}.txt")
