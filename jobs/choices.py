"""The words of long work, each with its meaning."""

from django.db.models import TextChoices


class Status(TextChoices):
    PENDING = "pending", "Pending"  # waits for its time, or for a worker
    STARTED = "started", "Started"  # a worker holds its lease
    SUCCESS = "success", "Success"  # done; what it wrote committed with this word
    FAILURE = "failure", "Failure"  # over without success; see FailureKind
    REVOKED = "revoked", "Revoked"  # cancelled; nothing of it was kept


FINISHED = frozenset({Status.SUCCESS, Status.FAILURE, Status.REVOKED})


class FailureKind(TextChoices):
    PERMANENT = "permanent", "Permanent"  # the input is wrong; trying again changes nothing
    EXHAUSTED = "exhausted", "Exhausted"  # failures that pass, until no try was left
    LOST = "lost", "Lost"  # its workers died with it


# A job that deserved better: shown first, with "try again".
DEAD = frozenset({FailureKind.EXHAUSTED, FailureKind.LOST})


class Consistency(TextChoices):
    ATOMIC = "atomic", "Atomic"  # every row of a file, or none
    PARTIAL = "partial", "Partial"  # the rows that are good


class FileKind(TextChoices):
    CSV = "csv", "CSV"
    JSON = "json", "JSON"  # an array of objects
    NDJSON = "ndjson", "NDJSON"  # an object a line
