"""Sends what nobody should send, and remembers what was not as it should be."""

from dataclasses import dataclass, field
from typing import Any

from tests import world
from tests.contracts import api
from tests.contracts.api import Operation

# Doors that ask for a password or code, where wrong ones are counted.
GUARDED = ("/login", "/reauthenticate", "/me/erase", "/password/change")
SIGNS_OUT = ("/logout", "/auth/logout-all", "/auth/revoke")


@dataclass
class Watch:
    """``said`` names what was sent in the list of what went wrong."""

    client: world.Client
    wrong: list[str] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=world.everything)

    def send(self, operation: Operation, address: str, body: Any, said: str, **more: Any) -> Any:
        answer: Any = self.client.request(operation.method, address, body, **more)
        if answer.streaming:
            answer.getvalue()
            answer.close()
        reads = operation.method not in api.WRITING
        after = self.before if reads else world.everything()
        if answer.status_code >= 500:
            self.wrong.append(f"{said}: {answer.status_code}")
        elif answer.status_code >= 400:
            if wrong := api.what_is_wrong(
                answer.status_code, answer["Content-Type"], answer.content, operation
            ):
                self.wrong.append(f"{said}: {wrong}")
            changed = {name for name in after if after[name] != self.before.get(name)}
            if operation.path.endswith(GUARDED):
                changed -= {"audit_entry", "axes_accessattempt"}  # who tried is on record
            if changed:
                self.wrong.append(f"{said}: {answer.status_code}, and changed {changed}")
        if operation.path.endswith(SIGNS_OUT) and answer.status_code < 300:
            self.client.headers = world.client("admin").headers
            after = world.everything()
        self.before = after
        return answer
