"""Every verb that writes asks for permission first and leaves an audit entry."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import FunctionType

import pytest

DOMAINS = ("accounts", "webhooks", "jobs", "network", "outages", "sla", "payments")

# Writing verbs that leave no entry of their own, each with its reason.
NOT_AUDITED = {
    "jobs.keep_ended_import": "the load it tells of is audited by its domain, in the same commit",
    "jobs.keep_ended_job": "the work it tells of is audited by its domain, in the same commit",
    "webhooks.claim_deliveries": "own insert-only log",
    "webhooks.record_attempts": "own insert-only log",
    "webhooks.queue_messages": "own insert-only log",
}


def verbs() -> Iterator[tuple[str, FunctionType]]:
    """What the services doors offer that takes an actor."""
    for domain in DOMAINS:
        door = importlib.import_module(f"{domain}.services")
        for name in door.__all__:
            verb = getattr(door, name)
            if inspect.isfunction(verb) and "actor" in inspect.signature(verb).parameters:
                yield f"{domain}.{name}", verb


def _reaches(function: FunctionType, wanted: set[str], seen: set[str]) -> bool:
    """Whether the function, or one of its own package that it calls, names one of ``wanted``."""
    key = f"{function.__module__}.{function.__qualname__}"
    if key in seen:
        return False
    seen.add(key)
    tree = ast.parse(inspect.getsource(function).lstrip())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if names & wanted:
        return True
    module = inspect.getmodule(function)
    for name in names:
        inner = getattr(module, name, None)
        if inspect.isfunction(inner) and _reaches(inner, wanted, seen):
            return True
    return any(
        inspect.isfunction(inner) and _reaches(inner, wanted, seen)
        for outer in vars(module).values()
        if inspect.ismodule(outer) and ".services" in outer.__name__
        for inner_name, inner in vars(outer).items()
        if inner_name in names
    )


@pytest.mark.parametrize(("name", "verb"), [pytest.param(n, v, id=n) for n, v in verbs()])
def test_a_writing_verb_records_what_it_did(name: str, verb: FunctionType) -> None:
    if name in NOT_AUDITED:
        return
    assert _reaches(verb, {"record", "record_many"}, set())


@pytest.mark.parametrize(("name", "verb"), [pytest.param(n, v, id=n) for n, v in verbs()])
def test_a_verb_takes_actor_and_instant_by_name(name: str, verb: FunctionType) -> None:
    parameters = inspect.signature(verb).parameters
    assert parameters["actor"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "at" in parameters
