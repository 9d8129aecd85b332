"""Bring the database up to date in one Django process: three commands would start it three times.

python -m supervisor.prepare migrate bootstrap demo
"""

import os
import sys

from supervisor import project


def main(names: list[str]) -> None:
    """Run management commands one after the other."""
    sys.path.insert(0, str(project.ROOT))
    from config import process  # noqa: PLC0415  # the project is on the path only now

    process.declare(process.COMMAND)  # before Django reads the settings

    import django  # noqa: PLC0415
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    for name in names:
        options = {"verbosity": 0, "interactive": False} if name == "migrate" else {}
        try:
            call_command(name, **options)
        except CommandError as error:
            sys.exit(f"manage.py {name}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
