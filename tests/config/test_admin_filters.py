"""The filters of the back office know their words: no table is read to find them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import world


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("page", "query", "label"),
    [
        ("audit_entry", {"source": "command", "actor_kind": "system"}, "Api key"),
        ("core_reactionrow", {"reaction": "sla.assess"}, "webhooks."),
        ("jobs_job", {"job_type": "import_outages"}, "Import outages"),
        ("payments_payment", {"reason": "superseded"}, "A later result counts"),
    ],
)
def test_a_list_is_filtered_by_known_words(page: str, query: dict[str, str], label: str) -> None:
    client = world.office("admin")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse(f"admin:{page}_changelist"), query)
    assert answer.status_code == 200
    assert label in answer.content.decode()
    assert [each["sql"] for each in asked if "DISTINCT" in each["sql"]] == []
