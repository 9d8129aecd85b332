#!/usr/bin/env python
"""Operator commands: `python manage.py help`. `script/manage` runs it with the embedded servers."""

import os
import sys

from config import process

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    process.declare(process.COMMAND)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
