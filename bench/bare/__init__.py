"""The yardstick: Django with a database and nothing else."""
